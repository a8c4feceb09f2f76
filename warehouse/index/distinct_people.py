"""How many different people each group has, such as the visitors of each page."""

import numpy as np

from warehouse.index.encoded import Codes, Longs
from warehouse.index.scan import unique

FLAGS = 1 << 28
"""Bytes at most for one flag for each possible pair."""
SPARSE = 64
"""Possible pairs for each one that comes, from which sorting those that come is quicker than flags."""


class DistinctPeople:
    """Of ``groups`` and ``people``, both counted from 0; about ``many`` will come. Many threads may add."""

    def __init__(self, groups: int, people: int, many: int) -> None:
        self._groups, self._people = groups, max(people, 1)
        size = groups * self._people
        self._flags = np.zeros(size, np.bool_) if size <= min(FLAGS, SPARSE * many) else None
        self._come: list[Longs] = []

    def add(self, group: Codes, person: Codes) -> None:
        pairs = group.astype(np.int64) * self._people + person
        if self._flags is not None:
            self._flags[pairs] = True
        else:
            self._come.append(unique(pairs))

    def each(self) -> tuple[Longs, Longs]:
        """Group and person of each pair, once, by group."""
        pairs = np.flatnonzero(self._flags) if self._flags is not None else self._sorted()
        return np.divmod(pairs, self._people)

    def counts(self) -> Longs:
        """How many people each group has."""
        if self._flags is not None:
            of_group = self._flags.reshape(self._groups, self._people)
            # Not count_nonzero(axis=1), which makes a long integer of each flag.
            return np.array([np.count_nonzero(flags) for flags in of_group], np.int64)
        return np.bincount(self._sorted() // self._people, minlength=self._groups)

    def _sorted(self) -> Longs:
        sorted_: Longs = unique(np.concatenate([np.zeros(0, np.int64), *self._come]))
        return sorted_


def distinct(group: Codes, person: Codes, groups: int, people: int) -> Longs:
    """How many different people each group has, of rows that say who belongs where."""
    pairs = DistinctPeople(groups, people, len(group))
    pairs.add(group, person)
    return pairs.counts()
