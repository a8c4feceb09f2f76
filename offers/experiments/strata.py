"""Strata: the people of a campaign who were held out with the same share, within which groups are comparable."""

from collections.abc import Iterator

import numpy as np

from offers.experiments.lift import Group
from offers.experiments.people import Flags, People


def strata(people: People) -> Iterator[tuple[float, Flags]]:
    """Each share with those who were held out with it; NaN last, of people whose tokens do not say. Whom nothing could
    hold out are in none."""
    known = np.unique(people.held_share[~np.isnan(people.held_share)])
    for share in known:
        if share > 0:
            yield float(share), people.held_share == share
    unknown = np.isnan(people.held_share)
    if unknown.any():
        yield float("nan"), unknown


def group(people: People, mask: Flags) -> Group:
    """Those people together."""
    revenue = people.revenue[mask]
    return Group(
        int(mask.sum()),
        int(people.converted[mask].sum()),
        round(float(revenue.sum()), 4),
        float((revenue**2).sum()),
    )
