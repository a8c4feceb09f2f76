"""Page views of a log become rows of the warehouse, in sessions, beside what the warehouse has of the same days.

An imported visitor's id lasts one UTC day and is nobody's whom we will meet again: no live profile is made of it,
and the rows go straight to the warehouse, a day's worth in one commit instead of one message each. They are the
rows that the worker would have written had the views come through the event log sorted by time: sessions are
``profiles.sessions``' own, touches ``ingest.channels``'.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.access_log import DAY_MS, HITS, arrival_of
from ingest.channels import Arrival
from profiles.identity import visitor_id
from profiles.model import Session, Touch
from profiles.sessions import Hit, owner_of, place, rules_of
from tracker.sites import Site
from warehouse.schema import EVENTS, AliasRow

STORED = pa.schema([*HITS, pa.field("session", pa.string())])
"""Views that the warehouse has already, with their current sessions."""

_TOUCH = ("channel", "origin", "medium", "campaign", "keyword")
_DIRECT = Touch()


class Made(NamedTuple):
    """The rows to add, as the warehouse's EVENTS, and the stored sessions that are now part of others."""

    rows: pa.Table
    aliases: list[AliasRow]


def made(hits: pa.Table, stored: pa.Table, site: Site, received: int) -> Made:
    """``hits`` (HITS) without those that are stored, and in sessions together with those. ``received``: now, ms."""
    fresh = hits.filter(pc.invert(pc.is_in(hits["id"], stored["id"].combine_chunks())))
    if not len(fresh):
        return Made(EVENTS.empty_table(), [])
    blank = pa.nulls(len(fresh), pa.string())
    known = stored.filter(pc.is_in(stored["visitor"], pc.unique(fresh["visitor"])))
    views = pa.concat_tables([known, fresh.append_column("session", blank)]).combine_chunks()
    arrivals = _arrivals(views)
    order = _order(views, arrivals)
    sessions, touches = _placed(views, arrivals, order, site)
    new = np.arange(len(known), len(views))
    aliases = _retired(known["session"].to_pylist(), sessions, site.id, received)
    session = pa.array(sessions[len(known) :], pa.string())
    return Made(_rows(views.take(pa.array(new)), session, touches[len(known) :], site, received), aliases)


def _arrivals(views: pa.Table) -> list[Arrival | None]:
    """How each view's visitor came, if the view says so."""
    urls, referrers = (views[name].combine_chunks().dictionary_encode() for name in ("url", "referrer"))
    width = max(len(referrers.dictionary), 1)
    codes = urls.indices.to_numpy().astype(np.int64) * width + referrers.indices.to_numpy()
    used, codes = np.unique(codes, return_inverse=True)
    known_urls, known_referrers = urls.dictionary.to_pylist(), referrers.dictionary.to_pylist()
    found = [arrival_of(known_urls[code // width], known_referrers[code % width]) for code in used.tolist()]
    return [found[code] for code in codes.tolist()]


def _order(views: pa.Table, arrivals: Sequence[Arrival | None]) -> list[int]:
    """The views by visitor and time; of those in one second the ones with a campaign first, as sessions are."""
    visitors = views["visitor"].combine_chunks().dictionary_encode().indices.to_numpy()
    keys = np.array([came.key if came else "" for came in arrivals], object)
    unkeyed = keys == ""
    rank = np.zeros(len(keys), np.int64)
    if not unkeyed.all():
        rank = np.unique(keys.astype(str), return_inverse=True)[1]
    order: list[int] = np.lexsort((rank, unkeyed, views["ts"].to_numpy(), visitors)).tolist()
    return order


def _placed(
    views: pa.Table, arrivals: Sequence[Arrival | None], order: Sequence[int], site: Site
) -> tuple[list[str], list[Touch]]:
    """Each view's session and how that came about; "" for a bot's."""
    rules = rules_of(site)
    names, ts, paths, bots = (views[name].to_pylist() for name in ("visitor", "ts", "path", "bot"))
    ids, touches = [""] * len(names), [_DIRECT] * len(names)
    current, owner, sessions = "", "", list[Session]()
    for index in order:
        at, came = ts[index], arrivals[index]
        touch = None
        if came:
            touch = Touch(
                at, came.channel, came.origin, came.medium, came.campaign, came.keyword, paths[index]
            )
        if bots[index]:
            touches[index] = touch or _DIRECT
            continue
        if names[index] != current:
            current, sessions = names[index], []
            owner = owner_of.__wrapped__(site.id, current)
        session = place(sessions, owner, Hit(at, came.key if came else "", True, touch), rules).session
        ids[index], touches[index] = session.id, session.touch
    return ids, touches


def _retired(before: Sequence[str], now: Sequence[str], site: str, received: int) -> list[AliasRow]:
    """Sessions of stored views that late ones made part of others."""
    left = set(now)
    renamed = {old: new for old, new in zip(before, now, strict=False) if old not in left and old and new}
    return [AliasRow(site, "session", old, new, received) for old, new in renamed.items()]


def _rows(
    views: pa.Table, session: pa.Array, touches: Sequence[Touch], site: Site, received: int
) -> pa.Table:
    count = len(views)
    days = pc.cast(pc.divide(views["ts"], DAY_MS), pa.int32()).cast(pa.date32())
    given: dict[str, Any] = {
        "day": days,
        "profile": pc.binary_join_element_wise(visitor_id(""), views["visitor"], ""),
        "session": session,
        "received": pa.repeat(pa.scalar(received, pa.int64()), count),
        "demo": pa.repeat(False, count),
        "items": pa.repeat(pa.scalar([], EVENTS.field("items").type), count),
    }
    for name in _TOUCH:
        given[name] = pa.array([getattr(touch, name) for touch in touches], pa.string())
    same = {"site": site.id, "type": "page", "source": "log", "props": "{}", "traits": "{}"}
    columns = []
    for field in EVENTS:
        if field.name in given:
            columns.append(given[field.name])
        elif field.name in HITS.names:
            columns.append(views[field.name])
        elif field.nullable:
            columns.append(pa.nulls(count, field.type))
        else:
            columns.append(pa.repeat(same.get(field.name, ""), count))
    return pa.Table.from_arrays(columns, schema=EVENTS)
