"""The variants of a fixed split or an A/A test by people: each counts once, in the variant that they met first."""

from typing import NamedTuple

import numpy as np

from offers.campaign.campaign import Campaign
from offers.experiments.intervals import Interval, wilson
from offers.experiments.lift import group
from offers.experiments.people import People
from offers.experiments.sample_ratio import SUSPICIOUS, variant_ratio, variant_strata


class VariantPeople(NamedTuple):
    """``people`` who met the variant first and whose window is over, and how many of them clicked and converted, each
    once; ``revenue`` of all. ``expected``: the variant's share of all people, by
    the shares that held when they were enrolled, None where it had none. ``open``: whose window is not over."""

    variant: str
    people: int
    clicked: int
    converted: int
    revenue: float
    expected: float | None
    open: int = 0

    @property
    def click_rate(self) -> Interval:
        return wilson(self.clicked, self.people)

    @property
    def conversion_rate(self) -> Interval:
        return wilson(self.converted, self.people)


class SplitComparison(NamedTuple):
    """``chance``: the p-value of the groups' sizes, by the shares that held for each person; None without people.
    ``crossed``: people who met several variants, on devices that were not known to be theirs."""

    variants: list[VariantPeople]
    chance: float | None
    crossed: int

    @property
    def mismatch(self) -> bool:
        """Whether the sizes cannot come from a fair draw, so that the comparison cannot be trusted."""
        return self.chance is not None and self.chance < SUSPICIOUS


def shares_of(campaign: Campaign) -> dict[str, float]:
    """Each variant's share of all people under a fixed allocation or in an A/A test."""
    weights = {each.id: 1.0 if campaign.allocation == "aa" else each.weight for each in campaign.creatives}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def compare_split(campaign: Campaign, people: People) -> SplitComparison:
    """Everybody counts in the variant of their first decision; who was held out is in none."""
    shown = ~people.held
    expected, now = _expected(people), shares_of(campaign)
    variants = [
        _people(people, code, name, expected.get(code, now.get(name)))
        for code, name in enumerate(people.variants)
        if code < len(campaign.creatives) or (people.variant == code).any()
    ]
    chance = variant_ratio(people.variant[shown], people.variant_share[shown])
    return SplitComparison(variants, chance, int(people.several.sum()))


def _expected(people: People) -> dict[int, float]:
    """By variant its share of all who were shown one, on average over them."""
    shown = ~people.held
    stratum, strata = variant_strata(people.variant[shown], people.variant_share[shown])
    sizes = np.bincount(stratum, minlength=len(strata)) if len(stratum) else np.zeros(0)
    found: dict[int, float] = {}
    for size, shares in zip(sizes, strata, strict=True):
        for code, share in shares.items():
            found[code] = found.get(code, 0.0) + share * float(size) / len(stratum)
    return {code: round(share, 6) for code, share in found.items()}


def _people(people: People, code: int, name: str, expected: float | None) -> VariantPeople:
    mine = people.variant == code
    closed = mine & ~people.open
    told = group(people, closed)
    clicked = int((people.clicks[closed] > 0).sum())
    still = int((mine & people.open).sum())
    return VariantPeople(name, told.visitors, clicked, told.converted, told.revenue, expected, still)
