"""What reports can be narrowed to: the channels, countries and pages that occur."""

from dataclasses import dataclass

from warehouse.scope import Events, Scope
from warehouse.span import Span
from warehouse.visits import PAGEVIEW

_OF = "select {0} as name from events where {0} <> '' group by 1 order by count(*) desc, 1 limit $most"
_PAGES = f"""
select path as name from events where {PAGEVIEW} and path <> '' group by 1 order by count(*) desc, 1 limit $most
"""


@dataclass(frozen=True, slots=True)
class Choices:
    """Most frequent first."""

    channels: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


def choices(events: Events, site: str, span: Span, most: int = 100) -> Choices:
    """At most ``most`` of each in ``span``. Raises WarehouseUnavailable."""
    queries = {"channels": _OF.format("channel"), "countries": _OF.format("country"), "pages": _PAGES}
    found = events.tables(queries, Scope(site, span.start, span.end), {"most": most})
    return Choices(*(tuple(found[name]["name"].to_pylist()) for name in queries))
