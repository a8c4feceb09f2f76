"""Shares and how sure they are: the interval is Wilson's, and people who come often do not make it too narrow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from warehouse.definitions.shares import (
    LEAST,
    clusters_of,
    effective_size,
    share_of,
    share_of_clusters,
    wilson_bounds,
)


@given(st.integers(1, 5000).flatmap(lambda whole: st.tuples(st.integers(0, whole), st.just(whole))))
def test_the_interval_is_that_of_wilson(counts: tuple[int, int]) -> None:
    part, whole = counts
    told = share_of(part, whole)
    theirs = binomtest(part, whole).proportion_ci(0.95, "wilson")
    assert (told.low, told.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert told.value == part / whole and (told.part, told.whole) == counts
    assert told.enough == (whole >= LEAST)


def test_nothing_has_no_share() -> None:
    told = share_of(0, 0)
    assert told.value is None and not told.enough and (told.low, told.high) == (0.0, 1.0)


@given(st.lists(st.integers(0, 1), min_size=2, max_size=200))
def test_people_with_one_visit_each_are_as_many_as_their_visits(parts: list[int]) -> None:
    size = effective_size(clusters_of(np.array(parts), np.ones(len(parts), np.int64)))
    assert len(parts) - 1 - 1e-9 <= size <= len(parts)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=60), st.integers(2, 4))
def test_the_same_people_twice_do_not_say_more_than_their_visits(
    rows: list[tuple[int, int]], times: int
) -> None:
    parts = np.array([min(pair) for pair in rows], np.int64)
    wholes = np.array([max(pair) for pair in rows], np.int64)
    size = effective_size(clusters_of(parts, wholes))
    assert 0 <= size <= wholes.sum()
    often = effective_size(clusters_of(parts * times, wholes * times))
    assert (
        often == pytest.approx(size) or size == wholes.sum()
    )  # who comes again and does the same tells nothing new


@pytest.mark.parametrize("people", [40, 400])
def test_the_interval_holds_the_truth_though_people_come_often(people: int) -> None:
    """Each person has a bounce rate and a number of visits of their own."""
    luck = np.random.default_rng(7)
    held, naive, rounds = 0, 0, 600
    for _ in range(rounds):
        visits = 1 + luck.geometric(0.2, people)
        bounced = luck.binomial(visits, luck.beta(0.8, 1.2, people))
        told = share_of_clusters(clusters_of(bounced, visits))
        held += told.low <= 0.4 <= told.high
        low, high = wilson_bounds(int(bounced.sum()), int(visits.sum()))
        naive += low <= 0.4 <= high
    assert held / rounds >= 0.925
    assert naive / rounds < 0.85
