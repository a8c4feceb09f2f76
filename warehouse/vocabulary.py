"""What occurs: the events and pages that a marketer may choose as steps."""

from dataclasses import dataclass

from warehouse.scope import Events, Scope
from warehouse.span import Span
from warehouse.visits import PAGEVIEW

_NAMES = "select name, count(*) as count from events where type = 'track' group by name order by 2 desc, 1 limit $most"
_PAGES = f"""
select path as name, count(*) as count from events where {PAGEVIEW} and path <> '' group by path
order by 2 desc, 1 limit $most
"""


@dataclass(frozen=True, slots=True)
class Word:
    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Most frequent first. ``demo`` says whether demo visitors are among them."""

    events: tuple[Word, ...]
    pages: tuple[Word, ...]
    demo: bool


def vocabulary(events: Events, site: str, span: Span, most: int = 200) -> Vocabulary:
    """The ``most`` frequent event names and paths in ``span``. Raises WarehouseUnavailable."""
    queries = {
        "events": _NAMES,
        "pages": _PAGES,
        "demo": "select coalesce(bool_or(demo), false) as demo from events",
    }
    found = events.tables(queries, Scope(site, span.start, span.end), {"most": most})
    words = {name: tuple(Word(**row) for row in found[name].to_pylist()) for name in ("events", "pages")}
    return Vocabulary(words["events"], words["pages"], bool(found["demo"].to_pylist()[0]["demo"]))
