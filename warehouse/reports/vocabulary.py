"""The event names and pages that occur in a span: what a marketer may choose as steps."""

from dataclasses import dataclass

import pyarrow as pa

from warehouse.definitions.conditions import PAGEVIEW
from warehouse.events import Events
from warehouse.index.encoded import Longs
from warehouse.index.scan import Scan
from warehouse.question.span import Span

PATHS = f"{PAGEVIEW} and path <> ''"


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
    scan = events.scan(site, span.start, span.end)
    counts = scan.counts("label")
    return Vocabulary(
        tuple(Word(*each) for each in frequent(scan, "name", "type = 'track'", counts)[:most]),
        tuple(Word(*each) for each in frequent(scan, "path", PATHS, counts)[:most]),
        bool(scan.counts("touchpoint")[scan.touchpoints["demo"].to_numpy()].any()),
    )


def frequent(scan: Scan, column: str, condition: str, counts: Longs) -> list[tuple[str, int]]:
    """Values of a column of labels and how many events, of which ``condition`` holds (SQL), have them; most frequent
    first, of equal ones by name. ``counts``: of each label."""
    sql = f"select {column} as name, sum(count)::bigint as count from labels where {condition} and count > 0 group by 1"
    labels = scan.labels.append_column("count", pa.array(counts))
    found = scan.query(f"{sql} order by 2 desc, 1", {"labels": labels}, {}).to_pylist()
    return [(row["name"], row["count"]) for row in found]
