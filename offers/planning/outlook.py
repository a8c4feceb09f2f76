"""How long an experiment takes: what is found within the planned days, and the days until the planned effect is."""

import math
from dataclasses import dataclass

from offers.campaign.campaign import Campaign, Measure
from offers.experiments.sequence import Precision
from offers.planning.baseline import Baseline

SHARES = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Holdouts that are compared. Half is always the quickest: both groups are then known equally well."""
NORMAL_80 = 0.8416212335729143
"""The 80 % quantile of the standard normal distribution."""
FOUND = Precision(1.0).deviations(1.0) + NORMAL_80
"""Standard errors that an effect must be away from 0 to be found by the always-valid interval at the planned end four
times in five."""
DAYS_MOST = 3_650
"""Whatever takes longer is never told in days."""


@dataclass(frozen=True, slots=True)
class ShareOutlook:
    """With a holdout of so much: the smallest relative ``effect`` that is found within the planned days, and the
    ``days`` until the planned effect is; None when that takes more than ten years."""

    holdout: float
    effect: float
    days: int | None


@dataclass(frozen=True, slots=True)
class Outlook:
    """``planned``: with the campaign's holdout, the global one included; None without any. ``people``: whom it needs
    for the planned effect. ``shares``: the same with other holdouts; ``quickest`` is one of them."""

    planned: ShareOutlook | None
    people: int | None
    shares: tuple[ShareOutlook, ...]

    @property
    def quickest(self) -> ShareOutlook:
        return min(self.shares, key=lambda each: (each.days or DAYS_MOST, each.effect))


def outlook(known: Baseline, campaign: Campaign, holdout: float) -> Outlook | None:
    """``holdout``: with the global one. None where the history is not ``enough``, or says nothing of the measure."""
    plan, spread = campaign.plan, spread_of(known.rate, known.revenue, known.deviation, campaign.plan.measure)
    if not known.enough or not 0 < spread < math.inf:
        return None
    shares = tuple(_share(known, spread, each, plan.days, plan.effect) for each in SHARES)
    if not 0 < holdout < 1:
        return Outlook(None, None, shares)
    planned = _share(known, spread, holdout, plan.days, plan.effect)
    return Outlook(planned, math.ceil(people_needed(spread, holdout, plan.effect)), shares)


def people_needed(spread: float, holdout: float, effect: float) -> float:
    """People of both groups together, after whom a relative ``effect`` is found four times in five."""
    return (FOUND * spread / effect) ** 2 / (holdout * (1 - holdout))


def smallest_effect(spread: float, holdout: float, people: float) -> float:
    """The relative effect that so many people find four times in five; infinite of nobody."""
    return FOUND * spread / math.sqrt(people * holdout * (1 - holdout)) if people > 0 else math.inf


def _share(known: Baseline, spread: float, holdout: float, days: int, effect: float) -> ShareOutlook:
    found = smallest_effect(spread, holdout, known.people_after(days))
    until = known.days_until(people_needed(spread, holdout, effect))
    return ShareOutlook(holdout, found, until if until is not None and until <= DAYS_MOST else None)


def spread_of(rate: float, revenue: float, deviation: float, measure: Measure) -> float:
    """The standard deviation of a person's goal or revenue, as a part of its mean; infinite where the mean is 0."""
    if measure == "revenue":
        return deviation / revenue if revenue > 0 else math.inf
    return math.sqrt((1 - rate) / rate) if rate > 0 else math.inf
