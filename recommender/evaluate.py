"""Evaluate: how well each kind and the blend foresee what visitors chose, with the code that serves."""

import time
from pathlib import Path
from typing import Any, Literal

import msgspec

from recommender.ask import STRATEGIES, Strategy
from recommender.card import Card
from recommender.cases import last_days, next_item
from recommender.datafile import load
from recommender.interactions import Interactions
from recommender.judge import judge
from recommender.params import Params
from recommender.train import learn

Protocol = Literal["next-item", "last-days"]

KINDS: tuple[Strategy, ...] = STRATEGIES


class Report(msgspec.Struct, frozen=True):
    """``kinds`` holds the measures of each kind; ``cases`` is how many moments were judged."""

    protocol: Protocol
    k: int
    cases: int
    train_events: int
    test_events: int
    train_seconds: float
    blend: dict[str, float]
    revisit: float
    kinds: dict[str, dict[str, float]]

    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = msgspec.to_builtins(self)
        return document

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
    protocol: Protocol = "next-item",
    k: int = 20,
) -> Report:
    """Train on one file, judge on the other. Nothing of ``test`` is seen in training. Raises DataFileInvalid."""
    params = params or Params()
    past, future = load(train), load(test)
    return compare(past, future, params, protocol, k)


def compare(
    past: Interactions, future: Interactions, params: Params, protocol: Protocol = "next-item", k: int = 20
) -> Report:
    """The report of a model of ``past`` on ``future``."""
    started = time.perf_counter()
    model = learn(past, params, Card(version="evaluation", site="", made=0)).model
    seconds = time.perf_counter() - started
    cases = list(next_item(future, past) if protocol == "next-item" else last_days(future, past))
    kinds: dict[str, dict[str, float]] = {kind: judge(model, cases, params, kind, k) for kind in KINDS}
    return Report(
        protocol=protocol,
        k=k,
        cases=len(cases),
        train_events=len(past),
        test_events=len(future),
        train_seconds=round(seconds, 2),
        blend=dict(model.card.blend),
        revisit=params.revisit if model.card.revisit is None else model.card.revisit,
        kinds=kinds,
    )
