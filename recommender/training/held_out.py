"""The held-out part of a history: the newest sessions, kept from a model to fit its blend and to evaluate it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from recommender.data.interactions import Interactions, Longs
from recommender.data.params import Params
from recommender.evaluation.cases import UNLIMITED, Case, last_days, next_item, sample
from tracker.durations import DAY_MS

NO_START = np.iinfo(np.int64).max


MIN_HELD_OUT = 30
"""Sessions; with fewer a blend is not fitted and a model not judged."""
MOST_JUDGED = 4
"""Times ``judged_cases``: so many moments are looked at where fewer sessions would not show enough."""


class HeldOut(NamedTuple):
    """What is held out from training: the newest sessions, from ``unseen`` (ms) or later if those are enough.

    ``sessions``: how many are wanted at least, as far as that is no more than half of all. With ``days``, all of the
    last days.
    """

    unseen: int = 0
    days: float | None = None
    sessions: int = 0


NEWEST = HeldOut()


class HeldOutCases(NamedTuple):
    """Moments after ``cut`` (ms), where the known part ends: those that fit the blend, and those that judge, which are
    later. ``cut`` is None where too little would be left."""

    cut: int | None
    fitting: list[Case]
    judging: list[Case]


NOTHING_HELD_OUT = HeldOutCases(None, [], [])


def held_out_cases(rows: Interactions, params: Params, held_out: HeldOut) -> HeldOutCases:
    """The cases of what is held out."""
    if held_out.days is not None:
        return _last_days(rows, params, held_out.days)
    newest_cut = newest(rows, params, held_out.sessions)
    if newest_cut is None:
        return NOTHING_HELD_OUT
    begun = started(rows)
    cut = max(newest_cut, held_out.unseen)
    if len(np.unique(rows.session[begun >= cut])) < MIN_HELD_OUT:
        cut = newest_cut
    past, future = rows.before(cut), _sampled_by_weight(rows.rows(begun >= cut), params)
    limit = max(params.judged_cases, min(held_out.sessions // 2, MOST_JUDGED * params.judged_cases))
    return HeldOutCases(cut, *halves(sample(list(next_item(future, past)), 2 * limit, params.seed)))


def _last_days(rows: Interactions, params: Params, days: float) -> HeldOutCases:
    cut = int(rows.ts[-1] - days * DAY_MS) if len(rows) else 0
    past, future = rows.before(cut), rows.between(cut, int(rows.ts[-1]) + 1 if len(rows) else 0)
    cases = list(last_days(_sampled_by_weight(future, params), past, UNLIMITED)) if len(past) else []
    if not cases:
        return NOTHING_HELD_OUT
    kept = sample(cases, params.judged_cases // 2, params.seed)
    return HeldOutCases(cut, kept[::2], kept[1::2])


def halves(cases: Sequence[Case]) -> tuple[list[Case], list[Case]]:
    """The cases of the earlier sessions, and those of the later ones. The former are over before the latter begin."""
    if not cases:
        return [], []
    begins = sorted({case.group: case.start for case in cases}.values())
    middle = begins[len(begins) // 2]
    return [case for case in cases if case.until < middle], [case for case in cases if case.start >= middle]


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


def newest(rows: Interactions, params: Params, sessions: int = 0) -> int | None:
    """From when on sessions are held out: the newest share of them, or ``sessions`` if that is more and no more than
    half; None where too little would be left."""
    begun = np.sort(_begun(rows))
    begun = begun[begun < NO_START]
    held = max(int(len(begun) * params.held_out), min(sessions, len(begun) // 2))
    if held < MIN_HELD_OUT:
        return None
    return int(begun[-held])
