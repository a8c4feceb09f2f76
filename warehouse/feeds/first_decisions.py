"""The first decision about each person in a campaign, of all the time that the warehouse knows."""

from collections.abc import Collection

import pyarrow as pa
import pyarrow.compute as pc

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

KEYS_A_MS = 2_048
_KEY = f"ts * {KEYS_A_MS} + hash(token) % {KEYS_A_MS}"
"""Orders decisions: of two of one millisecond, one and always the same is the first."""

_FIRSTS = f"""
with decisions as (
    select profile, {_KEY} as key, name = 'Offer Withheld' as held, sender is null as old from ({_OF_CAMPAIGN})
    where sender is null or sender = 'site'
)
select profile, min(key) as key, bool_or(held) and bool_or(not held) as crossed, bool_or(old) as old
from decisions group by profile
"""
"""Only Dangol itself and the site tell of decisions: what is said of them with the public key is not heard."""

_TOKENS = f"""
select profile, ts, token, name = 'Offer Withheld' as held, crossed
from (select *, {_KEY} as key from ({_OF_CAMPAIGN})) join scope_people using (profile, key)
where sender is null or sender = 'site'
"""

_FIRST_RESPONSES = f"""
select profile, min(ts) as ts, arg_min(struct_pack(token, name, visitor, "user", sender), {_KEY}) as first
from ({_OF_CAMPAIGN}) left join scope_people using (profile)
where key is null or ts < key // {KEYS_A_MS} group by profile
"""

_ALL = f"""
select * from ({_OF_CAMPAIGN}) semi join scope_people using (profile)
where name not in (select unnest($logged)) or sender is null or sender = 'site' order by ts, token
"""


def first_decisions(events: Events, site: str, campaign: str, end: int = 1 << 53) -> pa.Table:
    """A row for each person about whom a decision was logged before ``end`` (ms): profile (the current id), key (of the
    first one, see ``moment``), crossed (they were shown it and had it withheld, on devices not known to be theirs), old
    (a row of an earlier release, which does not say who sent it). Raises WarehouseUnavailable."""
    params = {"names": list(_LOGGED), "campaign": campaign}
    return events.table(_FIRSTS, Scope(site, end=end), params)


def moment(key: int) -> int:
    """When (ms) the decision with this key was made."""
    return key // KEYS_A_MS


def first_key(ts: int) -> int:
    """The least key of a decision that was made at ``ts`` (ms)."""
    return ts * KEYS_A_MS


def decided_tokens(events: Events, site: str, campaign: str, firsts: pa.Table) -> pa.Table:
    """What ``firsts``, rows of ``first_decisions``, say: profile, ts, token, held, crossed. Raises
    WarehouseUnavailable."""
    if not len(firsts):
        return pa.table({"profile": pa.array([], pa.string())})
    bounds = pc.min_max(firsts["key"]).as_py()
    params = {"names": list(_LOGGED), "campaign": campaign}
    scope = Scope(site, moment(bounds["min"]), moment(bounds["max"]) + 1, people=firsts)
    return events.table(_TOKENS, scope, params)


def first_responses(
    events: Events, site: str, campaign: str, firsts: pa.Table, end: int = 1 << 53
) -> pa.Table:
    """A row for each person who answered the campaign before ``end`` (ms) and before any decision of ``firsts``:
    profile, ts and first, a struct of token, name, visitor, user and sender, unverified. Raises
    WarehouseUnavailable."""
    params = {"names": list(_RESPONSES), "campaign": campaign}
    return events.table(_FIRST_RESPONSES, Scope(site, end=end, people=firsts), params)


def all_decisions(
    events: Events, site: str, campaign: str, profiles: Collection[str], end: int = 1 << 53
) -> pa.Table:
    """All decisions and answers of these ``profiles``, by time: profile, ts, name, visitor, user, sender, token. Raises
    WarehouseUnavailable."""
    people = pa.table({"profile": pa.array(list(profiles), pa.string())})
    params = {"names": list(KINDS), "logged": list(_LOGGED), "campaign": campaign}
    return events.table(_ALL, Scope(site, end=end, people=people), params)
