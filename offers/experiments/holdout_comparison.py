"""The holdout comparison: visitors who could see a campaign against visitors from whom it was withheld."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from offers.campaign.campaign import Campaign
from offers.experiments.lift import Group, Lift, lift
from offers.experiments.sample_ratio import SUSPICIOUS, sample_ratio
from offers.feedback.responses import Response
from warehouse.feeds.offer_events import GoalEvent


class HoldoutComparison(NamedTuple):
    """Visitors who could see the campaign against the holdout. ``expected``: the share that should be held out;
    ``chance``: the p-value of the group sizes. ``crossed``: visitors who were in both groups before their devices were
    known to be one person; they count in the group of their first decision. ``mismatch``: the groups' sizes cannot come
    from a fair draw, so the comparison cannot be trusted."""

    lift: Lift | None
    expected: float
    chance: float
    crossed: int

    @property
    def mismatch(self) -> bool:
        return self.chance < SUSPICIOUS


def compare_holdout(
    campaign: Campaign, responses: Iterable[Response], goals: Iterable[GoalEvent], share: float
) -> HoldoutComparison:
    """Every visitor counts from their first decision on, in the group of that decision, seen or not.

    Visitors of both groups stay in: leaving them out would remove frequent visitors, mostly from the smaller group.
    """
    first: dict[str, tuple[int, bool]] = {}  # by profile: when, and whether withheld
    groups: dict[str, set[bool]] = {}
    for token, row in responses:
        if row.kind in ("decided", "withheld"):
            moment = (row.ts, token.held)
            first[row.profile] = min(first.get(row.profile, moment), moment)
            groups.setdefault(row.profile, set()).add(token.held)
    worth: dict[str, list[float]] = {profile: [] for profile in first}
    for goal in goals:
        since = first.get(goal.profile)
        if since is not None and 0 <= goal.ts - since[0] <= campaign.goal.window_ms:
            worth[goal.profile].append(goal.value)
    shown, withheld = (
        _group([worth[profile] for profile, (_, held) in first.items() if held is which])
        for which in (False, True)
    )
    chance = sample_ratio(shown.visitors, withheld.visitors, share)
    return HoldoutComparison(
        lift(shown, withheld), share, chance, sum(len(each) > 1 for each in groups.values())
    )


def _group(visitors: list[list[float]]) -> Group:
    sums = [math.fsum(values) for values in visitors]
    squares = math.fsum(each**2 for each in sums)
    return Group(len(visitors), sum(map(bool, visitors)), round(math.fsum(sums), 4), squares)
