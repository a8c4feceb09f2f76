"""What people did before and after a moment of their own: one row for each, by columns."""

import pyarrow as pa

from tracker.durations import DAY_MS
from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.currencies import UNITS
from warehouse.definitions.visits import LONGEST_MS
from warehouse.events import Events
from warehouse.question.scope import Scope

BEFORE_MS = 90 * DAY_MS

RETURNS = ("Order Refunded", "Order Returned")
UNSUBSCRIBED = ("Unsubscribed", "Email Unsubscribed")

_BEFORE = f"""
with near as (
    select code, since, ts, session, {PAGEVIEW} as page, {CAUSED} as caused
    from events join scope_people using (profile)
    where ts < since and ts >= since - {BEFORE_MS + LONGEST_MS} and {CAUSED}
), begun as (
    select code, any_value(since) as since, min(ts) as ts from near where session <> '' group by code, session
), pages as (
    select code, count(*) as pages from near where page and ts >= since - {BEFORE_MS} group by code
), visits as (
    select code, count(*) as visits from begun where ts >= since - {BEFORE_MS} group by code
), bought as (
    select code, count(*) as orders, coalesce(sum(amount) filter (currency = ''), 0)::double / {UNITS} as revenue
    from net_orders join scope_people using (profile)
    where state <> 'credit note' and ts < since and ts >= since - {BEFORE_MS} group by code
)
select code, coalesce(visits, 0)::double as visits, coalesce(pages, 0)::double as pages,
       coalesce(orders, 0)::double as orders, coalesce(revenue, 0)::double as revenue
from visits full join pages using (code) full join bought using (code)
"""
"""Orders count as they were placed: what is given back after the moment must not change what was before it."""

_AFTER = f"""
with named as (
    select code, count(*) filter (type = 'track' and name = $goal and doubtful is not true) as goals,
           bool_or(type = 'track' and name in (select unnest($returns))) as returned,
           bool_or(type = 'track' and name in (select unnest($unsubscribed))) as left_list,
           bool_or(type = 'consent' and contains(props, 'false')) as refused
    from events join scope_people using (profile)
    where ts >= since and ts <= since + $window
          and (type = 'consent' or (type = 'track' and name in (select unnest($told)))) group by code
), bought as (
    select code, count(*) as orders, coalesce(sum(revenue) filter (currency = ''), 0)::double / {UNITS} as revenue
    from net_orders join scope_people using (profile)
    where orders > 0 and ts >= since and ts <= since + $window group by code
)
select code, coalesce(goals, 0)::double as goals, coalesce(orders, 0)::double as orders,
       coalesce(revenue, 0)::double as revenue, coalesce(returned, false) as returned,
       coalesce(left_list, false) as unsubscribed, coalesce(refused, false) as refused
from named full join bought using (code)
"""

_CONSENTS = """
select code, id, ts, received, sender, props from events join scope_people using (profile)
where type = 'consent' and ts <= since + $window order by code, ts, id
"""


def before(events: Events, site: str, people: pa.Table, currency: str) -> pa.Table:
    """Of ``people`` (code, profile, since in ms) those who did anything in the ninety days before ``since``: code,
    visits, pages, orders (as they were placed) and revenue in ``currency``, the site's. What happened at ``since`` or
    later is not before it. Raises WarehouseUnavailable."""
    start, end = _bounds(people)
    scope = Scope(site, start - BEFORE_MS - LONGEST_MS, end, people=people, currency=currency)
    return events.table(_BEFORE, scope)


def after(events: Events, site: str, people: pa.Table, window: int, goal: str, currency: str) -> pa.Table:
    """Of ``people`` (code, profile, since in ms) those who did anything within ``window`` ms from ``since``: code,
    goals (events named ``goal``), orders that stand, their net revenue in ``currency``, the site's, returned (an
    order, in part or whole), unsubscribed (by an event that says so), refused (some consent). Raises
    WarehouseUnavailable."""
    start, end = _bounds(people)
    scope = Scope(site, start, end + window + 1, people=people, currency=currency)
    params = {"window": window, "goal": goal, "returns": list(RETURNS), "unsubscribed": list(UNSUBSCRIBED)}
    return events.table(_AFTER, scope, {**params, "told": [goal, *RETURNS, *UNSUBSCRIBED]})


def consents(events: Events, site: str, people: pa.Table, window: int) -> pa.Table:
    """All that ``people`` (code, profile, since) ever said of consent up to ``window`` ms after ``since``, by code and
    time: code, id, ts, received, sender, props (JSON). Raises WarehouseUnavailable."""
    _, end = _bounds(people)
    return events.table(_CONSENTS, Scope(site, 0, end + window + 1, people=people), {"window": window})


def _bounds(people: pa.Table) -> tuple[int, int]:
    since = people["since"].to_numpy()
    return int(since.min()), int(since.max())
