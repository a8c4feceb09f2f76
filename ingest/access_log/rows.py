"""Page views of a log become rows of the warehouse, in sessions, beside what the warehouse has of the same days.

An imported visitor's id lasts one UTC day and is nobody's whom we will meet again: no live profile is made of it,
and the rows go straight to the warehouse, a day's worth in one commit instead of one message each. They are the
rows that the worker would have written had the views come through the event log sorted by time: sessions are
``profiles.fold.sessions``' own, touches ``ingest.enrich.channels``'.
"""

from base64 import b32encode
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.access_log.fields import Distinct, Rows
from ingest.access_log.page_views import HITS, arrival_of
from ingest.enrich.channels import Arrival, landing
from profiles.fold.session_cuts import Hit
from profiles.fold.sessions import place
from profiles.ids import OWNER_LENGTH, session_id, visitor_id
from profiles.model import Session, Touch
from profiles.session_rules import SessionRules, rules_of
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.tables.schema import EVENTS, AliasRow

STORED = pa.schema([*HITS, pa.field("session", pa.string())])
"""Views that the warehouse has already, with their current sessions."""

_TOUCH = ("channel", "origin", "medium", "campaign", "keyword")
_DIRECT = Touch()
QUARTER_MS = 900_000
VIEWS_AT_ONCE = 10_000


class NewRows(NamedTuple):
    """The rows to add, as the warehouse's EVENTS, and the stored sessions that are now part of others."""

    rows: pa.Table
    aliases: list[AliasRow]


def made(hits: pa.Table, stored: pa.Table, site: Site, received: int) -> NewRows:
    """``hits`` (HITS) without those that are stored, and in sessions together with those. ``received``: now, ms.

    Of hits with one id, which lines far out of order may have, the first counts. Some visitors at a time, whose rows
    do not depend on others', so that memory does not grow with the hits."""
    if len(hits) <= VIEWS_AT_ONCE:
        return _made(hits, stored, site, received)
    visitors = hits["visitor"].combine_chunks().dictionary_encode().indices.to_numpy()
    places = visitors % (len(hits) // VIEWS_AT_ONCE + 1)
    parts = [
        _made(hits.take(pa.array(np.flatnonzero(places == place))), stored, site, received)
        for place in np.unique(places).tolist()
    ]
    rows = pa.concat_tables([part.rows for part in parts])
    return NewRows(rows, [alias for part in parts for alias in part.aliases])


def _made(hits: pa.Table, stored: pa.Table, site: Site, received: int) -> NewRows:
    fresh = hits.filter(pc.invert(pc.is_in(hits["id"], stored["id"].combine_chunks())))
    ids = fresh["id"].combine_chunks().dictionary_encode()
    if len(ids.dictionary) < len(fresh):
        fresh = fresh.take(pa.array(np.unique(ids.indices.to_numpy(), return_index=True)[1]))
    if not len(fresh):
        return NewRows(EVENTS.empty_table(), [])
    blank = pa.nulls(len(fresh), pa.string())
    known = stored.filter(pc.is_in(stored["visitor"], pc.unique(fresh["visitor"])))
    views = pa.concat_tables([known, fresh.append_column("session", blank)]).combine_chunks()
    came = _came(views, site)
    visitors = views["visitor"].combine_chunks().dictionary_encode()
    codes = visitors.indices.to_numpy().astype(np.int64)
    ts, people = views["ts"].to_numpy(), np.flatnonzero(~views["bot"].to_numpy())
    start, touch = np.full(len(views), -1), came.codes.copy()  # a bot's own
    theirs = came._replace(codes=came.codes[people], keys=came.keys[people])
    start[people], touch[people] = _sessionize(codes[people], ts[people], theirs, rules_of(site))
    sessions = _session_ids(site.id, visitors.dictionary.to_pylist(), codes, start)
    aliases = _renamed(known, sessions[: len(known)], start, site.id, received) if len(known) else []
    new = pa.array(np.arange(len(known), len(views)))
    touches = [Touch(0, *each[:5]) if each else _DIRECT for each in came.arrivals]
    return NewRows(
        _rows(views.take(new), sessions.take(new), touches, touch[len(known) :], site, received), aliases
    )


class Arrivals(NamedTuple):
    """How each view's visitor came: ``arrivals[codes[i]]``. ``keys`` are their campaigns as numbers, in the order of
    the names; 0 is none."""

    arrivals: list[Arrival | None]
    codes: Rows
    keys: Rows


def _came(views: pa.Table, site: Site) -> Arrivals:
    came_by = arrival_of(site)
    landings, referrers = _landings(views["url"]), views["referrer"].combine_chunks().dictionary_encode()
    width = max(len(referrers.dictionary), 1)
    used, codes = np.unique(landings.codes * width + referrers.indices.to_numpy(), return_inverse=True)
    known_referrers = referrers.dictionary.to_pylist()
    pages, froms = (used // width).tolist(), (used % width).tolist()
    found = [
        came_by(landings.values[page], known_referrers[source])
        for page, source in zip(pages, froms, strict=True)
    ]
    arrivals = list(dict.fromkeys(found))
    number = {came: code for code, came in enumerate(arrivals)}
    names = sorted({came.key for came in arrivals if came and came.key})
    rank = {name: code for code, name in enumerate(names, 1)}
    keys = np.array([rank[came.key] if came and came.key else 0 for came in arrivals], np.int64)
    merged = np.array([number[came] for came in found], np.int64)[codes]
    return Arrivals(arrivals, merged, keys[merged])


def _landings(urls: pa.ChunkedArray) -> Distinct[str]:
    """What the views' URLs may say of an arrival."""
    known = urls.combine_chunks().dictionary_encode()
    numbers: dict[str, int] = {}
    codes = [numbers.setdefault(landing(url), len(numbers)) for url in known.dictionary.to_pylist()]
    return Distinct(list(numbers), np.array(codes, np.int64)[known.indices.to_numpy()])


class Sessionized(NamedTuple):
    """Of each view: the start of its session, and the arrival of the session's first view."""

    start: Rows
    touch: Rows


def _sessionize(visitors: Rows, ts: Rows, came: Arrivals, rules: SessionRules) -> Sessionized:
    """The sessions of views that are all people's. ``visitors`` are numbers.

    By visitor and time, of one moment those with a campaign first, a visit ends where the next view is too far away.
    Where something else may end it, too, ``profiles.fold.sessions`` looks at each view; that is seldom.
    """
    order = np.lexsort((came.keys, came.keys == 0, ts, visitors))
    who, at, key = visitors[order], ts[order], came.keys[order]
    breaks = np.ones(len(order), np.bool_)
    breaks[1:] = (who[1:] != who[:-1]) | (at[1:] - at[:-1] > rules.timeout)
    firsts = np.flatnonzero(breaks)
    chain = np.cumsum(breaks) - 1
    start = at[firsts][chain]
    odd = at - start >= rules.longest
    if rules.by_campaign:
        odd |= (key > 0) & (key != key[firsts][chain])
    if rules.midnight is not None:
        odd |= at // DAY_MS != start // DAY_MS
        odd |= _local_days(at, rules.midnight) != _local_days(start, rules.midnight)
    for number in np.flatnonzero(np.bincount(chain, odd, len(firsts)) > 0).tolist():
        end = int(firsts[number + 1]) if number + 1 < len(firsts) else len(order)
        rows = slice(int(firsts[number]), end)
        start[rows] = _starts(at[rows].tolist(), key[rows].tolist(), rules)
    breaks[1:] |= start[1:] != start[:-1]
    firsts, visit = np.flatnonzero(breaks), np.cumsum(breaks) - 1
    touch = came.codes[order][firsts][visit]
    result = Sessionized(np.empty_like(start), np.empty_like(touch))
    result.start[order], result.touch[order] = start, touch
    return result


def _starts(ts: Sequence[int], keys: Sequence[int], rules: SessionRules) -> list[int]:
    """The start of each view's session, of one visitor's views in order."""
    sessions: list[Session] = []
    return [
        place(sessions, "", Hit(at, f"{key:09}" if key else "", True), rules).session.start
        for at, key in zip(ts, keys, strict=True)
    ]


def _local_days(ts: Rows, zone: tzinfo) -> Rows:
    """The day on the wall clock. Clocks change, and days begin, at a quarter of an hour of UTC."""
    quarters, codes = np.unique(ts // QUARTER_MS, return_inverse=True)
    moments = (datetime.fromtimestamp(each * QUARTER_MS / 1000, UTC) for each in quarters.tolist())
    days = [moment.astimezone(zone).toordinal() for moment in moments]
    return np.array(days, np.int64)[codes]


def _session_ids(site: str, visitors: Sequence[str], codes: Rows, start: Rows) -> pa.StringArray:
    """``profiles.fold.sessions``' ids, of many at once; "" where ``start`` is negative: a bot's."""
    width = int(start.max(initial=0)) + 2
    used, places = np.unique(codes * width + start + 1, return_inverse=True)
    owners = _owners(site, visitors)
    found = [
        session_id(owners[who], at - 1) if at else ""
        for who, at in zip((used // width).tolist(), (used % width).tolist(), strict=True)
    ]
    return pa.array(found, pa.string()).take(pa.array(places))


def _owners(site: str, visitors: Sequence[str]) -> list[str]:
    """``profiles.ids.owner_of`` for many: eight letters for each five bytes, in one go."""
    digests = [blake2b(f"{site}\0{who}".encode(), digest_size=5).digest() for who in visitors]
    letters = b32encode(b"".join(digests)).decode().lower()
    return [letters[at : at + OWNER_LENGTH] for at in range(0, len(letters), OWNER_LENGTH)]


def _renamed(known: pa.Table, sessions: pa.Array, start: Rows, site: str, received: int) -> list[AliasRow]:
    """What to say of stored views' sessions that late ones made part of others, or cut: see ``AliasRow``."""
    left, renamed = set(sessions.to_pylist()), dict[str, str]()
    order = np.argsort(start[: len(known)], kind="stable").tolist()
    before, now = known["session"].to_pylist(), sessions.to_pylist()
    for index in order:
        old, new = before[index], now[index]
        if old == new or not old or not new:
            continue
        if old not in left and old not in renamed:
            renamed[old] = new
        elif renamed.get(old, old) != new:
            renamed[new] = new
    return [AliasRow(site, "session", old, new, received) for old, new in renamed.items()]


def _answers(status: pa.ChunkedArray) -> pa.Array:
    """The properties that say how a fetch was answered."""
    known = status.combine_chunks().dictionary_encode()
    said = pa.array([*(f'{{"status":{each}}}' for each in known.dictionary.to_pylist()), "{}"], pa.string())
    return said.take(known.indices.fill_null(len(said) - 1))


def _rows(
    views: pa.Table, session: pa.Array, touches: Sequence[Touch], touch: Rows, site: Site, received: int
) -> pa.Table:
    """``touch``: the number of each view's among ``touches``."""
    count = len(views)
    days = pc.cast(pc.divide(views["ts"], DAY_MS), pa.int32()).cast(pa.date32())
    given: dict[str, Any] = {
        "day": days,
        "profile": pc.binary_join_element_wise(visitor_id(""), views["visitor"], ""),
        "session": session,
        "received": pa.repeat(pa.scalar(received, pa.int64()), count),
        "demo": pa.repeat(False, count),
        "props": _answers(views["status"]),
        "items": pa.ListArray.from_arrays(
            pa.array(np.zeros(count + 1, np.int32)), pa.array([], EVENTS.field("items").type.value_type)
        ),
    }
    which = pa.array(touch)
    for name in _TOUCH:
        given[name] = pa.array([getattr(each, name) for each in touches], pa.string()).take(which)
    same = {"site": site.id, "type": "page", "source": "log", "traits": "{}"}
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
