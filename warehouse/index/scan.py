"""A walk along trails: the events of a scope as numbers, whichever files they lie in, with everybody's current ids."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.index.encoded import TOUCHES, WORDS, Codes, Hashes, Longs, Trail

T = TypeVar("T")
Mask = npt.NDArray[np.bool_]
Ask = Callable[[str, Mapping[str, pa.Table], Mapping[str, Any]], pa.Table]
"""SQL, the tables that it reads from, its parameters; and the answer."""

_CODES, _HASHES = np.zeros(0, np.uint8), np.zeros(0, np.uint64)
NOWHERE = Trail(
    base=0,
    at=_CODES,
    profile=_CODES,
    word=_CODES,
    touch=_CODES,
    first=np.zeros(1, np.int64),
    profiles=_HASHES,
    bots=_HASHES,
    visits=_HASHES,
    names=pa.array([], pa.string()),
    words=pa.table({name: pa.array([], pa.string()) for name in WORDS}),
    touches=pa.table({name: pa.array([], pa.bool_() if name == "demo" else pa.string()) for name in TOUCHES}),
    orders=pa.table(
        {
            "row": pa.array([], pa.int64()),
            "key": pa.array([], pa.uint64()),
            "revenue": pa.array([], pa.float64()),
            "completed": pa.array([], pa.bool_()),
            "repeated": pa.array([], pa.bool_()),
            "outside": pa.array([], pa.bool_()),
        }
    ),
)
"""The trail of no events."""


@dataclass(frozen=True, slots=True)
class Renamed:
    """Hashes of ids that are others now, sorted by ``old``."""

    old: Hashes
    new: Hashes

    def current(self, hashes: Hashes) -> Hashes:
        if not len(self.old):
            return hashes
        at = np.minimum(np.searchsorted(self.old, hashes), len(self.old) - 1)
        return np.where(self.old[at] == hashes, self.new[at], hashes)


@dataclass(frozen=True, slots=True)
class Walk:
    """``persons[k][profile]`` is the number of a person for a profile's code of ``trails[k]``; ``people[number]``
    the hash of the current profile id. ``words`` and ``touches`` are those of all trails, one trail's behind the
    other's: ``word_base[k]`` is where they begin. There is one
    trail at least, be it NOWHERE; and of words, touches and people some may occur in no row."""

    trails: tuple[Trail, ...]
    persons: tuple[Longs, ...]
    people: Hashes
    words: pa.Table
    word_base: tuple[int, ...]
    touches: pa.Table
    touch_base: tuple[int, ...]
    ask: Ask

    def of_words(self, columns: str, params: Mapping[str, Any] | None = None) -> pa.Table:
        """SQL expressions over type, name, path and title: one row for each of ``words``."""
        words = self.words.append_column("place", pa.array(np.arange(len(self.words))))
        return self.ask(f"select {columns} from words order by place", {"words": words}, params or {})

    def words_of(self, trail: int, values: Codes) -> Codes:
        """Of values, one for each of ``words``, those of a trail's."""
        return values[self.word_base[trail] :][: len(self.trails[trail].words)]

    def touches_of(self, trail: int, values: Codes) -> Codes:
        """Of values, one for each of ``touches``, those of a trail's."""
        return values[self.touch_base[trail] :][: len(self.trails[trail].touches)]

    def counts(self, of: Literal["word", "touch"]) -> Longs:
        """How many events each of ``words``, or of ``touches``, has."""
        bases, size = (
            (self.word_base, len(self.words)) if of == "word" else (self.touch_base, len(self.touches))
        )
        counts = np.zeros(size, np.int64)
        for base, each in zip(bases, self.map(lambda _, trail: np.bincount(getattr(trail, of))), strict=True):
            counts[base : base + len(each)] = each
        return counts

    def only(self, keep: Callable[[int, Trail], Mask]) -> "Walk":
        """The walk along some rows of each trail."""
        trails = self.map(lambda k, trail: trail.only(keep(k, trail)))
        some = [k for k, trail in enumerate(trails) if len(trail.at)] or [0]
        return replace(
            self,
            trails=tuple(trails[k] for k in some),
            persons=tuple(self.persons[k] for k in some),
            word_base=tuple(self.word_base[k] for k in some),
            touch_base=tuple(self.touch_base[k] for k in some),
        )

    def map(self, function: Callable[[int, Trail], T]) -> list[T]:
        """``function(k, trail)`` of each trail, two at a time."""
        if len(self.trails) < 2:
            return [function(k, trail) for k, trail in enumerate(self.trails)]
        with ThreadPoolExecutor(2, "walk") as pool:
            return list(pool.map(function, range(len(self.trails)), self.trails))


def walk(trails: Sequence[Trail], profiles: Renamed, ask: Ask) -> Walk:
    """The walk along ``trails``, whose visits are told apart already."""
    trails = trails or [NOWHERE]
    current = [profiles.current(trail.profiles) for trail in trails]
    people = unique(np.concatenate(current))
    words, touches = [trail.words for trail in trails], [trail.touches for trail in trails]
    return Walk(
        tuple(trails),
        tuple(np.searchsorted(people, each).astype(np.int32) for each in current),
        people,
        pa.concat_tables(words),
        tuple(_bases(words)),
        pa.concat_tables(touches),
        tuple(_bases(touches)),
        ask,
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
