"""Everything known of one person, as one JSON document."""

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from ingest.dead_letters import DeadLetters, describe
from offers.audience.visitor import View
from profiles.ids import user_id, visitor_id
from profiles.model import Profile
from profiles.store.lookup import document
from profiles.store.port import ProfileStore
from tracker.sites import Site
from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.currencies import UNITS
from warehouse.definitions.event_order import ORDER
from warehouse.events import Events
from warehouse.question.scope import Scope

# A browser that claims to be a customer has its events there: of those it gets its own.
_EVENTS = f"""
select * from events where profile = $profile or (list_contains($visitors, visitor) and list_contains($fed, profile))
order by {ORDER}
"""
_SESSIONS = f"""
with placed as (
    select session, sum(revenue)::double / $units as net from net_orders
    where currency = '' and session <> '' group by session
)
select session as id, min(ts) as start, max(ts) as "end", count(*) as events,
       count(*) filter ({PAGEVIEW}) as pageviews, arg_min(channel, ({ORDER})) filter ({CAUSED}) as channel,
       arg_min(origin, ({ORDER})) filter ({CAUSED}) as origin,
       arg_min(campaign, ({ORDER})) filter ({CAUSED}) as campaign,
       coalesce(arg_min(url, ({ORDER})) filter ({PAGEVIEW}), '') as entry,
       coalesce(arg_max(url, ({ORDER})) filter ({PAGEVIEW}), '') as exit,
       coalesce(any_value(net), 0) as revenue
from events left join placed using (session)
where (profile = $profile or (list_contains($visitors, visitor) and list_contains($fed, profile))) and session <> ''
group by session having count(*) filter ({CAUSED}) > 0 order by start, id
"""
_OFFERS = ("Offer Viewed", "Offer Clicked")


class PersonHistory(Events, Protocol):
    def former(self, site: str, ids: list[str]) -> set[str]: ...


def export(
    profiles: ProfileStore,
    warehouse: PersonHistory,
    deadletters: DeadLetters,
    site: Site,
    view_of: Callable[[Profile], View],
    visitor: str | None = None,
    user: str | None = None,
) -> dict[str, Any] | None:
    """The document; None when nobody is known by the id. Times are milliseconds since the epoch, UTC. A session's
    revenue is that of its orders as they stand, in the site's currency. ``view_of`` tells stage and segments.

    ``profile`` (consent, segments, exposure to offers included) is null where only the history is left.
    What still waits in the log is not in it. Raises ProfilesUnavailable, WarehouseUnavailable.
    """
    profile = profiles.find(site.id, visitor=visitor, user=user)
    root = profile.id if profile else user_id(user) if user else visitor_id(visitor or "")
    scope = Scope(site.id, bots=True, currency=site.currency)
    fed = profile.fed if profile else []
    whose: dict[str, Any] = {
        "profile": root,
        "visitors": profile.visitors if profile and fed else [],
        "fed": [found.id for each in fed if (found := profiles.find(site.id, user=each))],
    }
    events = [_read(row) for row in warehouse.rows(_EVENTS, scope, whose)]
    if profile is None and not events:
        return None
    ids = warehouse.former(site.id, [root]) | {
        visitor_id(each) for each in (profile.visitors if profile else ())
    }
    state = view_of(profile).state if profile else None
    visitors = sorted(name[2:] for name in ids if name.startswith("v:"))
    users = sorted(name[2:] for name in ids if name.startswith("u:"))
    return {
        "site": site.id,
        "visitors": visitors,
        "users": users,
        "profile": document(profile, state) if profile and state else None,
        "segments": state.segments if state else [],
        "consent": profile.consent if profile else {},
        "sessions": warehouse.rows(_SESSIONS, scope, {**whose, "units": UNITS}),
        "offers": _offers(profile, events),
        "events": events,
        "dead_letters": [describe(letter) for letter in deadletters.of(site.id, visitors, users)],
    }


def _offers(profile: Profile | None, events: list[dict[str, Any]]) -> dict[str, Any]:
    """What was shown: counts by campaign, and each showing and click."""
    answers = [
        {"event": each["name"], "ts": each["ts"], **each["props"]}
        for each in events
        if each["name"] in _OFFERS
    ]
    exposure = profile.exposure if profile else {}
    return {
        "exposure": {name: msgspec.structs.asdict(seen) for name, seen in exposure.items()},
        "shown": answers,
    }


def _read(row: dict[str, Any]) -> dict[str, Any]:
    """A row with its JSON columns read."""
    return {**row, "props": msgspec.json.decode(row["props"]), "traits": msgspec.json.decode(row["traits"])}
