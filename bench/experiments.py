"""Campaigns without an effect, and with a known one, looked at every day: who is ever fooled, and who sees the effect.

    python -m bench.experiments [campaigns]

Each campaign enrols the same number of people a day and is looked at on each of ninety days; 28 days are planned. Sums
of each day's groups are drawn, not people one by one. ``tests/offers/test_sequence.py`` checks that the intervals made
of such sums are those that the engine makes of people.
"""

import sys
from dataclasses import dataclass, replace
from itertools import product
from typing import NamedTuple

import numpy as np

from bench.results import record
from offers.experiments.draw import HEAVY
from offers.experiments.lift import CONVERTED_LEAST
from offers.experiments.sequence import LARGER_MOST, Precision

PLANNED_DAYS = 28


@dataclass(frozen=True, slots=True)
class Shop:
    """``daily`` people, of whom a ``share`` is held out and a ``rate`` converts; ``effect`` multiplies that of those
    who are shown the campaign. ``orders``: the standard deviation of the logarithm of an order's value, 0 for Pareto's
    with exponent 1.5; None: the outcome is the conversion. ``value`` multiplies the orders of those who are shown it.
    """

    daily: int
    share: float
    rate: float
    orders: float | None = None
    effect: float = 1.0
    value: float = 1.0

    def truth(self) -> float:
        """The effect on a person's mean, with orders capped as they are drawn."""
        mean = 1.0 if self.orders is None else float(self.values(np.random.default_rng(1), 1_000_000).mean())
        return self.rate * mean * (self.effect * self.value - 1)

    def values(self, generator: np.random.Generator, count: int) -> np.ndarray:
        """Of orders, capped at their HEAVY quantile."""
        if self.orders is None:
            return np.ones(count)
        if self.orders == 0:
            return np.minimum(generator.pareto(1.5, count) + 1, (1 - HEAVY) ** (-1 / 1.5))
        return np.minimum(generator.lognormal(0, self.orders, count), np.exp(2.326 * self.orders))


class Sums(NamedTuple):
    """Of each campaign up to each day: people, conversions, sum and sum of squares of the outcomes; of those who were
    shown it and of the withheld. Shape (campaigns, days) each."""

    shown: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
    held: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def campaigns(shop: Shop, count: int, days: int, seed: int) -> Sums:
    generator = np.random.default_rng(seed)
    held = generator.binomial(shop.daily, shop.share, (count, days))

    def group(people: np.ndarray, rate: float, value: float) -> tuple[np.ndarray, ...]:
        converted = generator.binomial(people, rate)
        orders = value * shop.values(generator, int(converted.sum()))
        ends = np.cumsum(converted.ravel())
        sums = []
        for each in (orders, orders**2):
            run = np.concatenate([[0.0], np.cumsum(each)])
            sums.append((run[ends] - run[ends - converted.ravel()]).reshape(people.shape))
        return tuple(np.cumsum(each, axis=1).astype(float) for each in (people, converted, *sums))

    shown = group(shop.daily - held, min(1.0, shop.rate * shop.effect), shop.value)
    return Sums(shown, group(held, shop.rate, 1.0))


def refused(sums: Sums, shop: Shop, effect: float, planned: float) -> np.ndarray:
    """On which days which campaign's interval does not hold ``effect``; ``planned`` 0: the fixed interval."""
    (n1, _, s1, q1), (n0, _, s0, q0) = sums
    people = n1 + n0
    centre = (s1 + s0 - effect * n1) / people
    left1, left0 = s1 - (effect + centre) * n1, s0 - centre * n0
    squares1 = q1 - 2 * (effect + centre) * s1 + (effect + centre) ** 2 * n1
    squares0 = q0 - 2 * centre * s0 + centre**2 * n0
    share = shop.share
    with np.errstate(divide="ignore", invalid="ignore"):
        mean = s1 / n1
        larger = np.where(mean > 0, np.clip((mean - effect) / mean, 1.0, LARGER_MOST), 1.0)
    one = share * (1 - share) if shop.orders is None else 0.0
    drawn = (share * (1 - share) * (squares1 + squares0) + one) * larger
    realized = (1 - share) ** 2 * squares0 + share**2 * squares1
    variance = drawn if not planned else np.maximum(drawn, realized)
    precision = Precision(planned)
    width = np.array([precision.deviations(int(each)) for each in people[0]])
    return (left0 * (1 - share) - left1 * share) ** 2 > width**2 * variance


class Claims(NamedTuple):
    """Parts of the campaigns: which ``ever`` claimed an effect, which of them a ``gain``, and which claim one on the
    planned last day."""

    ever: float
    gain: float
    at_end: float


def claims(shop: Shop, count: int, days: int = 90, seed: int = 0, fixed: bool = False) -> Claims:
    """``fixed``: with the interval of one look in place of the sequence. Below CONVERTED_LEAST nothing is claimed."""
    sums = campaigns(shop, count, days, seed)
    enough = sums.shown[1] + sums.held[1] >= CONVERTED_LEAST
    out = refused(sums, shop, 0.0, 0.0 if fixed else shop.daily * PLANNED_DAYS) & enough
    gain = out & (sums.shown[2] / sums.shown[0] > sums.held[2] / np.maximum(sums.held[0], 1.0))
    return Claims(
        float(out.any(axis=1).mean()),
        float(gain.any(axis=1).mean()),
        float(out[:, min(PLANNED_DAYS, days) - 1].mean()),
    )


def coverage(shop: Shop, count: int, days: int = 90, seed: int = 0) -> float:
    """The part of campaigns whose interval holds the truth on each day with CONVERTED_LEAST conversions."""
    sums = campaigns(shop, count, days, seed)
    enough = sums.shown[1] + sums.held[1] >= CONVERTED_LEAST
    return 1 - float(
        (refused(sums, shop, shop.truth(), shop.daily * PLANNED_DAYS) & enough).any(axis=1).mean()
    )


OUTCOMES = {"rate": None, "orders, log-normal 1": 1.0, "orders, log-normal 2": 2.0, "orders, Pareto 1.5": 0.0}
DAILY, SHARES, RATES = (300, 3_000), (0.05, 0.1, 0.2), (0.01, 0.05)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rows = []
    for name, orders in OUTCOMES.items():
        for daily, share, rate in product(DAILY, SHARES, RATES):
            shop = Shop(daily, share, rate, orders)
            some = count if daily < 1_000 or orders is None else count // 5
            found, fixed = claims(shop, some), claims(shop, some, fixed=True)
            real = claims(replace(shop, effect=1.3), max(100, some // 10))
            shown = (f"{found.ever:.2%}", f"{found.gain:.2%}", f"{fixed.ever:.1%}", f"{real.at_end:.0%}")
            rows.append((name, f"{daily:,}", f"{share:.0%}", f"{rate:.1%}", f"{some:,}", *shown))
    record("Campaigns looked at every day", "python -m bench.experiments", HEADER, rows, NOTES)


HEADER = (
    *("outcome", "people a day", "holdout", "conversion", "campaigns", "ever claim an effect", "a gain"),
    *("fixed interval, ever", "+ 30 % seen at the planned end"),
)
NOTES = """Without an effect, looked at on each of 90 days, 28 planned; an effect is claimed from 20 conversions on.
Asked: at most 5 % ever. The last column: campaigns that raise the conversion rate by 30 %."""

if __name__ == "__main__":
    main()
