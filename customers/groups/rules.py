"""A group in words: an audience of at most three clauses that most of its people fulfil and few others."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from customers.groups.features import is_share

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

CLAUSES = 3
WIDTH = 6
"""Rules that are carried on from each length to the next."""
GAIN = 0.01
"""What another clause has to add to the score to be worth its words."""
CUTS = np.linspace(0.05, 0.95, 19)
"""Quantiles of all customers at which a clause may divide them; and, below, of the group."""
ENDS = (0.0, 0.02, 0.1, 0.9, 0.98)


class Rule(NamedTuple):
    """``audience`` is in the grammar of audiences. Of the people whom it holds for, ``precision`` are of the group; of
    the group it holds for ``recall``."""

    audience: str
    precision: float
    recall: float


class _Clause(NamedTuple):
    feature: str
    above: bool
    text: str
    holds: Mask


class _Draft(NamedTuple):
    score: float
    clauses: tuple[_Clause, ...]
    holds: Mask


def rule(values: Floats, names: Sequence[str], members: Mask) -> Rule:
    """The best rule for ``members`` (n,) by features (n, d): the harmonic mean of precision and recall is its score."""
    known = _clauses(values, names, members)
    best = _Draft(_score(np.ones(len(members), bool), members), (), np.ones(len(members), bool))
    drafts = [best]
    for _ in range(CLAUSES):
        longer = [
            _with(draft, clause, members) for draft in drafts for clause in known if _new(draft, clause)
        ]
        drafts = sorted(longer, key=lambda draft: -draft.score)[:WIDTH]
        if not drafts or drafts[0].score < best.score + GAIN:
            break
        best = drafts[0]
    both = int(np.count_nonzero(best.holds & members))
    return Rule(
        " and ".join(clause.text for clause in best.clauses),
        float(both / max(int(np.count_nonzero(best.holds)), 1)),
        float(both / max(int(np.count_nonzero(members)), 1)),
    )


def _clauses(values: Floats, names: Sequence[str], members: Mask) -> list[_Clause]:
    """Each feature above or below a cut that a person would name."""
    found = []
    for name, column in zip(names, values.T, strict=True):
        known, own = column[~np.isnan(column)], column[members & ~np.isnan(column)]
        if not len(own):
            continue
        cuts = [*np.quantile(known, CUTS), *np.quantile(own, ENDS), own.max() + 1]
        for cut in dict.fromkeys(_round(name, each) for each in cuts):
            with np.errstate(invalid="ignore"):
                sides = ((True, ">=", column >= float(cut)), (False, "<", column < float(cut)))
            found += [
                _Clause(name, above, f"{name} {sign} {cut}", holds)
                for above, sign, holds in sides
                if 0 < int(np.count_nonzero(holds)) < len(column)
            ]
    return found


def _round(name: str, value: float) -> str:
    """Two digits of it; whole numbers but for shares."""
    if is_share(name):
        return f"{value:.2f}".rstrip("0").rstrip(".") or "0"
    digits = max(0, int(np.floor(np.log10(value))) - 1) if value >= 1 else 0
    return str(int(np.ceil(value / 10**digits) * 10**digits))


def _new(draft: _Draft, clause: _Clause) -> bool:
    return all((each.feature, each.above) != (clause.feature, clause.above) for each in draft.clauses)


def _with(draft: _Draft, clause: _Clause, members: Mask) -> _Draft:
    holds = draft.holds & clause.holds
    return _Draft(_score(holds, members), (*draft.clauses, clause), holds)


def _score(holds: Mask, members: Mask) -> float:
    both = int(np.count_nonzero(holds & members))
    return 2 * both / max(int(np.count_nonzero(holds)) + int(np.count_nonzero(members)), 1)
