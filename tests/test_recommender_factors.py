"""The fold-in gives what implicit would, and its contributions are the score's parts."""

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from recommender_histories import NOW, shop_history
from scipy import sparse
from threadpoolctl import threadpool_limits

from recommender.factors import solve
from recommender.interactions import confidence, read
from recommender.params import Params


@pytest.mark.parametrize("items", [1, 3, 20])
def test_fold_in_equals_implicit_s_own_solution(items: int) -> None:
    matrix = confidence(read(shop_history(200)), Params(), NOW)
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
