"""Journeys: the visits of a person before each conversion, and those that led to none.

Each conversion has a journey of its own: the visits that began within the lookback window before it, whether or not an
earlier conversion lies between, as in GA4. The visit in which it happened is the last of them.
"""

from dataclasses import dataclass

import numpy as np

from warehouse.attribution.conversions import Conversions
from warehouse.attribution.visits import Visits
from warehouse.index.encoded import Longs
from warehouse.index.scan import Mask
from warehouse.question.span import Span

LONGEST = 500
"""Visits of one journey; of a longer one the latest count."""


@dataclass(frozen=True, slots=True)
class Journeys:
    """``visit`` (rows of Visits) of journey k are those from ``first[k]`` to ``first[k + 1]``, the earliest first."""

    first: Longs
    visit: Longs

    @property
    def of(self) -> Longs:
        """The journey of each of ``visit``."""
        return np.repeat(np.arange(len(self.first) - 1), self.lengths)

    @property
    def lengths(self) -> Longs:
        return np.diff(self.first)


def converting(visits: Visits, conversions: Conversions, lookback: int) -> Journeys:
    """The journey of each conversion: ``lookback`` in ms, both ends included. One is empty where nobody knows a visit
    of the person."""
    times = np.unique(visits.start)
    width = len(times) + 1
    keys = visits.person * width + np.searchsorted(times, visits.start)
    known = conversions.person >= 0
    base = conversions.person * width
    until = np.searchsorted(keys, base + np.searchsorted(times, conversions.ts, "right"))
    since = np.searchsorted(keys, base + np.searchsorted(times, conversions.ts - lookback))
    since = np.maximum(since, until - LONGEST)
    count = np.where(known, until - since, 0)
    of = np.repeat(np.arange(len(count)), count)
    visit = np.arange(len(of)) + np.repeat(since - np.cumsum(count) + count, count)
    others = visit != conversions.visit[of]
    own = np.flatnonzero(conversions.visit >= 0)
    of = np.concatenate([of[others], own])
    visit = np.concatenate([visit[others], conversions.visit[own]])
    order = np.argsort(of, kind="stable")
    return Journeys(_bounds(of, len(count)), visit[order])


def lost(visits: Visits, conversions: Conversions, lookback: int, span: Span, among: Mask | None) -> Journeys:
    """The journeys in ``span`` that led to no conversion: of each person the visits after the last conversion, those
    ``lookback`` before the latest of them. ``among``: of these people only."""
    people = int(visits.person.max(initial=-1)) + 1
    converted = np.full(people, np.iinfo(np.int64).min)
    some = (conversions.person >= 0) & (conversions.person < people)
    np.maximum.at(converted, conversions.person[some], conversions.ts[some])
    open_ = visits.start > converted[visits.person]
    open_[conversions.visit[conversions.visit >= 0]] = False
    if among is not None:
        open_ &= among[visits.person]
    rows = np.flatnonzero(open_)
    latest = np.full(people, span.start - 1)
    np.maximum.at(latest, visits.person[rows], visits.start[rows])
    last = latest[visits.person[rows]]
    rows = rows[(last >= span.start) & (visits.start[rows] >= last - lookback)]
    person, of = np.unique(visits.person[rows], return_inverse=True)
    return _latest(Journeys(_bounds(of, len(person)), rows))


def _latest(journeys: Journeys) -> Journeys:
    ends = np.repeat(journeys.first[1:], journeys.lengths)
    keep = ends - np.arange(len(ends)) <= LONGEST
    return Journeys(_bounds(journeys.of[keep], len(journeys.first) - 1), journeys.visit[keep])


def _bounds(of: Longs, count: int) -> Longs:
    return np.concatenate([[0], np.cumsum(np.bincount(of, minlength=count))]).astype(np.int64)
