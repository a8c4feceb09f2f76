"""Sample ratio mismatch: are the sizes of the groups those that the draw would give?"""

from collections.abc import Sequence

SUSPICIOUS = 0.001
"""Below this p-value the group sizes are no accident: something other than the draw chose them (Fabijan 2019)."""


def sample_ratio(shown: int, withheld: int, holdout: float) -> float:
    """The p-value of group sizes at least this uneven, when the share ``holdout`` of all visitors is held out.

    The test is Clopper and Pearson's exact two-sided binomial test, because a small holdout expects few visitors.
    """
    total = shown + withheld
    if not total or not 0 < holdout < 1:
        return 1.0
    from scipy import stats  # half a second, which every start of a server would pay for

    return float(stats.binomtest(withheld, total, holdout).pvalue)


EXPECTED_LEAST = 5.0
"""People that each group must be expected to have: with fewer the chi-squared distribution does not hold (Cochran)."""


def split_ratio(people: Sequence[int], shares: Sequence[float]) -> float:
    """The p-value of the sizes of groups that were drawn with these ``shares``, which sum to 1; 1.0 where too few
    people are expected in a group. Nobody may be in a group without a share: then it is 0.0.

    Of two groups the exact binomial test, of more Pearson's chi-squared test.
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
        return 1.0
    from scipy import stats

    return float(stats.chisquare([count for count, _ in drawn], expected).pvalue)
