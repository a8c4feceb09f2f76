"""The fold-in gives what implicit would, and its contributions are the score's parts."""

from pathlib import Path

import numpy as np
import pytest
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from recommender.algorithms.factors import Factors, solve
from recommender.data.interactions import confidence_matrix, interaction_matrix, read
from recommender.data.params import Params
from recommender.model.model import ModelUnusable
from recommender.model.registry import ModelRegistry
from recommender.training.train import train
from tests.support.recommender_histories import NOW, TableHistory, shop_history


@pytest.mark.parametrize("items", [1, 3, 20])
def test_fold_in_equals_implicit_s_own_solution(items: int) -> None:
    matrix, _ = confidence_matrix(interaction_matrix(read(shop_history(200)), Params(), NOW), 40.0)
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


@pytest.mark.parametrize("allowed_share", [0.0, 0.001, 0.5, 1.0])
@pytest.mark.parametrize("kind", ["taste", "taste and interest", "interest"])
def test_the_best_of_very_many_are_those_of_a_full_sort_ties_by_code(kind: str, allowed_share: float) -> None:
    """Small whole numbers, which floats add up exactly: scores tie often, and everybody finds the same."""
    chance = np.random.default_rng(11)
    size = 40_000
    vectors = (chance.integers(-2, 3, (size, 8)) * chance.integers(0, 4, (size, 1))).astype(np.float32)
    factors = solve(vectors, 1.0)
    allowed = chance.random(size) < allowed_share
    interest = chance.integers(0, 20, size).astype(np.float32)
    for count in (1, 8, 33, 400):
        user = np.zeros(8, np.float32) if kind == "interest" else chance.integers(-3, 4, 8).astype(np.float32)
        bonus = None if kind == "taste" else interest
        score = vectors @ user + (0.0 if bonus is None else bonus)
        right = np.lexsort((np.arange(size), -score))
        right = right[allowed[right] & (score[right] > 0)][:count]
        items, scores = factors.best(user, count, allowed, bonus)
        np.testing.assert_array_equal(items, right)
        np.testing.assert_array_equal(scores, score[right])


ITEMS, WIDTH = 20_000, 16


@pytest.fixture(scope="module")
def many() -> tuple[Factors, Factors, np.ndarray]:
    """A catalogue in 200 tastes whose items differ in popularity: with the graph, without, and users of two tastes."""
    chance = np.random.default_rng(5)
    tastes = chance.normal(size=(200, WIDTH))
    own = chance.integers(0, 200, ITEMS)
    vectors = tastes[own] + 0.3 * chance.normal(size=(ITEMS, WIDTH))
    vectors = (vectors * (0.2 + chance.pareto(3.0, (ITEMS, 1)))).astype(np.float32)
    users = (tastes[chance.integers(0, 200, 100)] + tastes[chance.integers(0, 200, 100)]).astype(np.float32)
    return solve(vectors, 1.0, ann_above=ITEMS - 1), solve(vectors, 1.0, ann_above=ITEMS), users


@pytest.mark.parametrize("share", [1.0, 0.7, 0.3, 0.001])
def test_the_graph_finds_nearly_what_scoring_all_does(
    many: tuple[Factors, Factors, np.ndarray], share: float
) -> None:
    graph, exact, users = many
    assert graph.ann is not None
    assert exact.ann is None, "few items need no graph"
    allowed = np.random.default_rng(6).random(ITEMS) < share
    found = total = 0
    for user in users:
        right, _ = exact.best(user, 20, allowed)
        codes, scores = graph.best(user, 20, allowed)
        assert allowed[codes].all(), "filters hold"
        assert len(codes) == len(right)
        np.testing.assert_allclose(scores, graph.of(codes) @ user, rtol=1e-5)
        assert (np.diff(scores) <= 0).all()
        found, total = found + len(np.intersect1d(codes, right)), total + len(right)
    assert found / total >= (0.9 if share > 0.5 else 1.0)


def test_category_interest_is_weighed_exactly(many: tuple[Factors, Factors, np.ndarray]) -> None:
    graph, exact, users = many
    allowed, bonus = np.ones(ITEMS, np.bool_), np.zeros(ITEMS, np.float32)
    bonus[7] = 1e3
    for one, other in zip(
        graph.best(users[0], 5, allowed, bonus), exact.best(users[0], 5, allowed, bonus), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_the_graph_is_saved_with_the_model(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path, "s")
    card = train("s", TableHistory(shop_history(100)), registry, Params(iterations=2, ann_above=10))
    model = registry.load(card.version)
    assert model.factors.ann is not None
    user = model.factors.vectors[0]
    assert len(model.factors.best(user, 5, np.ones(len(model.items), np.bool_))[0]) == 5
    file = registry.folder / "versions" / card.version / "factors.usearch"
    file.write_bytes(bytes(file.stat().st_size))
    with pytest.raises(ModelUnusable):
        registry.load(card.version)
