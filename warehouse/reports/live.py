"""What is going on now: who came in the last minutes, on which pages, and the last events."""

from dataclasses import dataclass

from warehouse.definitions.conditions import CAUSED, PAGEVIEW
from warehouse.events import Events
from warehouse.question.scope import Scope

_NOW = """
select count(distinct profile) as visitors, count(distinct nullif(session, '')) as sessions,
       coalesce(bool_or(demo), false) as demo
from events
"""
_PAGES = f"""
select path as name, count(*) as visitors
from (select profile, arg_max(path, (ts, id)) as path from events where {PAGEVIEW} group by profile)
group by path order by 2 desc, 1 limit $most
"""
_LAST = f"""
select profile, ts, type, name, path, title, coalesce(product, '') as product, country, device from events
where {CAUSED} order by ts desc, id limit $most
"""


@dataclass(frozen=True, slots=True)
class PageNow:
    """``visitors``: how many looked at it last."""

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
    visitors: int
    sessions: int
    demo: bool
    pages: tuple[PageNow, ...]
    events: tuple[EventNow, ...]


def live(events: Events, site: str, since: int, most: int = 20) -> Live:
    """Everything since ``since`` (ms); lists hold at most ``most``. Raises WarehouseUnavailable."""
    queries = {"now": _NOW, "pages": _PAGES, "last": _LAST}
    found = events.tables(queries, Scope(site, since), {"most": most})
    (now,) = found["now"].to_pylist()
    return Live(
        visitors=now["visitors"],
        sessions=now["sessions"],
        demo=now["demo"],
        pages=tuple(PageNow(**row) for row in found["pages"].to_pylist()),
        events=tuple(EventNow(**row) for row in found["last"].to_pylist()),
    )
