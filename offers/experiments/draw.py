"""The draw of a comparison: who was held out, how likely that was, and what was known of each person before."""

from typing import NamedTuple

import numpy as np

from offers.experiments.people import Flags, Numbers, People, Table

PEOPLE_FOR_EACH = 100
"""People for each column of what is known from before: with fewer, chance is adjusted for."""
STRATA_MOST = 50
HEAVY = 0.99
"""What exceeds this quantile of those who have any counts as the quantile."""


class Draw(NamedTuple):
    """People in order of enrolment: whether it was withheld from each, and how likely that was, in (0, 1); ``design``:
    columns of what is known of each from before, with their strata, for ``adjusted``: shape (n, k)."""

    held: Flags
    share: Numbers
    design: Table

    def adjusted(self, outcome: Numbers) -> Numbers:
        """The outcome less what is expected of anybody like them: least squares on ``design``, blind to the groups
        (CUPED: Deng, Xu, Kohavi and Walker 2013; with several columns: Lin 2013)."""
        cross = self.design.T @ self.design
        coefficients = np.linalg.lstsq(cross, self.design.T @ outcome, rcond=1e-12)[0]
        return np.asarray(outcome - self.design @ coefficients)


def draw_of(people: People, mask: Flags) -> Draw:
    """Of the people of ``mask``, whom something could hold out. An older token's share is unknown: it is the part of
    such people who were held out."""
    share = people.held_share[mask]
    held = people.held[mask]
    unknown = np.isnan(share)
    if unknown.any():
        share = np.where(unknown, held[unknown].mean(), share)
    return Draw(held, share, design_of(share, people.before[mask]))


def design_of(share: Numbers, before: Table) -> Table:
    """Columns: one for each share that held, then what is known from before, as logarithms and in full."""
    _, stratum = np.unique(share, return_inverse=True)
    strata = np.eye(min(int(stratum.max(initial=0)) + 1, STRATA_MOST))[np.minimum(stratum, STRATA_MOST - 1)]
    capped = np.minimum(before, [quantile_of_some(column) for column in before.T])
    known = np.concatenate([np.log1p(np.maximum(capped, 0.0)), capped], axis=1)
    spread = known.std(axis=0) if len(known) else np.zeros(0)
    known = known[:, spread > 0] / spread[spread > 0]
    if len(share) < PEOPLE_FOR_EACH * known.shape[1]:
        known = known[:, :0]
    return np.concatenate([strata, known], axis=1)


def quantile_of_some(values: Numbers) -> float:
    """The HEAVY quantile of those that are above 0; infinite where none is."""
    some = values[values > 0]
    return float(np.quantile(some, HEAVY)) if len(some) else float("inf")
