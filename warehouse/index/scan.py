"""A scan: the encoded events of a scope, whichever files they lie in, with everybody's current ids."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.index.encoded import LABEL_COLUMNS, TOUCHPOINT_COLUMNS, Codes, EncodedEvents, Hashes, Longs

T = TypeVar("T")
Mask = npt.NDArray[np.bool_]
Query = Callable[[str, Mapping[str, pa.Table], Mapping[str, Any]], pa.Table]
"""SQL, the tables that it reads from, its parameters; and the answer."""

_CODES, _HASHES = np.zeros(0, np.uint8), np.zeros(0, np.uint64)
NOWHERE = EncodedEvents(
    base=0,
    at=_CODES,
    position=np.zeros(0, np.int64),
    profile=_CODES,
    label=_CODES,
    touchpoint=_CODES,
    first=np.zeros(1, np.int64),
    profiles=_HASHES,
    bots=_HASHES,
    visits=_HASHES,
    session_ids=pa.array([], pa.string()),
    labels=pa.table(
        {name: pa.array([], pa.bool_() if name == "doubtful" else pa.string()) for name in LABEL_COLUMNS}
    ),
    touchpoints=pa.table(
        {name: pa.array([], pa.bool_() if name == "demo" else pa.string()) for name in TOUCHPOINT_COLUMNS}
    ),
)
"""The block of no events."""


@dataclass(frozen=True, slots=True)
class RenamedIds:
    """Hashes of ids that are others now, sorted by ``old``."""

    old: Hashes
    new: Hashes

    def current(self, hashes: Hashes) -> Hashes:
        if not len(self.old):
            return hashes
        at = np.minimum(np.searchsorted(self.old, hashes), len(self.old) - 1)
        return np.where(self.old[at] == hashes, self.new[at], hashes)


@dataclass(frozen=True, slots=True)
class Scan:
    """``persons[k][profile]`` is the number of a person for a profile's code of ``blocks[k]``; ``people[number]``
    the hash of the current profile id. ``labels`` and ``touchpoints`` are those of all blocks, one block's behind the
    other's: ``label_base[k]`` is where they begin. There is one
    block at least, be it NOWHERE; and of labels, touchpoints and people some may occur in no row."""

    blocks: tuple[EncodedEvents, ...]
    persons: tuple[Longs, ...]
    people: Hashes
    labels: pa.Table
    label_base: tuple[int, ...]
    touchpoints: pa.Table
    touchpoint_base: tuple[int, ...]
    query: Query

    def query_labels(self, columns: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """SQL expressions over type, name, path, title and doubtful: one row for each of ``labels``."""
        labels = self.labels.append_column("place", pa.array(np.arange(len(self.labels))))
        return self.query(f"select {columns} from labels order by place", {"labels": labels}, params or {})

    def block_labels(self, block: int, values: Codes) -> Codes:
        """Of values, one for each of ``labels``, those of a block's."""
        return values[self.label_base[block] :][: len(self.blocks[block].labels)]

    def block_touchpoints(self, block: int, values: Codes) -> Codes:
        """Of values, one for each of ``touchpoints``, those of a block's."""
        return values[self.touchpoint_base[block] :][: len(self.blocks[block].touchpoints)]

    def counts(self, of: Literal["label", "touchpoint"]) -> Longs:
        """How many events each of ``labels``, or of ``touchpoints``, has."""
        bases, size = (
            (self.label_base, len(self.labels))
            if of == "label"
            else (self.touchpoint_base, len(self.touchpoints))
        )
        counts = np.zeros(size, np.int64)
        for base, each in zip(bases, self.map(lambda _, block: np.bincount(getattr(block, of))), strict=True):
            counts[base : base + len(each)] = each
        return counts

    def only(self, keep: Callable[[int, EncodedEvents], Mask]) -> "Scan":
        """The scan along some rows of each block."""
        return self._of(self.map(lambda k, block: block.only(keep(k, block))))

    def only_visits(self, keep: Callable[[int, EncodedEvents], Mask]) -> "Scan":
        """The scan along some visits of each block, without the rows that belong to none."""
        return self._of(self.map(lambda k, block: block.visits_only(keep(k, block))))

    def _of(self, blocks: Sequence[EncodedEvents]) -> "Scan":
        some = [k for k, block in enumerate(blocks) if len(block.at)] or [0]
        return replace(
            self,
            blocks=tuple(blocks[k] for k in some),
            persons=tuple(self.persons[k] for k in some),
            label_base=tuple(self.label_base[k] for k in some),
            touchpoint_base=tuple(self.touchpoint_base[k] for k in some),
        )

    def map(self, function: Callable[[int, EncodedEvents], T]) -> list[T]:
        """``function(k, block)`` of each block, two at a time."""
        if len(self.blocks) < 2:
            return [function(k, block) for k, block in enumerate(self.blocks)]
        with ThreadPoolExecutor(2, "scan") as pool:
            return list(pool.map(function, range(len(self.blocks)), self.blocks))


def scan_blocks(blocks: Sequence[EncodedEvents], profiles: RenamedIds, query: Query) -> Scan:
    """The scan along ``blocks``, whose visits are told apart already."""
    blocks = blocks or [NOWHERE]
    current = [profiles.current(block.profiles) for block in blocks]
    people = unique(np.concatenate(current))
    labels, touchpoints = [block.labels for block in blocks], [block.touchpoints for block in blocks]
    return Scan(
        tuple(blocks),
        tuple(np.searchsorted(people, each).astype(np.int32) for each in current),
        people,
        pa.concat_tables(labels),
        tuple(_bases(labels)),
        pa.concat_tables(touchpoints),
        tuple(_bases(touchpoints)),
        query,
    )


def unique(values: Codes) -> Codes:
    """Sorted, each once. numpy.unique takes many times as long."""
    values = np.sort(values)
    return values[starts(values)]


def starts(values: Codes) -> Codes:
    """Which of the sorted values are the first of their kind."""
    first = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


def among(values: Codes, known: Codes) -> Mask:
    """Which of the values are among the sorted ``known``."""
    if not len(known):
        return np.zeros(len(values), np.bool_)
    at = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: Mask = known[at] == values
    return found


def _bases(tables: Sequence[pa.Table]) -> list[int]:
    return [0, *itertools.accumulate(len(table) for table in tables)][:-1]
