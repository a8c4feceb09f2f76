"""Sample ratio mismatch: are the sizes of the groups those that the draw would give?

Shares change while a campaign runs. So people are tested by strata: those who were drawn with the same shares. Of
several strata the smallest p-value counts, times their number (Bonferroni).
"""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from offers.experiments.people import Codes, Flags, Numbers

SUSPICIOUS = 0.001
"""Below this p-value the group sizes are no accident: something other than the draw chose them (Fabijan 2019)."""

EXPECTED_LEAST = 5.0
"""People that each group must be expected to have: with fewer the chi-squared distribution does not hold (Cochran)."""

SAME_SHARE = 1e-6


def sample_ratio(shown: int, withheld: int, holdout: float) -> float:
    """The p-value of group sizes at least this uneven, when the share ``holdout`` of all visitors is held out.

    The test is Clopper and Pearson's exact two-sided binomial test, because a small holdout expects few visitors.
    """
    total = shown + withheld
    if not total or not 0 < holdout < 1:
        return 1.0
    from scipy import stats  # half a second, which every start of a server would pay for

    return float(stats.binomtest(withheld, total, holdout).pvalue)


def split_ratio(people: Sequence[int], shares: Sequence[float]) -> float:
    """The p-value of the sizes of groups that were drawn with these ``shares``, which sum to 1. Nobody may be in a
    group without a share: then it is 0.0.

    Of two groups the exact binomial test, of more Pearson's chi-squared test; where too few are expected for that, the
    exact test of each group against all others, corrected for their number.
    """
    total = sum(people)
    drawn = [(count, share) for count, share in zip(people, shares, strict=True) if share > 0]
    if sum(count for count, _ in drawn) < total:
        return 0.0
    if len(drawn) < 2 or not total:
        return 1.0
    if len(drawn) == 2:
        (one, _), (other, share) = drawn
        return sample_ratio(one, other, share)
    expected = [total * share for _, share in drawn]
    if min(expected) < EXPECTED_LEAST:
        return _worst([sample_ratio(total - count, count, share) for count, share in drawn]) or 1.0
    from scipy import stats

    return float(stats.chisquare([count for count, _ in drawn], expected).pvalue)


def held_ratio(held: Flags, share: Numbers) -> float | None:
    """The p-value of how many people were held out, each of whom with their own ``share``; None where nobody's share is
    known, or all are 0."""
    drawn = ~np.isnan(share) & (share > 0)
    if (held & (share == 0)).any():
        return 0.0
    chances = []
    for each in np.unique(share[drawn]):
        theirs = held[drawn & (share == each)]
        chances.append(sample_ratio(int((~theirs).sum()), int(theirs.sum()), float(each)))
    return _worst(chances)


def variant_strata(variant: Codes, share: Numbers) -> tuple[Codes, list[dict[int, float]]]:
    """People by the shares with which variants were drawn: the stratum of each, and the shares of each stratum, as far
    as people tell them. ``variant`` and the ``share`` of that variant, in order of enrolment."""
    stratum = np.full(len(variant), -1, np.int64)
    strata: list[dict[int, float]] = []
    pairs = np.stack([variant.astype(np.float64), share], axis=1)
    changes = np.flatnonzero(np.any(np.diff(pairs, axis=0, prepend=np.nan) != 0, axis=1))
    for first, last in pairwise([*changes, len(variant)]):  # runs of equals
        stratum[first:last] = _joined(strata, int(variant[first]), float(share[first]))
    return stratum, strata


def _joined(strata: list[dict[int, float]], variant: int, share: float) -> int:
    """The latest stratum if the variant may have this share in it, else an earlier one in which it has, else a new one:
    two processes learn of changed weights one after the other."""
    if strata and variant not in strata[-1] and sum(strata[-1].values()) + share <= 1 + SAME_SHARE:
        strata[-1][variant] = share
    for at in reversed(range(len(strata))):
        if abs(strata[at].get(variant, -1.0) - share) < SAME_SHARE:
            return at
    strata.append({variant: share})
    return len(strata) - 1


def variant_ratio(variant: Codes, share: Numbers) -> float | None:
    """The p-value of how many people met which variant, each drawn with the ``share`` of that time; None without
    people. Variants that a stratum's people do not tell of together have the rest of the shares."""
    stratum, strata = variant_strata(variant, share)
    chances = []
    for number, shares in enumerate(strata):
        counts = [int(((stratum == number) & (variant == name)).sum()) for name in shares]
        rest = 1 - sum(shares.values())
        others = [rest] if rest > SAME_SHARE else []
        chances.append(split_ratio([*counts, *(0 for _ in others)], [*shares.values(), *others]))
    return _worst(chances)


def _worst(chances: Sequence[float]) -> float | None:
    return min(1.0, min(chances) * len(chances)) if chances else None
