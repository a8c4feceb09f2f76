"""Non-inferiority of a model: paired differences in MRR on the same sessions, against the most that may be lost.

The usual test would accept whatever is not shown to be worse, so the fewer sessions there are, the more it accepts.
Here the candidate must be shown to lose less than ALLOWED: the interval of the difference lies above that.
"""

from collections.abc import Sequence
from math import ceil

import numpy as np

from recommender.evaluation.cases import Case
from recommender.model.card import Compared

ALLOWED = 0.05
"""The most of the live model's MRR that may be lost. 1 % would need 25 times the sessions, which is more than most
shops have in half a year; the anchor (``gate``) bounds what several losses come to."""
INTERVAL = 1.96
"""Standard errors of a 95 % interval: a model that is worse by ALLOWED passes once in 40."""
POWER = 1.28
"""More of them, so that a model that is as good as the live one passes nine times in ten: for ``needed``."""


def compared(against: str, cases: Sequence[Case], ours: Sequence[float], theirs: Sequence[float]) -> Compared:
    """The mean difference by session of reciprocal ranks ``ours`` and ``theirs``, which belong to ``cases``.

    The interval allows for people with several sessions (cluster-robust), and for what few sessions cannot show: it is
    that of two sessions more, one wholly won and one wholly lost.
    """
    if not cases:
        return Compared(against, 0, 0.0, 0.0)
    groups = np.array([case.group for case in cases])
    _, first, session = np.unique(groups, return_index=True, return_inverse=True)
    sessions, moments = len(first), np.bincount(session)
    mine, other = (np.bincount(session, ranks) / moments for ranks in (ours, theirs))
    difference = float((mine - other).mean())
    alone = [case.person if case.person >= 0 else -1 - case.group for case in cases]
    _, person = np.unique(np.array(alone)[first], return_inverse=True)
    spread = float((np.bincount(person, mine - other - difference) ** 2).sum()) + 2.0
    allowed = ALLOWED * float(other.mean())
    needed = (INTERVAL + POWER) ** 2 * spread / sessions / allowed**2 if allowed > 0 else 0.0
    return Compared(
        against,
        sessions,
        round(difference, 5),
        round(INTERVAL * spread**0.5 / sessions, 5),
        round(allowed, 5),
        ceil(needed),
    )


def is_worse(result: Compared) -> bool:
    """Even the upper end of the interval is below zero."""
    return result.sessions > 0 and result.difference + result.margin < 0


def is_better(result: Compared) -> bool:
    """Even the lower end of the interval is above zero."""
    return result.sessions > 0 and result.difference - result.margin > 0


def is_not_worse(result: Compared) -> bool:
    """Even the lower end of the interval loses less than is allowed."""
    return result.sessions > 0 and result.difference - result.margin > -result.allowed
