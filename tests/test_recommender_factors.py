"""The fold-in gives what implicit would, and its contributions are the score's parts."""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from recommender_histories import NOW, shop_history
from scipy import sparse
from threadpoolctl import threadpool_limits

from recommender.factors import solve
from recommender.interactions import confidence, liking, read
from recommender.params import Params


@pytest.mark.parametrize("items", [1, 3, 20])
def test_fold_in_equals_implicit_s_own_solution(items: int) -> None:
    matrix, _ = confidence(liking(read(shop_history(200)), Params(), NOW), 40.0)
    with threadpool_limits(1, "blas"):
        bare = AlternatingLeastSquares(
            factors=8, regularization=3.0, alpha=1.0, iterations=5, random_state=1, num_threads=1
        )
    bare.fit(matrix, show_progress=False)
    factors = solve(bare.item_factors, 3.0)
    chosen = np.arange(items, dtype=np.int32)
    weights = np.linspace(2, 40, items).astype(np.float32)
    row = np.zeros((1, matrix.shape[1]), np.float32)
    row[0, chosen] = weights
    expected = bare.recalculate_user(0, sparse.csr_matrix(row))
    taste = factors.fold_in(chosen, weights)
    np.testing.assert_allclose(taste.user, expected, rtol=2e-3, atol=1e-5)
    parts = taste.contributions(factors.vectors)
    np.testing.assert_allclose(parts.sum(axis=1), factors.vectors @ taste.user, rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("count", [1, 5, 50])
@pytest.mark.parametrize("with_bonus", [False, True])
def test_the_best_items_are_exactly_those_of_scoring_all(count: int, with_bonus: bool) -> None:
    chance = np.random.default_rng(3)
    vectors = chance.normal(size=(5000, 8)).astype(np.float32) * chance.pareto(1.5, (5000, 1)).astype(
        np.float32
    )
    allowed = chance.random(5000) < 0.7
    bonus = chance.random(5000).astype(np.float32) if with_bonus else None
    factors = solve(vectors, 1.0)
    for _ in range(20):
        user = chance.normal(size=8).astype(np.float32)
        score = vectors @ user + (0.0 if bonus is None else bonus)
        expected = np.argsort(-np.where(allowed, score, -1.0), kind="stable")[:count]
        items, scores = factors.best(user, count, allowed, bonus)
        np.testing.assert_allclose(scores, score[expected], rtol=1e-4)
        np.testing.assert_array_equal(items, expected)
