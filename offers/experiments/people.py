"""The people of a campaign: each once, from their enrolment on, with what came of it."""

from dataclasses import dataclass

import numpy as np

BEFORE = ("visits", "page views", "orders", "revenue")
"""The columns of ``People.before``."""

Flags = np.ndarray[tuple[int], np.dtype[np.bool_]]
Codes = np.ndarray[tuple[int], np.dtype[np.int64]]
Numbers = np.ndarray[tuple[int], np.dtype[np.float64]]
Table = np.ndarray[tuple[int, int], np.dtype[np.float64]]


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Columns of n rows, in order of enrolment. A person is enrolled by the first decision about them, for good.

    ``since``: ms of that decision. ``held``: it was withheld. ``held_share``: how likely that was then, by the
    campaign's own and the global holdout together; NaN where an older token does not say. ``variant``: index into
    ``variants``, -1 of those held; ``variant_share``: how likely that variant was then, among those who are shown one.
    ``context``: index into ``contexts``, each "stage|device|channel" at the decision. ``open``: the goal's window is
    not over, so the rest of the row is not what it will be.

    Within the goal's window from ``since``: ``converted``; ``orders`` and net ``revenue`` (the site's currency);
    ``impressions`` and ``clicks`` of the campaign; whether the person ``dismissed`` it, ``unsubscribed`` (withdrew a
    consent), ``returned`` an order. ``before``: BEFORE, of the ninety days before ``since``: shape (n, 4).

    ``crossed``: who was shown it and had it withheld, ``several``: who met several variants, both on devices that were
    not known to be one person's.
    """

    since: Codes
    held: Flags
    held_share: Numbers
    variant: Codes
    variant_share: Numbers
    context: Codes
    open: Flags
    converted: Flags
    orders: Numbers
    revenue: Numbers
    impressions: Numbers
    clicks: Numbers
    dismissed: Flags
    unsubscribed: Flags
    returned: Flags
    before: Table
    crossed: Flags
    several: Flags
    variants: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ("",)
