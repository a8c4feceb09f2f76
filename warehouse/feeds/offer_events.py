"""Offer events and the events that campaigns have as goals, as they came: what they are worth, offers/ knows."""

from collections.abc import Collection
from typing import Literal, NamedTuple

from tracker.event import SITE
from tracker.standard_events.offer_events import CLICKS, DISMISSALS, VIEWS
from warehouse.definitions.currencies import UNITS
from warehouse.events import Events
from warehouse.question.scope import Scope

OfferEventKind = Literal["view", "click", "dismissed", "decided", "withheld"]
KINDS: dict[str, OfferEventKind] = {
    **dict.fromkeys(sorted(VIEWS), "view"),
    **dict.fromkeys(sorted(CLICKS), "click"),
    **dict.fromkeys(sorted(DISMISSALS), "dismissed"),
    "Offer Decided": "decided",
    "Offer Withheld": "withheld",
}

_OFFERS = """
select * from (
    select coalesce(props ->> '$.campaign', '') as campaign, coalesce(props ->> '$.variant', '') as variant,
           coalesce(props ->> '$.token', '') as token, name as kind, profile, ts, visitor, "user", sender, received
    from events where type = 'track' and name in (select unnest($names)) and backfill is not true
) {condition} order by ts, token
"""

_GOALS = f"""
with history as (
    select hash(case when "order" is not null then 'o' || "order" else 'e' || id end) as key
    from events where name = 'Order Completed' group by 1 having bool_and(coalesce(backfill, false))
)
select name as event, profile, ts, 0.0::double as value, '' as currency, 0.0::double as foreign,
       coalesce(backfill, false) as backfill from events
where type = 'track' and name in (select unnest($names)) and name <> 'Order Completed' and doubtful is not true
union all
select 'Order Completed', profile, ts, case when currency = '' then revenue::double / {UNITS} else 0.0 end,
       currency, case when currency = '' then 0.0 else revenue::double / {UNITS} end,
       key in (select key from history)
from net_orders where orders > 0 and $with_orders order by ts
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
    """``value`` is an order's net revenue in the site's currency, else 0; ``foreign``, that in another ``currency``.
    ``backfill``: it was told as history alone."""

    event: str
    profile: str
    ts: int
    value: float
    currency: str = ""
    foreign: float = 0.0
    backfill: bool = False


def offer_events(
    events: Events, site: str, start: int, end: int, campaigns: Collection[str] | None = None
) -> list[OfferEvent]:
    """Offer events with ``start`` ≤ ts < ``end`` (ms), of all campaigns or of those named, by time."""
    condition = "" if campaigns is None else "where campaign in (select unnest($campaigns))"
    params = {"names": list(KINDS), "campaigns": sorted(campaigns or ())}
    rows = events.rows(_OFFERS.format(condition=condition), Scope(site, start, end), params)
    return [OfferEvent(**{**row, "kind": KINDS[row["kind"]]}) for row in rows]


def goal_events(
    events: Events, site: str, names: Collection[str], start: int, end: int, currency: str
) -> list[GoalEvent]:
    """The events so named with ``start`` ≤ ts < ``end`` (ms), by time; of orders those that stand, at their net value.
    ``currency`` is the site's."""
    params = {"names": sorted(names), "with_orders": "Order Completed" in names}
    rows = events.rows(_GOALS, Scope(site, start, end, currency=currency), params)
    return [GoalEvent(**row) for row in rows]
