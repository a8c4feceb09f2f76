"""The latest events of one visitor, and the visitors that were seen last."""

from dataclasses import dataclass

from warehouse.definitions.conditions import CAUSED
from warehouse.definitions.event_order import LATEST_FIRST
from warehouse.events import Events
from warehouse.question.scope import Scope

_HISTORY = f"""
select case when count(*) filter ({CAUSED}) over (partition by session) > 0 then session else '' end as session,
       ts, type, name, path, title, product, revenue, "order", coalesce(currency, '') as currency,
       doubtful is true as doubtful,
       coalesce(props ->> '$.campaign', '') as offer, coalesce(props ->> '$.query', '') as query,
       channel, origin, campaign, keyword, coalesce("user", '') as user,
       coalesce(props ->> '$.mergedInto', props ->> '$.separatedFrom', '') as other,
       coalesce(props ->> '$.separated', '') as separated
from events order by {LATEST_FIRST} limit $most
"""
_LATEST = "select profile from events group by profile order by max(ts) desc, profile limit $most"


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event. ``session`` is "" for what belongs to no visit (``warehouse.definitions.visits``). ``offer`` is the
    campaign of an offer event, ``query`` what a search looked for.
    ``revenue`` is in ``currency``, "" for the site's; ``doubtful``: it was set apart, and counts nowhere.
    Of a merge, ``other`` is the customer that ``user`` became part of or no longer is, ``separated`` who is no longer
    part of this one."""

    session: str
    ts: int
    type: str
    name: str
    path: str
    title: str
    product: str | None
    revenue: float | None
    order: str | None
    offer: str
    query: str
    channel: str
    origin: str
    campaign: str
    keyword: str
    user: str = ""
    other: str = ""
    currency: str = ""
    doubtful: bool = False
    separated: str = ""


def history(events: Events, site: str, profile: str, start: int, most: int) -> list[HistoryEvent]:
    """At most ``most`` events of the person now known as ``profile`` since ``start`` (ms), the latest first."""
    rows = events.rows(_HISTORY, Scope(site, start, bots=True, person=profile), {"most": most})
    return [HistoryEvent(**row) for row in rows]


def latest_profiles(events: Events, site: str, start: int, end: int, most: int) -> list[str]:
    """The ``most`` current profile ids with the newest events of ``start`` ≤ ts < ``end`` (ms), the last first."""
    return [row["profile"] for row in events.rows(_LATEST, Scope(site, start, end), {"most": most})]
