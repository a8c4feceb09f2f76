"""What reports can be narrowed to: the channels, countries and pages that occur."""

from dataclasses import dataclass

import pyarrow as pa

from warehouse.events import Events
from warehouse.question.span import Span
from warehouse.reports.vocabulary import PATHS, frequent


@dataclass(frozen=True, slots=True)
class Choices:
    """Most frequent first."""

    channels: tuple[str, ...] = ()
    countries: tuple[str, ...] = ()
    pages: tuple[str, ...] = ()


def choices(events: Events, site: str, span: Span, most: int = 100) -> Choices:
    """At most ``most`` of each in ``span``. Raises WarehouseUnavailable."""
    walk = events.walk(site, span.start, span.end)
    touches = walk.touches.append_column("count", pa.array(walk.counts("touch")))

    def names(column: str) -> tuple[str, ...]:
        sql = (
            f"select {column} as name from touches where {column} <> '' and count > 0 "
            "group by 1 order by sum(count) desc, 1 limit $most"
        )
        return tuple(walk.ask(sql, {"touches": touches}, {"most": most})["name"].to_pylist())

    pages = frequent(walk, "path", PATHS, walk.counts("word"))[:most]
    return Choices(names("channel"), names("country"), tuple(name for name, _ in pages))
