"""Sample ratio mismatch: are the sizes of the two groups those that the draw would give?"""

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
