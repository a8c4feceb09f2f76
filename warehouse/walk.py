"""A walk along trails: the events of a scope as numbers, whichever files they lie in, with everybody's current ids."""

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pyarrow as pa

from warehouse.trails import Codes, Hashes, Longs, Trail

T = TypeVar("T")


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
    other's: ``word_base[k]`` is where they begin."""

    trails: tuple[Trail, ...]
    persons: tuple[Longs, ...]
    people: Hashes
    words: pa.Table
    word_base: tuple[int, ...]
    touches: pa.Table
    touch_base: tuple[int, ...]

    def map(self, function: Callable[[int, Trail], T]) -> list[T]:
        """``function(k, trail)`` of each trail, two at a time."""
        if len(self.trails) < 2:
            return [function(k, trail) for k, trail in enumerate(self.trails)]
        with ThreadPoolExecutor(2, "walk") as pool:
            return list(pool.map(function, range(len(self.trails)), self.trails))


def walk(trails: Sequence[Trail], profiles: Renamed) -> Walk:
    """The walk along ``trails``, whose visits are told apart already."""
    current = [profiles.current(trail.profiles) for trail in trails]
    people = unique(np.concatenate([np.zeros(0, np.uint64), *current]))
    words, touches = [trail.words for trail in trails], [trail.touches for trail in trails]
    return Walk(
        tuple(trails),
        tuple(np.searchsorted(people, each).astype(np.int32) for each in current),
        people,
        pa.concat_tables(words) if words else pa.table({}),
        tuple(_bases(words)),
        pa.concat_tables(touches) if touches else pa.table({}),
        tuple(_bases(touches)),
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


def _bases(tables: Sequence[pa.Table]) -> list[int]:
    return [0, *itertools.accumulate(len(table) for table in tables)][:-1]
