"""What a service agent asks of one person beside the timeline: their orders, and the ids they came under."""

from dataclasses import dataclass

from warehouse.definitions.currencies import UNITS
from warehouse.definitions.orders import OrderState
from warehouse.events import Events
from warehouse.question.scope import Scope

_ORDERED = f"""
select ts, revenue::double / {UNITS} as revenue, currency, number, state, pieces
from net_orders left join (select key, sum(quantity) as pieces from net_lines group by key) using (key)
order by ts desc limit $most
"""
_IDS = """
select coalesce(visitor, '') as visitor, min(ts) as first, max(ts) as last, count(*) as events,
       arg_max(device, ts) as device, arg_max(browser, ts) as browser
from events group by 1 order by first limit $most
"""


@dataclass(frozen=True, slots=True)
class PersonOrder:
    """An order as it stands now, or a credit note. ``number`` is the shop's; ``currency`` is "" for the site's;
    ``pieces``: what is left of its lines, None where it names none."""

    ts: int
    revenue: float
    currency: str
    number: str
    state: OrderState
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


def dossier(events: Events, site: str, profile: str, start: int, currency: str, most: int = 50) -> Dossier:
    """Of the person now known as ``profile``, since ``start`` (ms); ``currency`` is the site's.

    Raises WarehouseUnavailable.
    """
    scope = Scope(site, start, bots=True, person=profile, currency=currency)
    found = events.tables({"orders": _ORDERED, "ids": _IDS}, scope, {"most": most})
    return Dossier(
        tuple(PersonOrder(**row) for row in found["orders"].to_pylist()),
        tuple(PersonId(**row) for row in found["ids"].to_pylist()),
    )
