"""What is going on now: who came in the last minutes, on which pages, and the last events."""

from dataclasses import dataclass

from tracker.durations import HOUR_MS
from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.definitions.event_order import LATEST_FIRST, ORDER
from warehouse.events import Events
from warehouse.question.scope import Scope

_HERE = f"""
select profile, coalesce(arg_max(path, ({ORDER})) filter ({PAGEVIEW}), '') as path,
       array_agg(distinct session) filter (ts >= $since) as sessions, bool_or(demo) as demo
from events where session <> '' and {CAUSED} group by profile having max(ts) >= $since
"""
_NOW = """
select (select count(*) from here) as visitors, coalesce(bool_or(demo), false) as demo,
       (select count(distinct session) from (select unnest(sessions) as session from here)) as sessions
from here
"""
_PAGES = "select path as name, count(*) as visitors from here group by path order by 2 desc, 1 limit $most"
_LAST = f"""
select profile, ts, type, name, path, title, coalesce(product, '') as product, country, device from events
where ts >= $since and {CAUSED} order by {LATEST_FIRST} limit $most
"""
PAGE_MS = HOUR_MS
"""How long before the last minutes the page that somebody is on may have been opened."""


@dataclass(frozen=True, slots=True)
class PageNow:
    """``visitors``: how many looked at it last. ``name`` is "" for those who opened no page in the last hour."""

    name: str
    visitors: int


@dataclass(frozen=True, slots=True)
class EventNow:
    profile: str
    ts: int
    type: str
    name: str
    path: str
    title: str
    product: str
    country: str
    device: str


@dataclass(frozen=True, slots=True)
class Live:
    """``visitors`` and ``sessions`` are people and visits with a deed; each of the visitors is on one of the ``pages``.
    ``events`` are everybody's deeds, those of the shop's server included."""

    visitors: int
    sessions: int
    demo: bool
    pages: tuple[PageNow, ...]
    events: tuple[EventNow, ...]


def live(events: Events, site: str, since: int, most: int = 20) -> Live:
    """Everything since ``since`` (ms); lists hold at most ``most``. Raises WarehouseUnavailable."""
    queries = {"now": _NOW, "pages": _PAGES, "last": _LAST}
    params = {"since": since, "most": most}
    found = events.tables(queries, Scope(site, since - PAGE_MS), params, {"here": _HERE})
    (now,) = found["now"].to_pylist()
    return Live(
        visitors=now["visitors"],
        sessions=now["sessions"],
        demo=now["demo"],
        pages=tuple(PageNow(**row) for row in found["pages"].to_pylist()),
        events=tuple(EventNow(**row) for row in found["last"].to_pylist()),
    )
