"""Evaluate: how well each kind and the blend foresee what visitors chose, with the code that serves."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import numpy as np

from recommender import metrics
from recommender.ask import STRATEGIES, Ask, Strategy
from recommender.card import Card
from recommender.cases import Case, last_days, next_item
from recommender.datafile import load
from recommender.interactions import Interactions
from recommender.model import Model
from recommender.params import Params
from recommender.proposers import PROPOSERS
from recommender.scene import Scene
from recommender.stock import bare
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
    model = learn(past, params, Card(version="evaluation", site="", made=0))
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


def judge(model: Model, cases: Sequence[Case], params: Params, kind: Strategy, k: int) -> dict[str, float]:
    """HR, MRR, Recall and NDCG at ``k``, coverage, popularity bias and latency of one kind.

    Popularity is the mean percentile of the shown items: 1 = bestsellers only, 0.5 = no regard to popularity.
    """
    popularity = np.argsort(np.argsort(model.popularity.popular, kind="stable")) / max(
        len(model.items) - 1, 1
    )
    shown, seconds = lists(model, cases, params, kind, k)
    pairs = list(zip(shown, (case.chosen for case in cases), strict=True))
    every = [item for row in shown for item in row]
    ranks = [float(popularity[model.index[item]]) for item in every]
    return {
        f"HR@{k}": round(_mean([metrics.hit(*pair) for pair in pairs]), 5),
        f"MRR@{k}": round(_mean([metrics.reciprocal_rank(*pair) for pair in pairs]), 5),
        f"Recall@{k}": round(_mean([metrics.recall(*pair) for pair in pairs]), 5),
        f"NDCG@{k}": round(_mean([metrics.ndcg(*pair, k) for pair in pairs]), 5),
        f"coverage@{k}": round(len(set(every)) / max(len(model.items), 1), 5),
        f"popularity@{k}": round(_mean(ranks), 5),
        "p50_ms": round(float(np.percentile(seconds, 50)) * 1000, 3) if seconds else 0.0,
        "p99_ms": round(float(np.percentile(seconds, 99)) * 1000, 3) if seconds else 0.0,
    }


def lists(
    model: Model, cases: Sequence[Case], params: Params, kind: Strategy, k: int
) -> tuple[list[list[str]], list[float]]:
    """What ``kind`` proposes in each case, and how long that took. Repeats are allowed and not held back."""
    stock, params = bare(model), msgspec.structs.replace(params, revisit=1.0)
    shown, seconds = [], []
    for case in cases:
        started = time.perf_counter()
        scene = Scene(model, stock, case.visitor(params), Ask(strategy=kind, limit=k, rebuy=True), params)
        proposal = PROPOSERS[kind](scene, k)
        seconds.append(time.perf_counter() - started)
        shown.append([stock.ids[row] for row in proposal.rows.tolist()])
    return shown, seconds


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
