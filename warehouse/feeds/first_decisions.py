"""The first decision about each person in a campaign, of all the time that the warehouse knows."""

from collections.abc import Collection

import pyarrow as pa

from warehouse.events import Events
from warehouse.feeds.offer_events import KINDS
from warehouse.question.scope import Scope

_LOGGED = ("Offer Decided", "Offer Withheld")
_RESPONSES = tuple(name for name in KINDS if name not in _LOGGED)

_OF_CAMPAIGN = """
select profile, ts, name, visitor, "user", sender, props ->> '$.token' as token from events
where type = 'track' and name in (select unnest($names)) and backfill is not true and profile not like 'v:~%'
      and props ->> '$.campaign' = $campaign
"""
"""A visitor who opted out has an id of the day, which begins with ~, and is nobody to a report."""

_DECISIONS = f"""
select profile, min(ts) as ts, arg_min(token, (ts, token)) as token,
       arg_min(name, (ts, token)) = 'Offer Withheld' as held,
       bool_or(name = 'Offer Withheld') and bool_or(name = 'Offer Decided') as crossed
from ({_OF_CAMPAIGN}) where sender is null or sender = 'site' group by profile
"""
"""Only Dangol itself and the site tell of decisions: what is said of them with the public key is not heard."""

_FIRST_RESPONSES = f"""
select profile, min(ts) as ts, arg_min(struct_pack(token, name, visitor, "user", sender), (ts, token)) as first
from ({_OF_CAMPAIGN}) group by profile
"""

_ALL = f"""
select * from ({_OF_CAMPAIGN}) semi join scope_people using (profile)
where name not in (select unnest($logged)) or sender is null or sender = 'site' order by ts, token
"""


def first_decisions(events: Events, site: str, campaign: str, end: int = 1 << 53) -> pa.Table:
    """A row for each person about whom a decision was logged before ``end`` (ms): profile (the current id), ts, token,
    held, crossed (they were shown it and had it withheld, on devices not known to be theirs). Raises
    WarehouseUnavailable."""
    params = {"names": list(_LOGGED), "campaign": campaign}
    return events.table(_DECISIONS, Scope(site, end=end), params)


def first_responses(events: Events, site: str, campaign: str, end: int = 1 << 53) -> pa.Table:
    """A row for each person who answered the campaign before ``end`` (ms): profile, ts and first, a struct of token,
    name, visitor, user and sender, unverified. Raises WarehouseUnavailable."""
    params = {"names": list(_RESPONSES), "campaign": campaign}
    return events.table(_FIRST_RESPONSES, Scope(site, end=end), params)


def all_decisions(
    events: Events, site: str, campaign: str, profiles: Collection[str], end: int = 1 << 53
) -> pa.Table:
    """All decisions and answers of these ``profiles``, by time: profile, ts, name, visitor, user, sender, token. Raises
    WarehouseUnavailable."""
    people = pa.table({"profile": pa.array(list(profiles), pa.string())})
    params = {"names": list(KINDS), "logged": list(_LOGGED), "campaign": campaign}
    return events.table(_ALL, Scope(site, end=end, people=people), params)
