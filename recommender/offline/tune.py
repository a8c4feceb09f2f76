"""Tuning: a search for better training and serving parameters on a split by time, within a time budget."""

import dataclasses
import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from recommender.data.interactions import Interactions
from recommender.data.params import Params
from recommender.evaluation.cases import Case, next_item, sample
from recommender.evaluation.gate import measure
from recommender.model.card import Card
from recommender.training.blend_weights import fit_blend
from recommender.training.held_out import halves, newest, started
from recommender.training.train import fit

GRID: Mapping[str, tuple[float, ...]] = {
    "factors": (16, 32, 64, 128),
    "regularization": (0.1, 1.0, 10.0, 30.0),
    "alpha": (3.0, 10.0, 40.0, 100.0),
    "half_life_days": (7.0, 30.0, 60.0, 180.0),
    "click_half_life": (1.5, 3.0, 6.0, 15.0),
    "session_decay": (0.3, 0.7, 1.0, 1.5),
    "session_distance": (0.1, 0.2, 0.4),
    "session_half_life_days": (3.0, 10.0, 30.0),
    "session_neighbours": (100, 250, 500, 1000),
}


class Trial(NamedTuple):
    """One set of parameters (what differs from the start) and what it reached."""

    changed: dict[str, float]
    seconds: float
    measured: dict[str, float]


def tune(
    rows: Interactions,
    params: Params,
    budget: float,
    clock: Callable[[], float] = time.monotonic,
    report: Callable[[Trial], None] = lambda _: None,
) -> tuple[Params, list[Trial]]:
    """The best parameters found within ``budget`` seconds, and every trial, best first.

    Hill climbing: one parameter moves at a time, in random order. Each trial trains on all but the newest sessions,
    fits the blend on the earlier half of those and is measured on the later: MRR@20 + HR@20.
    """
    cut = newest(rows, params)
    if cut is None:
        return params, []
    past, future = rows.before(cut), rows.rows(started(rows) >= cut)
    cases = halves(sample(list(next_item(future, past)), 2 * params.judged_cases, params.seed))
    deadline = clock() + budget

    def attempt(changed: dict[str, float]) -> Trial:
        begin = clock()
        measured = _measured(past, cases, msgspec.structs.replace(params, **changed))
        trial = Trial(changed, round(clock() - begin, 2), measured)
        report(trial)
        return trial

    best = attempt({})
    trials = [best]
    moves = [
        (name, value) for name, values in GRID.items() for value in values if getattr(params, name) != value
    ]
    random.Random(params.seed).shuffle(moves)
    for name, value in moves:
        if clock() + max(trial.seconds for trial in trials) > deadline:
            break
        trials.append(attempt({**best.changed, name: value}))
        best = max(best, trials[-1], key=quality)
    return msgspec.structs.replace(params, **best.changed), sorted(trials, key=quality, reverse=True)


def quality(trial: Trial) -> float:
    return trial.measured["MRR@20"] + trial.measured["HR@20"]


def table(trials: list[Trial]) -> str:
    """The trials as a Markdown table, best first."""
    lines = ["| changed | HR@20 | MRR@20 | seconds |", "| --- | --- | --- | --- |"]
    for trial in trials:
        measured = trial.measured
        lines.append(
            f"| {named(trial)} | {measured['HR@20']:.4f} | {measured['MRR@20']:.4f} | {trial.seconds:.1f} |"
        )
    return "\n".join(lines)


def named(trial: Trial) -> str:
    """What the trial changed, in words."""
    return ", ".join(f"{name} {value:g}" for name, value in trial.changed.items()) or "nothing"


def _measured(
    past: Interactions, cases: tuple[Sequence[Case], Sequence[Case]], params: Params
) -> dict[str, float]:
    fitting, judging = cases
    model = fit(past, params, Card(version="trial", site="", made=0))
    weights = fit_blend(model, fitting, params)
    if weights is not None:
        card = msgspec.structs.replace(model.card, blend=weights.components, revisit=weights.revisit)
        model = dataclasses.replace(model, card=card)
    return measure(model, judging)
