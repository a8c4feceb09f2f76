"""The variants of a fixed split or an A/A test by people: each counts once, in the variant that they met first."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from offers.bandit.thompson_sampling import Arm
from offers.campaign.campaign import Campaign, Reward
from offers.experiments.intervals import Interval, wilson
from offers.experiments.sample_ratio import SUSPICIOUS, split_ratio
from offers.feedback.responses import Response
from warehouse.feeds.offer_events import GoalEvent


class VariantPeople(NamedTuple):
    """``people`` who met the variant first, and how many of them clicked and converted, each once; ``revenue`` of all,
    and the sum of its squares by person. ``expected``: the variant's share of all people, None where it has none now.
    """

    variant: str
    people: int
    clicked: int
    converted: int
    revenue: float
    squares: float
    expected: float | None

    @property
    def click_rate(self) -> Interval:
        return wilson(self.clicked, self.people)

    @property
    def conversion_rate(self) -> Interval:
        return wilson(self.converted, self.people)

    def arm(self, reward: Reward) -> Arm:
        """As an arm of which each person is one showing."""
        rewarded = self.clicked if reward == "click" else self.converted
        return Arm(self.people, rewarded, self.revenue, self.squares)


class SplitComparison(NamedTuple):
    """``chance``: the p-value of the groups' sizes, None where the shares are not the same for all of these people.
    ``crossed``: people who met several variants, on devices that were not known to be theirs."""

    variants: list[VariantPeople]
    chance: float | None
    crossed: int

    @property
    def mismatch(self) -> bool:
        """Whether the sizes cannot come from a fair draw, so that the comparison cannot be trusted."""
        return self.chance is not None and self.chance < SUSPICIOUS


class _Person(NamedTuple):
    since: int
    variant: str


def shares_of(campaign: Campaign) -> dict[str, float]:
    """Each variant's share of all people under a fixed allocation or in an A/A test."""
    weights = {each.id: 1.0 if campaign.allocation == "aa" else each.weight for each in campaign.creatives}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def compare_split(
    campaign: Campaign, responses: Iterable[Response], goals: Iterable[GoalEvent], same_shares: bool = True
) -> SplitComparison:
    """Everybody counts from their first decision on (their first impression where decisions are not logged); goals
    within the campaign's window from then. ``same_shares``: the shares were what they are for all of these people."""
    first: dict[str, _Person] = {}
    met: dict[str, set[str]] = {}
    clicked: set[str] = set()
    for token, row in responses:
        if token.held:
            continue
        moment = _Person(row.ts, token.variant)
        first[row.profile] = min(first.get(row.profile, moment), moment)
        met.setdefault(row.profile, set()).add(token.variant)
        if row.kind == "click":
            clicked.add(row.profile)
    worth: dict[str, list[float]] = {}
    for goal in goals:
        person = first.get(goal.profile)
        if person is not None and 0 <= goal.ts - person.since <= campaign.goal.window_ms:
            worth.setdefault(goal.profile, []).append(goal.value)
    shares = shares_of(campaign)
    groups: dict[str, list[str]] = {name: [] for name in shares}
    for profile, person in first.items():
        groups.setdefault(person.variant, []).append(profile)
    variants = [_people(name, people, clicked, worth, shares.get(name)) for name, people in groups.items()]
    known = same_shares and len(groups) == len(shares)
    chance = split_ratio([each.people for each in variants], list(shares.values())) if known else None
    return SplitComparison(variants, chance, sum(len(each) > 1 for each in met.values()))


def _people(
    name: str, people: list[str], clicked: set[str], worth: Mapping[str, list[float]], expected: float | None
) -> VariantPeople:
    values = [math.fsum(worth[person]) for person in people if person in worth]
    return VariantPeople(
        name,
        len(people),
        sum(person in clicked for person in people),
        len(values),
        round(math.fsum(values), 4),
        math.fsum(value**2 for value in values),
        expected,
    )
