"""The order of a funnel's steps: each step's event must be later than that of the step before, in time for the window.

Of two events of one millisecond the one that was sent later is the later one (``warehouse.definitions.event_order``).

A sequence is one event a step. Sequences of many visitors are matched at once, in arrays. The latest start is the best
one: of two sequences that arrive at an event, the one that began later leaves more of the window. So for each event of
step k it is enough to know the latest start of a sequence that arrives there: it is the start of the last event of
step k-1 strictly before it at which a sequence arrives. Every possible first step is tried.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

KEY_BITS = 62

Longs = npt.NDArray[np.int64]
Ints = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class StepEvents:
    """Events in order of (owner, time), one a row. ``key`` is owner << time_bits | time, where time is ms since some
    base << tie_bits | the place among events of the same millisecond.

    Bit k of ``mask`` says that the event is one of step k. Owners are counted from ``first_owner``.
    """

    key: Longs
    mask: npt.NDArray[Any]
    time_bits: int
    first_owner: int = 0
    tie_bits: int = 0

    def ms(self, key: Longs) -> Longs:
        """Keys without the places: differences between those of one owner are in ms."""
        return key >> self.tie_bits


def gather(
    owner: Ints, packed: Longs, mask_bits: int, time_bits: int, owner_count: int, tie_bits: int = 0
) -> Iterator[StepEvents]:
    """The events as StepEvents, in parts that hold whole owners and fit a 64-bit key each: mostly one.

    ``packed`` is time << mask_bits | mask; ``tie_bits`` are the last of the ``time_bits``.
    """
    masks = None
    if owner_count.bit_length() + time_bits + mask_bits > KEY_BITS:
        masks, codes = np.unique(packed & ((1 << mask_bits) - 1), return_inverse=True)
        bits = max(1, (len(masks) - 1).bit_length())
        packed = (packed >> mask_bits << bits) | codes
        mask_bits = bits
    size = min(max(owner_count, 1), 1 << max(1, KEY_BITS - time_bits - mask_bits))
    for first in range(0, max(owner_count, 1), size):
        whole = size >= owner_count
        chosen = slice(None) if whole else np.flatnonzero((owner >= first) & (owner < first + size))
        key = (owner[chosen].astype(np.int64) - first) << (time_bits + mask_bits)
        key |= packed[chosen]
        key.sort()
        mask = (key & ((1 << mask_bits) - 1)).astype(np.min_scalar_type((1 << mask_bits) - 1))
        key >>= mask_bits
        yield StepEvents(key, mask if masks is None else masks[mask], time_bits, first, tie_bits)


@dataclass(frozen=True, slots=True)
class StepMatches:
    """The events at which sequences arrive at one step: their rows, the latest start of each, and the event
    before it in the sequence that began then (both as keys)."""

    rows: Ints
    start: Longs
    before: Longs


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Events (bit of the mask) that break a sequence: strictly between its start and its end, or, with
    ``after``, between step ``after`` and the next."""

    bit: int
    after: int | None = None


def in_order(
    hits: StepEvents, steps: int, window: int, without: Sequence[Exclusion] = ()
) -> Iterator[StepMatches]:
    """The levels, one a step, each event later than the one before and the last within ``window`` (ms) of
    the first."""
    key = hits.key
    first = _first_of_moment(key)
    broken = [_Last(hits, each.bit, first) for each in without]
    rows = np.flatnonzero(hits.mask & 1)
    level = StepMatches(rows, key[rows], key[rows])
    yield level
    for step in range(1, steps):
        alive = np.zeros(len(key), np.int32)
        alive[level.rows] = 1
        until = np.cumsum(alive, dtype=np.int32)
        rows = np.flatnonzero(hits.mask & (1 << step))
        moment = rows if first is None else first[rows]
        last = until[moment] - alive[moment] - 1  # of the level's events, the last strictly before
        some = last >= 0
        rows, last = rows[some], last[some]
        start, now = level.start[last], key[rows]
        good = (start >> hits.time_bits) == (now >> hits.time_bits)
        good &= hits.ms(now) - hits.ms(start) <= window
        rows, last, start, now = rows[good], last[good], start[good], now[good]
        before = key[level.rows[last]]
        for each, breaks in zip(without, broken, strict=True):
            if each.after is None:
                keep = breaks.before(rows) <= start
            elif each.after == step - 1:
                keep = breaks.before(rows) <= before
            else:
                continue
            rows, start, before = rows[keep], start[keep], before[keep]
        level = StepMatches(rows, start, before)
        yield level


def in_any_order(hits: StepEvents, same: Sequence[int], window: int) -> Iterator[StepMatches]:
    """The levels when the order does not matter: where all of the first k steps lie within ``window``.

    ``same[k]`` says how many earlier steps are the same as step k: it needs that many more events.
    """
    oldest = hits.key
    everything = np.arange(len(hits.key))
    for step, earlier in enumerate(same):
        rows = np.flatnonzero(hits.mask & (1 << step))
        count = np.zeros(len(hits.key), np.int32)
        count[rows] = 1
        last = (
            np.cumsum(count, dtype=np.int32) - 1 - earlier
        )  # of this step's events up to and including here
        some = last[everything] >= 0
        everything, oldest = everything[some], oldest[some]
        oldest = np.minimum(oldest, hits.key[rows[last[everything]]])
        now = hits.key[everything]
        good = (oldest >> hits.time_bits) == (now >> hits.time_bits)
        good &= hits.ms(now) - hits.ms(oldest) <= window
        everything, oldest = everything[good], oldest[good]
        yield StepMatches(everything, oldest, oldest)


class FirstArrivals(NamedTuple):
    """For each owner who reaches a step: its first arrival there, ms since the base, and how many ms it came
    after the event before it in its sequence."""

    owner: Longs
    time: Longs
    waited: Longs


def first_arrivals(level: StepMatches, hits: StepEvents) -> FirstArrivals:
    """One for each owner, by owner."""
    key = hits.key[level.rows]
    owner = key >> hits.time_bits
    first = np.flatnonzero(first_of_runs(owner))
    key = key[first]
    time = hits.ms(key & ((1 << hits.time_bits) - 1))
    return FirstArrivals(owner[first] + hits.first_owner, time, hits.ms(key) - hits.ms(level.before[first]))


def first_of_runs(values: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Which values differ from the one before."""
    first = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=first[1:])
    return first


class _Last:
    """The last event of one bit strictly before a row."""

    def __init__(self, hits: StepEvents, bit: int, first: Ints | None) -> None:
        rows = np.flatnonzero(hits.mask & (1 << bit))
        self._key, self._first = hits.key[rows], first
        self._here = np.zeros(len(hits.key), np.int32)
        self._here[rows] = 1
        self._until = np.cumsum(self._here, dtype=np.int32)

    def before(self, rows: Ints) -> Longs:
        """Its key, -1 without one. Another owner's is smaller than any of this owner's."""
        moment = rows if self._first is None else self._first[rows]
        last = self._until[moment] - self._here[moment] - 1
        if not len(self._key):
            return np.full(len(rows), -1, np.int64)
        return np.where(last >= 0, self._key[np.maximum(last, 0)], -1)


def _first_of_moment(key: Longs) -> Ints | None:
    """For each row the first with the same owner and time; None when all are different."""
    first = first_of_runs(key)
    if first.all():
        return None
    return np.maximum.accumulate(np.where(first, np.arange(len(key)), 0))
