"""One visitor's latest events, for a timeline."""

from dataclasses import dataclass

from warehouse.events import Events, Scope

_HISTORY = """
select session, ts, type, name, path, title, product, revenue, "order",
       coalesce(props ->> '$.campaign', '') as offer, coalesce(props ->> '$.query', '') as query,
       channel, origin, campaign, keyword
from events order by ts desc, id limit $most
"""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event. ``offer`` is the campaign of an offer event, ``query`` what a search looked for."""

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


def history(events: Events, site: str, profile: str, start: int, most: int) -> list[Happened]:
    """At most ``most`` events of the person now known as ``profile`` since ``start`` (ms), the latest first."""
    rows = events.rows(_HISTORY, Scope(site, start, bots=True, person=profile), {"most": most})
    return [Happened(**row) for row in rows]
