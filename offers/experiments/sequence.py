"""Confidence sequences: intervals of a randomized comparison that hold on every day at once, however often one looks.

Under an assumed effect each person's outcome without the campaign is known: z, less what is expected of anybody like
them. Whether it was withheld was drawn, so the sum of z (held - share) is a martingale around 0. It leaves Robbins'
(1970) normal-mixture boundary at any time with a probability of ``ALPHA`` at most, asymptotically (Waudby-Smith and
others 2024, "Time-uniform central limit theory"). The interval is the effects that are not refused.

The martingale's variance is that of the draw, from everybody's outcomes: a small group of few buyers does not know how
much they differ. It is at least what the withheld group has if its mean is so much larger, and in a sequence at least
what came out. The fixed interval knows that a small group's sum is skewed (Cornish and Fisher 1938).
"""

from collections.abc import Callable
from math import inf, log, sqrt
from typing import NamedTuple

import numpy as np

from offers.experiments.draw import Draw
from offers.experiments.intervals import NORMAL_95, Interval
from offers.experiments.people import Numbers

ALPHA = 0.05
STEPS = 40
"""Of the bisection: to 1e-12 of where it starts."""
LARGER_MOST = 10.0
"""So much larger a mean of the withheld group is reckoned with."""
Quadratic = tuple[float, float, float]


class Precision(NamedTuple):
    """How many deviations wide an interval is on either side. ``planned``: people for whom it is narrowest, 0: the
    fixed interval of one look at a planned end. ``claims``: how many intervals share the error (Bonferroni)."""

    planned: float
    claims: int = 1

    def deviations(self, people: float) -> float:
        """After so many ``people``."""
        alpha = ALPHA / self.claims
        if not self.planned:
            return NORMAL_95 if self.claims == 1 else _normal_quantile(1 - alpha / 2)
        # The mixture that is narrowest at ``planned`` (Howard, Ramdas, McAuliffe and Sekhon 2021).
        ahead = self.planned / people / (-2 * log(alpha) + log(1 - 2 * log(alpha)))
        return sqrt((1 + ahead) * log((1 + ahead) / (ahead * alpha**2)))


def difference(outcome: Numbers, draw: Draw, precision: Precision, one: float = 0.0) -> Interval | None:
    """Mean outcome of those who could see it less that of the withheld. None while a group is empty. ``one``: the
    outcome of one person more, reckoned with so that a group without any is not taken for sure of that."""
    shown = (~draw.held).astype(np.float64)
    parts = _Martingale.of(draw, draw.adjusted(outcome), -draw.adjusted(shown))
    mean = float(outcome[~draw.held].mean()) if shown.any() else 0.0

    def larger(effect: float) -> float:
        return (mean - effect) / mean if mean > 0 else 1.0

    return None if parts is None else parts.with_one(one, draw).interval(precision, larger)


def ratio(outcome: Numbers, draw: Draw, precision: Precision) -> Interval | None:
    """Mean outcome of those who could see it by that of the withheld, less 1. None while a group has no outcome, and
    while nothing refuses that the withheld group's is none."""
    withheld, shown = np.where(draw.held, outcome, 0.0), np.where(draw.held, 0.0, outcome)
    parts = _Martingale.of(draw, draw.adjusted(withheld), draw.adjusted(shown))
    if parts is None or not withheld.any() or not shown.any():
        return None
    inverse = parts.interval(precision, lambda inverse: 1 / inverse if inverse > 0 else 1.0)
    if inverse.low <= 0 or inverse.high == inf:
        return None
    return Interval(1 / inverse.value - 1, 1 / inverse.high - 1, 1 / inverse.low - 1)


class _Martingale(NamedTuple):
    """Its value is ``start`` + effect ``slope``. Its variance, of the draw and as it came out, is a quadratic of the
    effect, too: constant, linear and square part. ``skewness`` where its value is 0."""

    people: int
    start: float
    slope: float
    drawn: Quadratic
    realized: Quadratic
    skewness: float

    @classmethod
    def of(cls, draw: Draw, known: Numbers, effect: Numbers) -> "_Martingale | None":
        """Of z = ``known`` + e ``effect``, e being the effect. None while a group is empty."""
        if not draw.held.any() or draw.held.all():
            return None
        step, expected = draw.held - draw.share, draw.share * (1 - draw.share)
        start, slope = float(step @ known), float(step @ effect)
        drawn = _quadratic(expected, known, effect)
        value = -start / slope if slope else 0.0
        left = known + value * effect
        third = float((expected * (1 - 2 * draw.share)) @ (left * left * left))
        variance = _at(drawn, value)
        skewness = third / variance**1.5 if variance > 0 else 0.0
        return cls(len(step), start, slope, drawn, _quadratic(step**2, known, effect), skewness)

    def with_one(self, outcome: float, draw: Draw) -> "_Martingale":
        constant, linear, square = self.drawn
        more = outcome**2 * float((draw.share * (1 - draw.share)).mean())
        return self._replace(drawn=(constant + more, linear, square))

    def interval(self, precision: Precision, larger: Callable[[float], float]) -> Interval:
        """Effects around the one at which the sum is 0. ``larger``: by how much the withheld group's mean exceeds the
        other's at an effect."""
        value = -self.start / self.slope if self.slope else 0.0
        unit = sqrt(_at(self.drawn, value)) / abs(self.slope) if self.slope else 0.0
        if not unit:
            return Interval(value, value, value)
        fixed, width = not precision.planned, precision.deviations(self.people)
        skewed = min(1.0, max(-1.0, self.skewness * (width**2 - 1) / 6)) if fixed else 0.0

        def refused(effect: float) -> bool:
            variance = _at(self.drawn, effect) * min(max(larger(effect), 1.0), LARGER_MOST)
            if not fixed:
                variance = max(variance, _at(self.realized, effect))
            return abs(self.start + effect * self.slope - skewed * sqrt(variance)) > width * sqrt(variance)

        return Interval(value, _bound(refused, value, -unit), _bound(refused, value, unit))


def _quadratic(weights: Numbers, known: Numbers, effect: Numbers) -> Quadratic:
    return (
        float(weights @ known**2),
        2 * float(weights @ (known * effect)),
        float(weights @ effect**2),
    )


def _at(quadratic: Quadratic, effect: float) -> float:
    constant, linear, square = quadratic
    return max(0.0, constant + effect * (linear + effect * square))


def _bound(refused: Callable[[float], bool], start: float, step: float) -> float:
    """The effect nearest to ``start``, in the direction of ``step``, that is refused; infinite if none is."""
    near, far = start, start + step
    for _ in range(STEPS):
        if refused(far):
            break
        near, far = far, start + 2 * (far - start)
    else:
        return inf if step > 0 else -inf
    for _ in range(STEPS):
        middle = (near + far) / 2
        near, far = (near, middle) if refused(middle) else (middle, far)
    return far


def _normal_quantile(part: float) -> float:
    from scipy import stats  # half a second, which every start of a server would pay for

    return float(stats.norm.ppf(part))
