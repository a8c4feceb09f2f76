"""What occurs: the events and pages that a marketer may choose as steps."""

from dataclasses import dataclass

import pyarrow as pa

from warehouse.events import Events
from warehouse.index.encoded import Longs
from warehouse.index.scan import Walk
from warehouse.question.span import Span
from warehouse.question.sql import PAGEVIEW

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
    walk = events.walk(site, span.start, span.end)
    counts = walk.counts("word")
    return Vocabulary(
        tuple(Word(*each) for each in frequent(walk, "name", "type = 'track'", counts)[:most]),
        tuple(Word(*each) for each in frequent(walk, "path", PATHS, counts)[:most]),
        bool(walk.counts("touch")[walk.touches["demo"].to_numpy()].any()),
    )


def frequent(walk: Walk, column: str, condition: str, counts: Longs) -> list[tuple[str, int]]:
    """Values of a column of words and how many events, of which ``condition`` holds (SQL), have them; most frequent
    first, of equal ones by name. ``counts``: of each word."""
    sql = f"select {column} as name, sum(count)::bigint as count from words where {condition} and count > 0 group by 1"
    words = walk.words.append_column("count", pa.array(counts))
    found = walk.ask(f"{sql} order by 2 desc, 1", {"words": words}, {}).to_pylist()
    return [(row["name"], row["count"]) for row in found]
