"""MovieLens 100K: our factors and fold-in beside bare implicit with as many factors, NDCG@10, means of several seeds.

Each visitor's last fifth is held out; what he rated before is not shown. The data: ``pip install --no-deps recbole``,
or ml-100k.inter in DANGOL_TEST_DATA.
"""

import importlib.util
import os
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from bench.results import record
from recommender.algorithms import als, factors
from recommender.data.interactions import Interactions, confidence_matrix, interaction_matrix
from recommender.data.params import Params
from recommender.evaluation import ranking_metrics
from recommender.offline.interaction_file import load

FACTORS = (32, 64, 128)
K = 10
SEEDS = range(8)
"""One seed differs from the next by about 0.002."""


def data() -> Path | None:
    """The file, where it is to be found."""
    folders = [Path(os.environ.get("DANGOL_TEST_DATA", "../shared/data"))]
    spec = importlib.util.find_spec("recbole")
    if spec and spec.origin:
        folders.append(Path(spec.origin).parent / "dataset_example" / "ml-100k")
    return next((file for folder in folders if (file := folder / "ml-100k.inter").is_file()), None)


def split(rows: Interactions) -> tuple[Interactions, dict[int, set[int]]]:
    """What is learned from, and what each visitor (by code) chose after it."""
    order = np.argsort(rows.profile, kind="stable")
    size = np.bincount(rows.profile)
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows)) - np.repeat(np.cumsum(size) - size, size)
    late = place >= np.ceil(size[rows.profile] * 0.8)
    chosen: dict[int, set[int]] = defaultdict(set)
    for profile, item in zip(rows.profile[late].tolist(), rows.item[late].tolist(), strict=True):
        chosen[profile].add(item)
    return rows.rows(~late), chosen


def ndcg(score: Callable[[int], np.ndarray], known: sparse.csr_matrix, chosen: dict[int, set[int]]) -> float:
    reached = []
    for visitor, items in chosen.items():
        scores = np.array(score(visitor), np.float32)
        scores[known[[visitor]].indices] = -np.inf
        reached.append(ranking_metrics.ndcg(np.argsort(-scores, kind="stable")[:K].tolist(), items, K))
    return float(np.mean(reached))


def compare(file: Path, count: int, seed: int = 42) -> tuple[float, float]:
    """(ours, bare implicit as it is by default)."""
    past, chosen = split(load(file))
    params = Params(factors=count, seed=seed)
    shape = (len(past.profiles), len(past.items))
    known = sparse.csr_matrix((np.ones(len(past), np.float32), (past.profile, past.item)), shape=shape)
    with threadpool_limits(1, "blas"):
        bare = AlternatingLeastSquares(factors=count, random_state=params.seed)
        bare.fit(known, show_progress=False)
    matrix, _ = confidence_matrix(interaction_matrix(past, params, int(past.ts[-1])), params.alpha)
    own = factors.solve(als.fit(matrix, params), params.regularization)
    vectors = own.of(np.arange(shape[1]))

    def ours(visitor: int) -> np.ndarray:
        row = matrix[[visitor]]
        return np.asarray(vectors @ own.fold_in(row.indices, row.data).user)

    return ndcg(ours, known, chosen), ndcg(
        lambda visitor: bare.item_factors @ bare.user_factors[visitor], known, chosen
    )


def main() -> None:
    file = data()
    if file is None:
        print("not measured: bench.movielens needs the data set: pip install --no-deps recbole")
        return
    rows = []
    for count in FACTORS:
        reached = np.array([compare(file, count, seed) for seed in SEEDS])
        (ours, bare), spread = reached.mean(axis=0), reached.std(axis=0, ddof=1)
        shown = [f"{mean:.4f} ± {sd:.4f}" for mean, sd in zip((ours, bare), spread, strict=True)]
        rows.append([f"{count} factors", *shown, f"{ours / bare:.2f}"])
    notes = f"Mean of {len(SEEDS)} seeds ± standard deviation of one."
    record(
        "MovieLens 100K",
        "python -m bench.movielens",
        ["NDCG@10", "ours", "bare implicit", "ratio"],
        rows,
        notes,
    )


if __name__ == "__main__":
    main()
