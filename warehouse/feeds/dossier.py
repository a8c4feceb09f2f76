"""What a service agent asks of one person beside the timeline: their orders, and the ids they came under."""

from dataclasses import dataclass

from warehouse.events import Events
from warehouse.question.scope import Scope

_ORDERED = """
select ts, revenue, coalesce("order", '') as number, pieces from (
    select min(ts) as ts, arg_min(coalesce(revenue, 0), row(sender is distinct from 'site', ts)) as revenue, "order",
           arg_min(list_sum(list_transform(items, lambda line: coalesce(line.quantity, 1))),
                   row(sender is distinct from 'site', ts)) as pieces
    from events where name = 'Order Completed' and repeated is not true
    group by "order", coalesce("order", id)
) order by ts desc limit $most
"""
_IDS = """
select coalesce(visitor, '') as visitor, min(ts) as first, max(ts) as last, count(*) as events,
       arg_max(device, ts) as device, arg_max(browser, ts) as browser
from events group by 1 order by first limit $most
"""


@dataclass(frozen=True, slots=True)
class PersonOrder:
    """``number`` is the shop's; ``pieces`` None where the order names no lines."""

    ts: int
    revenue: float
    number: str
    pieces: float | None


@dataclass(frozen=True, slots=True)
class PersonId:
    """One of the ids that were joined into this person; "" is what a backend sent. When they first and last came."""

    visitor: str
    first: int
    last: int
    events: int
    device: str
    browser: str


@dataclass(frozen=True, slots=True)
class Dossier:
    orders: tuple[PersonOrder, ...]
    ids: tuple[PersonId, ...]


def dossier(events: Events, site: str, profile: str, start: int, most: int = 50) -> Dossier:
    """Of the person now known as ``profile``, since ``start`` (ms). Raises WarehouseUnavailable."""
    scope = Scope(site, start, bots=True, person=profile)
    found = events.tables({"orders": _ORDERED, "ids": _IDS}, scope, {"most": most})
    return Dossier(
        tuple(PersonOrder(**row) for row in found["orders"].to_pylist()),
        tuple(PersonId(**row) for row in found["ids"].to_pylist()),
    )
