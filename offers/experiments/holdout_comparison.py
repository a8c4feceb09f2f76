"""The holdout comparison: people who could see a campaign against people from whom it was withheld."""

from typing import NamedTuple

import numpy as np

from offers.experiments.lift import Lift, lift
from offers.experiments.people import People
from offers.experiments.planned_end import PlannedEnd
from offers.experiments.sample_ratio import SUSPICIOUS, held_ratio


class HoldoutComparison(NamedTuple):
    """People who could see the campaign against the holdout. ``expected``: the share that should be held out, on
    average; ``chance``: the p-value of the group sizes, None where nobody's share is known. ``crossed``: people who
    were in both groups before their devices were known to be one person's; they count in the group of their first
    decision. ``mismatch``: the groups' sizes cannot come from a fair draw, so the comparison cannot be trusted.
    ``open``: people whose goal's window is not over, who are not compared yet. ``unknown``: people whose share an older
    token does not say, who are compared by themselves."""

    lift: Lift | None
    expected: float
    chance: float | None
    crossed: int
    open: int = 0
    unknown: int = 0

    @property
    def mismatch(self) -> bool:
        return self.chance is not None and self.chance < SUSPICIOUS


def compare_holdout(people: People, share: float, end: PlannedEnd) -> HoldoutComparison:
    """Everybody counts in the group of their first decision, seen or not, once the goal's window is over. Groups are
    compared among people of the same share. ``share``: what is held out now, expected where nobody is enrolled."""
    drawn = ~(people.held_share == 0)
    known = people.held_share[drawn & ~np.isnan(people.held_share)]
    return HoldoutComparison(
        lift(people, end),
        round(float(known.mean()), 6) if len(known) else share,
        held_ratio(people.held, people.held_share),
        int(people.crossed.sum()),
        int((people.open & drawn).sum()),
        int(np.isnan(people.held_share).sum()),
    )
