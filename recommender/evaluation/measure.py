"""Measures of a strategy: what it would have shown in held-out cases, by the code that serves, and its quality."""

import time
from collections.abc import Sequence

import msgspec
import numpy as np

from recommender.data.params import Params
from recommender.evaluation import ranking_metrics
from recommender.evaluation.cases import Case
from recommender.model.model import Model
from recommender.serving.item_table import table_of_model
from recommender.serving.request import SlotRequest, Strategy
from recommender.serving.slot import Slot
from recommender.serving.strategies import CANDIDATE_SOURCES


def measure_strategy(
    model: Model, cases: Sequence[Case], params: Params, kind: Strategy, k: int
) -> dict[str, float]:
    """HR, MRR, Recall and NDCG at ``k``, coverage, popularity bias and latency of one kind.

    Popularity is the mean percentile of the shown items: 1 = bestsellers only, 0.5 = no regard to popularity.
    """
    popularity = np.argsort(np.argsort(model.popularity.popular, kind="stable")) / max(
        len(model.items) - 1, 1
    )
    shown, seconds = ranked_lists(model, cases, params, kind, k)
    pairs = list(zip(shown, (case.chosen for case in cases), strict=True))
    every = [item for row in shown for item in row]
    ranks = [float(popularity[model.index[item]]) for item in every]
    return {
        f"HR@{k}": round(_mean([ranking_metrics.hit(*pair) for pair in pairs]), 5),
        f"MRR@{k}": round(_mean([ranking_metrics.reciprocal_rank(*pair) for pair in pairs]), 5),
        f"Recall@{k}": round(_mean([ranking_metrics.recall(*pair, k) for pair in pairs]), 5),
        f"NDCG@{k}": round(_mean([ranking_metrics.ndcg(*pair, k) for pair in pairs]), 5),
        f"coverage@{k}": round(len(set(every)) / max(len(model.items), 1), 5),
        f"popularity@{k}": round(_mean(ranks), 5),
        "p50_ms": round(float(np.percentile(seconds, 50)) * 1000, 3) if seconds else 0.0,
        "p99_ms": round(float(np.percentile(seconds, 99)) * 1000, 3) if seconds else 0.0,
    }


def ranked_lists(
    model: Model, cases: Sequence[Case], params: Params, kind: Strategy, k: int
) -> tuple[list[list[str]], list[float]]:
    """The items that strategy ``kind`` shows in each case, and the seconds it took.

    Items seen before are not ranked lower.
    """
    table, params = table_of_model(model), msgspec.structs.replace(params, revisit=1.0)
    shown, seconds = [], []
    for case in cases:
        started = time.perf_counter()
        slot = Slot(
            model, table, case.visitor(params), SlotRequest(strategy=kind, limit=k, rebuy=True), params
        )
        candidates = CANDIDATE_SOURCES[kind](slot, k)
        seconds.append(time.perf_counter() - started)
        shown.append([table.ids[row] for row in candidates.rows.tolist()])
    return shown, seconds


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
