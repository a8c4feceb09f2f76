"""The held-out part of a history: the newest sessions, kept from a model to fit its blend and to evaluate it."""

from typing import NamedTuple

import numpy as np

from recommender.data.interactions import Interactions, Longs
from recommender.data.params import Params
from recommender.evaluation.cases import UNLIMITED, Case, last_days, next_item, sample
from tracker.durations import DAY_MS

NO_START = np.iinfo(np.int64).max


MIN_HELD_OUT = 30
"""Sessions; with fewer a blend is not fitted and a model not judged."""


class HeldOut(NamedTuple):
    """What is held out from training: the newest sessions, from ``unseen`` (ms) or later if those are enough.

    With ``days``, all of the last days.
    """

    unseen: int = 0
    days: float | None = None


NEWEST = HeldOut()


def held_out_cases(rows: Interactions, params: Params, held_out: HeldOut) -> tuple[int | None, list[Case]]:
    """Where the known part ends, and moments of what comes after; None where too little would be left."""
    if held_out.days is not None:
        cut = int(rows.ts[-1] - held_out.days * DAY_MS) if len(rows) else 0
        past, future = rows.between(0, cut), rows.between(cut, int(rows.ts[-1]) + 1)
        cases = list(last_days(_sampled_by_weight(future, params), past, UNLIMITED)) if len(past) else []
        return (cut if cases else None), sample(cases, params.judged_cases // 2, params.seed)
    newest_cut = newest(rows, params)
    if newest_cut is None:
        return None, []
    begun = started(rows)
    cut = max(newest_cut, held_out.unseen)
    if len(np.unique(rows.session[begun >= cut])) < MIN_HELD_OUT:
        cut = newest_cut
    past, future = rows.between(0, cut), _sampled_by_weight(rows.rows(begun >= cut), params)
    return cut, sample(list(next_item(future, past)), 2 * params.judged_cases, params.seed)


def _sampled_by_weight(rows: Interactions, params: Params) -> Interactions:
    """Visitors drawn by their weight, so that a crowd that came at once does not decide which model is better."""
    people = rows.profile_weights / max(float(rows.profile_weights[rows.profile].max(initial=0.0)), 1e-12)
    chosen = np.random.default_rng(params.seed).random(len(people)) < people
    return rows.rows(chosen[rows.profile])


def started(rows: Interactions) -> Longs:
    """When the session of each row began."""
    return _begun(rows)[rows.session]


def _begun(rows: Interactions) -> Longs:
    """When each session began, ms; NO_START for those without a row."""
    first = np.full(rows.sessions, NO_START)
    np.minimum.at(first, rows.session, rows.ts)
    return first


def newest(rows: Interactions, params: Params) -> int | None:
    """From when on sessions are held out: the newest share of them; None where too little would be left."""
    begun = np.sort(_begun(rows))
    begun = begun[begun < NO_START]
    held = int(len(begun) * params.held_out)
    if held < MIN_HELD_OUT:
        return None
    return int(begun[-held])
