"""Which variant is the best: said only where always-valid comparisons of people say it.

Each person counts with the first variant that they met. Of two variants, which one it was has been drawn, with the
shares that the fixed split or the bandit logged then. So the two are compared as a holdout is (sequence.py), however
the bandit learns: given what happened before, the draw of the next person is all that is left to chance (Waudby-Smith,
Wu, Ramdas, Karampatziakis and Mineiro 2024, "Anytime-valid off-policy inference for contextual bandits"). Whoever had
nearly no chance of one of the two tells little of their difference, and weighs little (Li, Morgan and Zaslavsky 2018,
"Balancing covariates via propensity score weighting").
"""

from math import sqrt
from typing import NamedTuple

import numpy as np

from offers.campaign.campaign import Reward
from offers.experiments.draw import quantile_of_some
from offers.experiments.intervals import Interval
from offers.experiments.people import Codes, Flags, Numbers, People
from offers.experiments.sequence import Precision

SHARE_LEAST = 1e-6
BANDIT_TELLS = 0.1
"""A bandit soon gives nearly all people to one variant, and so tells them apart by what this part of the planned
people would in equal shares. The comparison is narrowest then."""


class Rival(NamedTuple):
    """``difference``: how much more a person of the leading variant brings than one of ``variant``; None where nobody
    met it, or too few to tell."""

    variant: str
    difference: Interval | None


class Leader(NamedTuple):
    """``variant``: the one with the highest estimate, ``rivals``: the others. ``sure``: it is the best, by always-valid
    comparisons with all others, corrected for their number, and not before the plan's people are there."""

    variant: str
    rivals: tuple[Rival, ...]
    sure: bool


def leader(people: People, offered: int, reward: Reward, planned: float) -> Leader | None:
    """Of the first ``offered`` variants, which are on offer now. ``planned``: people until the planned end; the
    comparison is narrowest then. Only people whose window is over count. None without two variants that people met."""
    some = _Some.of(people, reward)
    met = [code for code in range(offered) if (some.variant == code).any()]
    if len(met) < 2:
        return None
    best = met[int(np.argmax([some.mean(code) for code in met]))]
    rivals = tuple(
        Rival(people.variants[code], some.difference(best, code, planned, offered))
        for code in range(offered)
        if code != best
    )
    ahead = all(each.difference is not None and each.difference.low > 0 for each in rivals)
    return Leader(people.variants[best], rivals, ahead and len(some.outcome) >= planned)


class _Some(NamedTuple):
    """People who were shown a variant and whose window is over, in order of enrolment."""

    outcome: Numbers
    variant: Codes
    share: Numbers
    context: Codes

    @classmethod
    def of(cls, people: People, reward: Reward) -> "_Some":
        outcome = (people.clicks > 0 if reward == "click" else people.converted).astype(np.float64)
        if reward == "revenue":
            outcome = np.minimum(people.revenue, quantile_of_some(people.revenue))
        share = np.maximum(np.nan_to_num(people.variant_share, nan=1.0), SHARE_LEAST)
        mine = ~people.held & ~people.open & (people.variant >= 0)
        return cls(outcome[mine], people.variant[mine], share[mine], people.context[mine])

    def mean(self, code: int) -> float:
        """Of everybody, had they met the variant."""
        mine = self.variant == code
        return float((self.outcome[mine] / self.share[mine]).sum() / (1 / self.share[mine]).sum())

    def difference(self, code: int, other: int, planned: float, offered: int) -> Interval | None:
        """From the first person on by whom both had been met: before, one of them may not have been on offer."""
        if not (self.variant == code).any() or not (self.variant == other).any():
            return None
        start = max(int((self.variant == code).argmax()), int((self.variant == other).argmax()))
        mine = (self.variant == code) | (self.variant == other)
        mine[:start] = False
        one, own = self.variant[mine] == code, self.share[mine]
        if offered == 2 and (self.variant < 2).all():
            share = before = np.where(one, own, 1 - own)
            others = before_others = 1 - share
        else:
            before, before_others = self._shares(code)[mine], self._shares(other)[mine]
            share, others = np.where(one, own, before), np.where(one, before_others, own)
        # Any weight may be given that is known before the draw.
        weight = before * before_others / (before + before_others)
        step = weight * np.where(one, 1, -1) / own
        found = _Steps(self.outcome[mine], one, step, weight**2 / np.maximum(share * others, SHARE_LEAST))
        part = 2 / offered if np.ptp(own[one]) < SHARE_LEAST else BANDIT_TELLS * 2 / offered
        return found.difference(Precision(max(planned * part, 1.0), max(1, offered - 1)))

    def _shares(self, code: int) -> Numbers:
        """The variant's share as it was known before each person: that of the last one in their context who met it,
        else of the first."""
        found = np.empty(len(self.share))
        met = self.variant == code
        for context in np.unique(self.context):
            mine = self.context == context
            known = np.flatnonzero(met & mine) if (met & mine).any() else np.flatnonzero(met)
            last = np.searchsorted(known, np.flatnonzero(mine), side="left") - 1
            found[mine] = self.share[known[np.maximum(last, 0)]]
        return found


class _Steps(NamedTuple):
    """People of two variants: whether they met the first ``one``, the ``step`` by which their outcome counts, and the
    square that was ``expected`` of it."""

    outcome: Numbers
    one: Flags
    step: Numbers
    expected: Numbers

    def difference(self, precision: Precision) -> Interval | None:
        """The effects under which the sum of steps x outcomes stays within the boundary."""
        size = np.abs(self.step)
        known = self.outcome - float(size @ self.outcome / size.sum())
        slope = float(size[self.one].sum() / size.sum()) - self.one.astype(np.float64)
        start, change = float(self.step @ known), float(self.step @ slope)
        if not change:
            return None
        value = -start / change
        at_value = (known + value * slope) ** 2
        weights = max(self.expected, self.step**2, key=lambda each: float(each @ at_value))
        people = 4 * float(self.expected.sum())  # of equal shares, as the plan counts them
        width = precision.deviations(people) ** 2
        # (start + change e)^2 <= width x weights (known + slope e)^2 is a quadratic of the effect e.
        square = change**2 - width * float(weights @ slope**2)
        linear = 2 * (start * change - width * float(weights @ (known * slope)))
        constant = start**2 - width * float(weights @ known**2)
        if square <= 0:
            return None
        middle, half = (
            -linear / (2 * square),
            sqrt(max(0.0, linear**2 - 4 * square * constant)) / (2 * square),
        )
        return Interval(value, min(middle - half, value), max(middle + half, value))
