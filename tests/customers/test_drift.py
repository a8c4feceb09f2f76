"""Drift of the risk: of customers who are others than before, and of risks that are not right any more."""

import numpy as np
import pytest

from customers.scoring.drift import drift, stability_index


def test_the_same_customers_have_not_changed() -> None:
    chance = np.random.default_rng(1)
    then = chance.beta(2, 5, 4000)
    found = drift(then, chance.beta(2, 5, 3000), chance.random(4000) < then)
    assert found.psi < 0.02 and (found.customers, found.calibration) == ("stable", "right")
    assert stability_index(then, then) == 0


@pytest.mark.parametrize(("off", "word"), [(0.08, "too low"), (-0.08, "too high")])
def test_risks_that_are_not_right_any_more(off: float, word: str) -> None:
    chance = np.random.default_rng(2)
    then = chance.uniform(0.2, 0.8, 4000)
    assert drift(then, then, chance.random(4000) < then + off).calibration == word
    few = then[:20]
    assert drift(few, few, chance.random(20) < few + off).calibration == "right", "that may be chance"


def test_other_customers_than_then() -> None:
    """The index of two uniform halves, by hand: half of the tenths are empty, the others hold twice as many."""
    then = np.linspace(0, 1, 10_001)
    now = then[then > 0.5]
    by_hand = 5 * (0.2 - 0.1) * np.log(0.2 / 0.1) + 5 * (1e-4 - 0.1) * np.log(1e-4 / 0.1)
    assert stability_index(then, now) == pytest.approx(by_hand, rel=0.01)
    assert drift(then, now, then > 0.5).customers == "changed much"
    constant = np.full(100, 0.3)
    assert stability_index(constant, constant) == 0
