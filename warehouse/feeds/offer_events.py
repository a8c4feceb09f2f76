"""Offer events and the events that campaigns have as goals, as they came: what they are worth, offers/ knows."""

from collections.abc import Collection
from typing import Literal, NamedTuple

from tracker.event import SITE
from warehouse.definitions.orders import ORDERS
from warehouse.events import Events
from warehouse.question.scope import Scope

OfferEventKind = Literal["view", "click", "dismissed", "decided", "withheld"]
KINDS: dict[str, OfferEventKind] = {
    "Offer Viewed": "view",
    "Offer Clicked": "click",
    "Offer Dismissed": "dismissed",
    "Offer Decided": "decided",
    "Offer Withheld": "withheld",
}

_OFFERS = """
select * from (
    select coalesce(props ->> '$.campaign', '') as campaign, coalesce(props ->> '$.variant', '') as variant,
           coalesce(props ->> '$.token', '') as token, name as kind, profile, ts, visitor, "user", sender, received
    from events where type = 'track' and name in (select unnest($names))
) {condition} order by ts, token
"""

_ORDERS = ORDERS.format(session="session", profile="profile")

_GOALS = f"""
with counted as ({_ORDERS})
select name as event, profile, ts, 0.0 as value from events
where type = 'track' and name in (select unnest($names)) and name <> 'Order Completed'
union all
select 'Order Completed', profile, ts, revenue + coalesce(refunded, 0) from counted left join (
    select number, sum(revenue) as refunded from counted where orders = 0 group by number
) using (number) where orders > 0 and $with_orders order by ts
"""


class OfferEvent(NamedTuple):
    """One offer event: what its properties say, unverified. ``visitor`` and ``user`` are whoever sent it, ``sender``
    and ``received`` (ms) as in the warehouse."""

    campaign: str
    variant: str
    token: str
    kind: OfferEventKind
    profile: str
    ts: int
    visitor: str | None = None
    user: str | None = None
    sender: str | None = None
    received: int = 0

    @property
    def from_public_key(self) -> bool:
        """Whether it was sent with the public key, by all that is known."""
        return self.sender not in (None, SITE)


class GoalEvent(NamedTuple):
    """``value`` is an order's revenue less what was refunded of it, else 0."""

    event: str
    profile: str
    ts: int
    value: float


def offer_events(
    events: Events, site: str, start: int, end: int, campaigns: Collection[str] | None = None
) -> list[OfferEvent]:
    """Offer events with ``start`` ≤ ts < ``end`` (ms), of all campaigns or of those named, by time."""
    condition = "" if campaigns is None else "where campaign in (select unnest($campaigns))"
    params = {"names": list(KINDS), "campaigns": sorted(campaigns or ())}
    rows = events.rows(_OFFERS.format(condition=condition), Scope(site, start, end), params)
    return [OfferEvent(**{**row, "kind": KINDS[row["kind"]]}) for row in rows]


def goal_events(events: Events, site: str, names: Collection[str], start: int, end: int) -> list[GoalEvent]:
    """The events so named with ``start`` ≤ ts < ``end`` (ms), by time; each order once, less refunds of then."""
    params = {"names": sorted(names), "with_orders": "Order Completed" in names}
    return [GoalEvent(**row) for row in events.rows(_GOALS, Scope(site, start, end), params)]
