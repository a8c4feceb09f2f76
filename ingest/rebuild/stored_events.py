"""Reads rows of the warehouse back as enriched events, in the order in which they were counted."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ingest.enrich.channels import arrival
from ingest.folding.events import EnrichedEvent
from profiles.facts import Facts, ProductLine
from profiles.fold.fold import LogPosition
from profiles.model import Touch
from tracker.event import Event
from tracker.sites import Site
from warehouse.events import Events
from warehouse.question.scope import Scope

# Within a partition of the log positions tell the order. Between partitions the tracker's clock does, as far as it
# went forward: what a spool held back for a while is counted where it came, not where its date stands. Rows of the
# tables' first layout tell no position; imported access logs never had one, nor a profile.
_ROWS = """
select * exclude (came) from (
    select e.*, max(received) over (
        partition by coalesce(e."partition", -1) order by e."position", received, ts, id
        rows between unbounded preceding and current row) as came
    from events e
    where {whom} and (e."position" is not null
        or (not bot and not starts_with(coalesce(visitor, ''), '~') and not (source = 'log' and props = '{{}}')))
)
order by came, "partition", "position", received, ts, id
"""
FIRST_LAYOUT = -2


def stored_items(
    events: Events, site: str, whom: str = "true", settings: Site | None = None, **params: Any
) -> Iterator[tuple[str, EnrichedEvent]]:
    """The events of the people whose current profile ids meet the SQL condition ``whom``, each with that id.

    ``settings``: the site's own, which decide how its visitors came."""
    rows = events.table(_ROWS.format(whom=whom), Scope(site, bots=True), params)
    number = 0
    for batch in rows.to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            number += 1
            yield row["profile"], _item(row, number, settings)


def _item(row: Mapping[str, Any], number: int, settings: Site | None) -> EnrichedEvent:
    event = Event(
        site=row["site"],
        id=row["id"],
        type=row["type"],
        name=row["name"],
        visitor=row["visitor"],
        user=row["user"],
        ts=row["ts"],
        received=row["received"],
        url=row["url"],
        title=row["title"],
        referrer=row["referrer"],
        lang=row["lang"],
        props=msgspec.json.decode(row["props"]),
        traits=msgspec.json.decode(row["traits"]),
        source=row["source"],
        proven=row["proven"] is not False,
        sender=row["sender"] or "",
        context={"backfill": True} if row["backfill"] else {},
    )
    if row["position"] is None:
        place = LogPosition(event.visitor or event.user or "", FIRST_LAYOUT, number)
    else:
        place = LogPosition(event.visitor or event.user or "", row["partition"], row["position"])
    return EnrichedEvent(event, _facts(row, event, settings), place)


def _facts(row: Mapping[str, Any], event: Event, settings: Site | None) -> Facts:
    """What enrichment found out: stored, but for how the visitor came, since a row tells how its visit began."""
    came = arrival(event.url, event.referrer, settings) if event.url or event.referrer else None
    touch = None
    if came:
        way = (came.channel, came.origin, came.medium, came.campaign, came.keyword)
        touch = Touch(event.ts, *way, row["path"])
    return Facts(
        path=row["path"],
        touch=touch,
        campaign_key=came.key if came else "",
        device=row["device"],
        browser=row["browser"],
        os=row["os"],
        country=row["country"],
        demo=row["demo"],
        products=_lines(row),
        order=row["order"],
        revenue=row["revenue"],
        currency=row["currency"],
        refund=row["refund"],
        session_hint=row["hint"] or "",
        doubtful=row["doubtful"] is True,
    )


def _lines(row: Mapping[str, Any]) -> tuple[ProductLine, ...]:
    """The product lines, with the prices and quantities of that time."""
    if row["items"]:
        return tuple(ProductLine(**line) for line in row["items"])
    if row["product"] is None:
        return ()
    one = (row["category"] or "", row["quantity"] or 0.0, row["price"] or 0.0)
    return (ProductLine(row["product"], *one),)
