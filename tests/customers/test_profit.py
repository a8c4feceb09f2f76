"""The whale curve: what it says by hand, and what holds of any customers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.profit.whale_curve import whale_curve

money = st.integers(-1000, 1000).map(float)


def test_by_hand() -> None:
    found = whale_curve(np.array([-20.0, 60, 0, 50, 30, 10, -30, 20, 0, -20]))
    assert (found.customers, found.total, found.peak) == (10, 100, 170)
    assert found.best_fifth == pytest.approx(1.1)
    assert (found.losing, found.lost, found.peak_at) == (3, 70, 0.5)
    assert dict(found.curve)[0.1] == 60
    assert dict(found.curve)[1.0] == 100


def test_nobody_and_a_shop_without_profit() -> None:
    none = whale_curve(np.zeros(0))
    assert (none.customers, none.total, none.best_fifth, none.curve) == (0, 0.0, None, ())
    lost = whale_curve(np.array([-5.0, 5.0]))
    assert (lost.total, lost.best_fifth, lost.losing) == (0.0, None, 1)
    assert whale_curve(np.zeros(3)).best_fifth is None


def test_a_fifth_of_few_customers_is_a_part_of_one() -> None:
    assert whale_curve(np.array([30.0])).best_fifth == pytest.approx(0.2)
    assert whale_curve(np.array([30.0, 10, 10])).best_fifth == pytest.approx(0.36)
    assert whale_curve(np.full(20, 7.0)).best_fifth == pytest.approx(0.2)


@given(st.lists(money, min_size=1, max_size=50), st.randoms())
def test_of_any_customers(amounts: list[float], chance) -> None:  # type: ignore[no-untyped-def]
    found = whale_curve(np.array(amounts))
    chance.shuffle(amounts)
    assert whale_curve(np.array(amounts)) == found
    heights = [height for _, height in found.curve]
    assert heights[0] == 0
    assert heights[-1] == pytest.approx(sum(amounts))
    assert found.peak - found.lost == pytest.approx(found.total)
    assert max(heights) <= found.peak + 1e-6
    steps = np.diff(heights)
    assert np.all(np.diff(steps) <= 1e-6), "the best come first"
    if found.best_fifth is not None:
        assert found.best_fifth >= 0.2 - 1e-9
