"""Lift: what people who could see a campaign did beyond those from whom it was withheld, with intervals."""

from math import isfinite
from typing import Literal, NamedTuple

import numpy as np

from offers.experiments.draw import HEAVY, Draw, design_of, draw_of, quantile_of_some
from offers.experiments.intervals import Interval
from offers.experiments.people import Flags, Numbers, People
from offers.experiments.planned_end import PlannedEnd
from offers.experiments.sequence import Precision, difference, ratio

CONVERTED_LEAST = 20
"""So many of both groups together must have reached the goal before an effect is claimed."""
BUYERS_LEAST = 20
"""So many buyers a group must have before its order value is compared."""

Verdict = Literal["gain", "loss", "none yet", "too early"]


class Group(NamedTuple):
    """People of one group, how many reached the goal, and their revenue: sum and sum of squares over people."""

    visitors: int = 0
    converted: int = 0
    revenue: float = 0.0
    squares: float = 0.0

    @property
    def rate(self) -> float:
        return self.converted / self.visitors if self.visitors else 0.0


class Effects(NamedTuple):
    """Shown against withheld. ``rate``: difference of conversion rates; ``relative``: the same as a part of the
    withheld group's rate, None while that may be none; ``revenue``: difference for each person;
    ``incremental``: revenue that would not have come without the campaign; ``order_value``: difference of revenue for
    each buyer, None with fewer than BUYERS_LEAST in a group."""

    rate: Interval
    relative: Interval | None
    revenue: Interval
    incremental: Interval
    order_value: Interval | None


class RevenueCap(NamedTuple):
    """Revenue of a person above ``amount`` counts as that much: the ``quantile`` of the buyers of both groups.
    ``people`` it cut, and the ``revenue`` that it cut off."""

    quantile: float
    amount: float
    people: int
    revenue: float


class Lift(NamedTuple):
    """``rate`` to ``order_value`` are Effects whose intervals hold on every day at once. ``planned``: the fixed 95 %
    intervals of those who were enrolled before the planned end, once the window of all of them is over. ``verdict``:
    of the rate, by the always-valid interval."""

    shown: Group
    withheld: Group
    rate: Interval
    relative: Interval | None
    revenue: Interval
    incremental: Interval
    order_value: Interval | None
    planned: Effects | None
    cap: RevenueCap | None
    verdict: Verdict


def lift(people: People, end: PlannedEnd) -> Lift | None:
    """Of all whom something could hold out and whose window is over; people of different shares are compared among
    themselves only. None while a group is empty."""
    drawn = ~(people.held_share == 0)
    closed = drawn & ~people.open
    found = _effects(people, closed, Precision(end.people))
    if found is None:
        return None
    planned = _effects(people, closed & (people.since < end.at), Precision(0)) if end.over else None
    shown, withheld = group(people, closed & ~people.held), group(people, closed & people.held)
    enough = shown.converted + withheld.converted >= CONVERTED_LEAST
    return Lift(
        shown,
        withheld,
        *found,
        planned,
        _cap(people, closed),
        verdict_of(found.rate) if enough else "too early",
    )


def group(people: People, mask: Flags) -> Group:
    """Those people together."""
    revenue = people.revenue[mask]
    return Group(
        int(mask.sum()),
        int(people.converted[mask].sum()),
        round(float(revenue.sum()), 4),
        float((revenue**2).sum()),
    )


def rate_difference(reached: Numbers, draw: Draw, precision: Precision) -> Interval | None:
    """Of the parts of people who ``reached`` something, 0 or 1 each: between -1 and 1. None while a group is empty."""
    found = difference(reached, draw, precision, 1.0)
    return found and Interval(found.value, max(-1.0, found.low), min(1.0, found.high))


def verdict_of(effect: Interval) -> Verdict:
    """What an always-valid interval of enough people says."""
    return "gain" if effect.low > 0 else "loss" if effect.high < 0 else "none yet"


def _effects(people: People, mask: Flags, precision: Precision) -> Effects | None:
    draw = draw_of(people, mask)
    if not draw.held.any() or draw.held.all():
        return None
    converted = people.converted[mask].astype(np.float64)
    revenue = np.minimum(people.revenue[mask], quantile_of_some(people.revenue[mask]))
    rate, money = rate_difference(converted, draw, precision), difference(revenue, draw, precision)
    assert rate is not None and money is not None
    count = int((~draw.held).sum())
    return Effects(
        rate,
        ratio(converted, draw, precision),
        money,
        Interval(*(count * each for each in money)),
        _order_value(revenue, draw, precision),
    )


def _order_value(revenue: Numbers, draw: Draw, precision: Precision) -> Interval | None:
    """Revenue for each buyer. Who buys is no draw, but among the buyers of one share the groups' part is what it is:
    without an effect on the value, it is as if so many of them had been drawn."""
    bought = revenue > 0
    held = draw.held[bought]
    if min(int(held.sum()), int((~held).sum())) < BUYERS_LEAST:
        return None
    _, stratum = np.unique(draw.share[bought], return_inverse=True)
    part = (np.bincount(stratum, held) / np.bincount(stratum))[stratum]
    of_buyers = Precision(precision.planned * len(held) / len(revenue), precision.claims)
    design = design_of(draw.share[bought], np.zeros((len(held), 0)))
    return difference(revenue[bought], Draw(held, part, design), of_buyers)


def _cap(people: People, mask: Flags) -> RevenueCap | None:
    revenue = people.revenue[mask]
    amount = quantile_of_some(revenue)
    above = revenue[revenue > amount]
    if not isfinite(amount):
        return None
    return RevenueCap(HEAVY, amount, len(above), round(float((above - amount).sum()), 4))
