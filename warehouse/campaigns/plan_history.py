"""What an experiment would have found in the past: who came, and whether they reached the goal within its window."""

from collections.abc import Collection

import pyarrow as pa

from warehouse.definitions.conditions import CAUSED
from warehouse.definitions.currencies import UNITS
from warehouse.events import Events
from warehouse.feeds.offer_events import KINDS
from warehouse.question.scope import Scope

_VISITED = f"{CAUSED} and session <> ''"
_VISITED = f"{CAUSED} and session <> ''"
_MET = """type = 'track' and name in (select unnest($offers)) and backfill is not true
          and props ->> '$.campaign' in (select unnest($campaigns))"""

_HISTORY = f"""
with arrived as (
    select profile, min(ts) as since from events where ts < $until and {{condition}} group by profile
), named as (
    select profile, count(*) as goals from events join arrived using (profile)
    where type = 'track' and name = $goal and doubtful is not true and ts >= since and ts <= since + $window
    group by profile
), bought as (
    select profile, count(*) as orders, coalesce(sum(revenue) filter (currency = ''), 0)::double / {UNITS} as revenue
    from net_orders join arrived using (profile)
    where orders > 0 and ts >= since and ts <= since + $window group by profile
)
select profile, since,
       coalesce(case when $goal = 'Order Completed' then orders else goals end, 0) > 0 as converted,
       coalesce(revenue, 0)::double as revenue
from arrived left join named using (profile) left join bought using (profile) order by since, profile
"""


def plan_history(
    events: Events,
    site: str,
    start: int,
    until: int,
    goal: str,
    window: int,
    currency: str,
    campaigns: Collection[str] = (),
) -> pa.Table:
    """A row for each person who came in ``start`` ≤ ts < ``until`` (ms), by time: profile (the current id), since (ms,
    when they first came in that time), converted (reached ``goal`` within ``window`` ms) and net revenue in
    ``currency``, the site's, within it. With ``campaigns`` only those about whom one of these was decided, or who
    answered it. Raises WarehouseUnavailable."""
    scope = Scope(site, start, until + window + 1, currency=currency)
    params = {"until": until, "goal": goal, "window": window}
    if campaigns:
        params |= {"offers": list(KINDS), "campaigns": sorted(campaigns)}
    return events.table(_HISTORY.format(condition=_MET if campaigns else _VISITED), scope, params)
