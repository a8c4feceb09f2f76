"""The models alone: figures computed by hand, and examples that others published."""

from collections.abc import Sequence
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.durations import DAY_MS
from warehouse.attribution import models
from warehouse.attribution.credits import WHOLE, apportioned, divided
from warehouse.attribution.journeys import Journeys
from warehouse.attribution.markov import chain_of, removal_effects
from warehouse.attribution.shapley import shapley

Paths = Sequence[str]
"""Each letter is a visit by that channel."""


def journeys_of(paths: Paths, before: int = 0) -> Journeys:
    first = np.cumsum([0, *map(len, paths)])
    return Journeys(first, np.arange(first[-1]) + before)


def codes(*paths: Paths) -> tuple[np.ndarray, str]:
    names = "".join(sorted(set("".join("".join(each) for each in paths))))
    letters = "".join("".join(each) for each in paths)
    return np.array([names.index(letter) for letter in letters], np.int64), names


def effects_of(converting: Paths, lost: Paths) -> dict[str, float]:
    group, names = codes(converting, lost)
    bought = journeys_of(converting)
    left = journeys_of(lost, len(bought.visit))
    counts = np.ones(len(converting), np.int64)
    chain = chain_of(bought, counts, left, group, len(names))
    return dict(zip(names, removal_effects(chain).tolist(), strict=True))


def shared(effects: dict[str, float], total: float = 1.0) -> dict[str, float]:
    return {name: total * each / sum(effects.values()) for name, each in effects.items()}


def weights_by_hand(name: str, path: str) -> list[float]:
    journeys = journeys_of([path])
    group, _ = codes([path])
    start = np.arange(len(path)) * 7 * DAY_MS
    direct = np.array([letter == "D" for letter in path])
    found = {
        "first": lambda: models.first(journeys),
        "last": lambda: models.last(journeys),
        "last_non_direct": lambda: models.last_non_direct(journeys, direct),
        "linear": lambda: models.linear(journeys),
        "position": lambda: models.position(journeys),
        "decay": lambda: models.decay(journeys, start, 7 * DAY_MS),
        "shapley": lambda: shapley(journeys, group),
    }[name]()
    shares: list[float] = (found / found.sum()).tolist()
    return shares


@pytest.mark.parametrize(
    ("name", "path", "shares"),
    [
        ("first", "ABC", [1, 0, 0]),
        ("last", "ABC", [0, 0, 1]),
        ("last_non_direct", "ABD", [0, 1, 0]),
        ("last_non_direct", "ADBDD", [0, 0, 1, 0, 0]),
        ("last_non_direct", "DD", [0, 1]),  # nothing else: the last, though direct
        ("linear", "ABCA", [0.25, 0.25, 0.25, 0.25]),
        ("position", "A", [1]),
        ("position", "AB", [0.5, 0.5]),
        ("position", "ABC", [0.4, 0.2, 0.4]),
        ("position", "ABCD", [0.4, 0.1, 0.1, 0.4]),
        # A week each between them: 1, 1/2 and 1/4, of 7/4.
        ("decay", "ABC", [1 / 7, 2 / 7, 4 / 7]),
        ("shapley", "ABA", [0.5, 0.5, 0]),  # A and B, however often each came
    ],
)
def test_weights_computed_by_hand(name: str, path: str, shares: list[float]) -> None:
    assert weights_by_hand(name, path) == pytest.approx(shares)


def test_removal_effects_of_a_published_example() -> None:
    """S. Bryl, "Marketing Multi-Channel Attribution model with R (part 1: Markov chains concept)", 2016."""
    effects = effects_of(["ABC"], ["A", "BC"])
    assert effects == pytest.approx({"A": 0.5, "B": 1.0, "C": 1.0}, abs=1e-3)
    assert shared(effects) == pytest.approx({"A": 0.2, "B": 0.4, "C": 0.4}, abs=1e-3)


def test_conversions_by_removal_effects_of_a_published_example() -> None:
    """S. Puzyrov, "Markov Chain Attribution – Simple Explanation Of Removal Effect", 2019: Google Ads and mailing."""
    effects = effects_of(["G", "G", "M", "GM"], ["G"])
    assert effects == pytest.approx({"G": 0.75, "M": 0.5}, abs=1e-3)
    assert shared(effects, 4) == pytest.approx({"G": 2.4, "M": 1.6}, abs=1e-3)


def removed(converting: Paths, lost: Paths, name: str) -> float:
    """The removal effect by the definition: the channel leads to null, and the chain is walked a thousand steps."""

    def probability(without: str) -> float:
        steps: dict[str, dict[str, float]] = {}
        for paths, end in ((converting, "conversion"), (lost, "null")):
            for path in paths:
                for here, there in zip(["start", *path], [*path, end], strict=True):
                    steps.setdefault(here, {}).setdefault(there, 0.0)
                    steps[here][there] += 1
        at, won = {"start": 1.0}, 0.0
        for _ in range(2000):
            ahead: dict[str, float] = {}
            for here, mass in at.items():
                if here == without:
                    continue
                total = sum(steps[here].values())
                for there, times in steps[here].items():
                    if there == "conversion":
                        won += mass * times / total
                    elif there != "null":
                        ahead[there] = ahead.get(there, 0.0) + mass * times / total
            at = ahead
        return won

    return 1 - probability(name) / probability("")


PATHS = st.lists(st.text("ABC", min_size=1, max_size=4), min_size=1, max_size=5)


@given(PATHS, PATHS)
def test_removal_effects_are_those_of_the_definition(converting: list[str], lost: list[str]) -> None:
    for name, effect in effects_of(converting, lost).items():
        assert effect == pytest.approx(removed(converting, lost, name), abs=1e-6), name


def shapley_of(paths: Paths) -> dict[str, float]:
    group, names = codes(paths)
    journeys = journeys_of(paths)
    parts = divided(np.full(len(paths), WHOLE), shapley(journeys, group), journeys)
    return {name: parts[group == code].sum() / WHOLE for code, name in enumerate(names)}


def test_shapley_values_of_a_published_example() -> None:
    """Conversion ratios of the coalitions of Facebook, Organic and LinkedIn, of which a hundred journeys are made:
    towardsdatascience.com/data-driven-marketing-attribution-1a28d2e613a0."""
    sets = {"F": 20, "O": 10, "L": 17, "FO": 17, "FL": 30, "FOL": 6}
    values = shapley_of([each for each, times in sets.items() for _ in range(times)])
    assert values == pytest.approx({"F": 45.5, "O": 20.5, "L": 34.0}, abs=1e-3)


@given(st.lists(st.text("ABCD", min_size=1, max_size=5), min_size=1, max_size=6))
def test_shapley_values_are_those_of_the_definition(paths: list[str]) -> None:
    """The mean of what each channel adds, over all orders in which channels can join; v(S) is what journeys within S
    brought."""
    names = "".join(sorted(set("".join(paths))))

    def worth(joined: str) -> int:
        return sum(1 for path in paths if set(path) <= set(joined))

    orders = list(permutations(names))
    for name in names:
        added = [
            worth("".join(order[: order.index(name) + 1])) - worth("".join(order[: order.index(name)]))
            for order in orders
        ]
        assert shapley_of(paths)[name] == pytest.approx(sum(added) / len(orders), abs=1e-4)


@given(
    st.lists(
        st.tuples(st.integers(-(10**15), 10**15), st.lists(st.floats(0, 1e6), min_size=1, max_size=9)),
        min_size=1,
    )
)
def test_the_parts_of_a_journey_are_its_amount(drawn: list[tuple[int, list[float]]]) -> None:
    amounts = np.array([amount for amount, _ in drawn])
    journeys = journeys_of(["x" * len(weights) for _, weights in drawn])
    weights = np.array([each for _, weights in drawn for each in weights])
    parts = divided(amounts, weights, journeys)
    for (amount, mine), begin, end in zip(drawn, journeys.first, journeys.first[1:], strict=False):
        of_it = parts[begin:end].tolist()
        assert sum(of_it) == amount
        if any(mine):
            total = sum(mine)
            assert all(part == 0 for part, weight in zip(of_it, mine, strict=True) if weight == 0)
            for part, weight in zip(of_it, mine, strict=True):
                assert abs(part - amount * weight / total) <= max(len(mine), abs(amount) * 1e-12)


def test_an_amount_is_apportioned_to_the_last_unit() -> None:
    assert apportioned(100, np.array([1.0, 1.0, 1.0])).tolist() == [34, 33, 33]
    assert apportioned(-100, np.array([1.0, 0.0, 1.0])).tolist() == [-50, 0, -50]
    assert apportioned(0, np.zeros(0)).tolist() == []
