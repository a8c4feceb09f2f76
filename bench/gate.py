"""The gate of models: how often it lets a model go live whose true quality is known, and where a hundred trainings end.

The ranks are drawn as on YooChoose (HR@20 0.67, MRR@20 0.33); the two models rank the choice differently in 4 of 10
sessions. With the published files in DANGOL_TEST_DATA, two real models of YooChoose, a day apart, are compared, too.
"""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.results import record
from recommender.data.params import Params
from recommender.evaluation.cases import next_item
from recommender.evaluation.gate import compare, decide
from recommender.evaluation.non_inferiority import compared, is_better
from recommender.model.card import Card, Compared
from recommender.offline.interaction_file import load
from recommender.training.train import fit
from tests.support.paired_models import cases, paired
from tracker.durations import DAY_MS

SESSIONS = (100, 300, 1_000, 3_000, 10_000)
CHANGES = (-0.10, -0.05, -0.02, 0.0, 0.02, 0.05)
ROUNDS, TRAININGS, CHAINS = 500, 100, 5

Rule = Callable[[Compared], bool]


def passes(result: Compared) -> bool:
    return decide(result, None) == "not worse"


def former(result: Compared) -> bool:
    """The rule before: not shown to be worse."""
    return result.difference + result.margin >= 0


def share(change: float, sessions: int, rule: Rule) -> str:
    chance, rows = np.random.default_rng(5), cases(sessions)
    found = [rule(compared("live", rows, *paired(change, sessions, chance))) for _ in range(ROUNDS)]
    return f"{np.mean(found):.0%}".replace("%", " %")


def left(change: float, sessions: int, rule: Rule, anchored: bool) -> str:
    """The quality after TRAININGS, each of which makes the live model's next one ``change`` better."""
    found = []
    for seed in range(CHAINS):
        chance, rows, quality, best = np.random.default_rng(seed), cases(sessions), 1.0, 1.0
        for _ in range(TRAININGS):
            candidate = quality * (1 + change)
            result = compared("live", rows, *paired(change, sessions, chance))
            to_best = compared("best", rows, *paired(candidate / best - 1, sessions, chance))
            if rule(result) and (not anchored or rule(to_best)):
                quality = candidate
                best = candidate if is_better(to_best) else best
        found.append(quality)
    return f"{np.mean(found):.0%}".replace("%", " %")


def yoochoose(folder: Path) -> str:
    """Two models of the training file, of all and of all but the last day, on the test file."""
    if not (folder / "yoochoose-100k-train.tsv").is_file():
        return ""
    past, future = (load(folder / f"yoochoose-100k-{part}.tsv") for part in ("train", "test"))
    card, params = Card(version="newer", site="", made=0), Params()
    newer = fit(past, params, card)
    older = fit(past.before(int(past.ts[-1] - DAY_MS)), params, card)
    found = compare(newer, older, list(next_item(future, past))).compared
    assert found is not None
    return (
        f" Two real models of YooChoose, a day apart, on {found.sessions:,} sessions: MRR@20 {found.difference:+.4f} ± "
        f"{found.margin:.4f}, and about {found.needed:,} sessions are needed."
    )


def main() -> None:
    rows = [
        [f"{change:+.0%}".replace("%", " %"), *(share(change, count, passes) for count in SESSIONS)]
        for change in CHANGES
    ]
    rows += [
        [
            f"{change:+.0%}, the former rule".replace("%", " %"),
            *(share(change, count, former) for count in SESSIONS),
        ]
        for change in (-0.05, 0.0)
    ]
    chains = ", ".join(
        f"{change:+.0%} each on {count:,} sessions: {left(change, count, passes, True)} left with the anchor, "
        f"{left(change, count, passes, False)} without, {left(change, count, former, False)} by the former rule"
        for change, count in ((-0.02, 3_000), (-0.04, 10_000))
    )
    record(
        "Gate of models",
        "python -m bench.gate",
        ("a candidate that is", *(f"{count:,} sessions" for count in SESSIONS)),
        rows,
        f"The share of {ROUNDS} candidates that go live. After {TRAININGS} trainings, {chains}."
        + yoochoose(Path(os.environ.get("DANGOL_TEST_DATA", "../shared/data"))),
    )


if __name__ == "__main__":
    main()
