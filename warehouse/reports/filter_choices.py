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
    scan = events.scan(site, span.start, span.end)
    touchpoints = scan.touchpoints.append_column("count", pa.array(scan.counts("touchpoint")))

    def names(column: str) -> tuple[str, ...]:
        sql = (
            f"select {column} as name from touchpoints where {column} <> '' and count > 0 "
            "group by 1 order by sum(count) desc, 1 limit $most"
        )
        return tuple(scan.query(sql, {"touchpoints": touchpoints}, {"most": most})["name"].to_pylist())

    pages = frequent(scan, "path", PATHS, scan.counts("label"))[:most]
    return Choices(names("channel"), names("country"), tuple(name for name, _ in pages))
