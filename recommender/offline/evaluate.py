"""Offline evaluation: how well each strategy predicts what visitors chose, with the code that serves."""

import time
from pathlib import Path
from typing import Any, Literal

import msgspec

from recommender.data.interactions import Interactions
from recommender.data.params import Params
from recommender.evaluation.cases import UNLIMITED, last_days, next_item
from recommender.evaluation.measure import measure_strategy
from recommender.model.card import Card
from recommender.offline.interaction_file import DataFileInvalid, load
from recommender.serving.request import STRATEGIES, Strategy
from recommender.training.held_out import HeldOut, started
from recommender.training.train import learn
from tracker.durations import DAY_MS

EvaluationProtocol = Literal["next-item", "last-days"]

KINDS: tuple[Strategy, ...] = STRATEGIES


class EvaluationReport(msgspec.Struct, frozen=True):
    """``kinds`` holds the measures of each kind; ``cases`` is how many moments were judged. ``left_out``: events that
    were given to learn from, and are not earlier than all that was judged."""

    protocol: EvaluationProtocol
    k: int
    cases: int
    train_events: int
    test_events: int
    left_out: int
    train_seconds: float
    blend: dict[str, float]
    revisit: float
    kinds: dict[str, dict[str, float]]

    def json(self) -> dict[str, Any]:
        """``{"kinds": {"session": {"HR@20": …}, …}}``."""
        return {"kinds": self.kinds}

    def summary(self) -> str:
        """What was judged, and the blend's fitted weights, in one line."""
        blend = ", ".join(f"{name} {weight:g}" for name, weight in self.blend.items()) or "not fitted"
        left_out = f" ({self.left_out} left out: not earlier than the test)" if self.left_out else ""
        return (
            f"{self.protocol}: {self.cases} moments of {self.test_events} events; trained on {self.train_events}"
            f"{left_out} in {self.train_seconds:g} s; blend: {blend}; seen already × {self.revisit:g}"
        )

    def table(self) -> str:
        """The report as aligned text."""
        names = list(next(iter(self.kinds.values()), {}))
        rows = [["kind", *names]]
        rows += [[kind, *(f"{values[name]:.4g}" for name in names)] for kind, values in self.kinds.items()]
        widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows
        )


def evaluate(
    train: Path,
    test: Path,
    params: Params | None = None,
    protocol: EvaluationProtocol = "next-item",
    k: int = 20,
) -> EvaluationReport:
    """Train on one file, judge on the other. Nothing of ``test`` is seen in training. Raises DataFileInvalid.

    next-item: for each prefix of each test session, what comes next; repeats count. last-days: for each visitor with
    a past, what he chooses in all of ``test``, given his whole history. Rows without an event name are views in the
    first and purchases in the second.
    """
    event = "Product Viewed" if protocol == "next-item" else "Order Completed"
    past, future = load(train, event), load(test, event)
    if not len(past) or not len(future):
        raise DataFileInvalid(f"{train if not len(past) else test}: no rows with an item")
    return compare(past, future, params or Params(), protocol, k)


def split(rows: Interactions, days: float) -> tuple[Interactions, Interactions]:
    """What happened before the last ``days``, and the sessions that began within them."""
    cut = int(rows.ts[-1] - days * DAY_MS) if len(rows) else 0
    return rows.before(cut), rows.rows(started(rows) >= cut)


def compare(
    past: Interactions,
    future: Interactions,
    params: Params,
    protocol: EvaluationProtocol = "next-item",
    k: int = 20,
) -> EvaluationReport:
    """The report of a model of ``past`` on ``future``. What is not earlier than all of ``future`` is left out of
    ``past``. Raises DataFileInvalid where nothing is left to learn from or to judge by."""
    begin, given = time.perf_counter(), len(past)
    past = past.before(int(future.ts[0]))
    if not len(past):
        raise DataFileInvalid("no row to learn from is earlier than the first row to judge by")
    days = (int(future.ts[-1]) - int(future.ts[0])) / DAY_MS if protocol == "last-days" else None
    card = Card(version="evaluation", site="", made=0)
    model = learn(past, params, card, held_out=HeldOut(days=days)).model
    seconds = time.perf_counter() - begin
    cases = list(next_item(future, past) if days is None else last_days(future, past, UNLIMITED))
    if not cases:
        raise DataFileInvalid(
            f"{protocol}: no row to judge by has an earlier one of the same session or visitor"
        )
    kinds: dict[str, dict[str, float]] = {
        kind: measure_strategy(model, cases, params, kind, k) for kind in KINDS
    }
    return EvaluationReport(
        protocol=protocol,
        k=k,
        cases=len(cases),
        train_events=len(past),
        left_out=given - len(past),
        test_events=len(future),
        train_seconds=round(seconds, 2),
        blend=dict(model.card.blend),
        revisit=params.revisit if model.card.revisit is None else model.card.revisit,
        kinds=kinds,
    )
