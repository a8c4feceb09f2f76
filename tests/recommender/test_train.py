"""Training: tiny and real histories, same history same model, nothing to learn."""

from pathlib import Path

import numpy as np
import pytest
from scipy import sparse

from recommender.catalogue.catalogue import Catalogue
from recommender.data.interactions import DISMISS, NothingToLearn, confidence_matrix, interaction_matrix, read
from recommender.data.params import Params
from recommender.model.registry import ModelRegistry
from recommender.serving.recommender import Recommender
from recommender.serving.request import Recommendations, SlotRequest
from recommender.training.train import train
from tests.support.recommender_histories import NOW, MemoryItems, TableHistory, clicks, history, shop_history
from tracker.durations import DAY_MS


def clock() -> float:
    return NOW / 1000


def test_five_events_make_a_model(tmp_path: Path) -> None:
    rows = [(f"v{n % 2}", f"p{n}", "Product Viewed", NOW + n, f"s{n % 2}") for n in range(5)]
    registry = ModelRegistry(tmp_path, "default", clock=clock)
    card = train("default", TableHistory(history(rows)), registry, clock=clock)
    assert (card.events, card.profiles, card.items, card.sessions) == (5, 2, 5, 2)
    recommender = Recommender(registry, Catalogue(MemoryItems()), clock=clock)
    shown = recommender.recommend(recommender.visitor(None, "p0"), SlotRequest(strategy="session", limit=2))
    assert isinstance(shown, Recommendations)
    assert {pick.id for pick in shown.items} == {"p2", "p4"}
    assert shown.model == card.version


def test_the_same_history_gives_the_same_model(tmp_path: Path) -> None:
    told = TableHistory(shop_history(100))
    params = Params(threads=1)
    registry = ModelRegistry(tmp_path, "default")
    one = registry.load(train("default", told, registry, params).version)
    two = registry.load(train("default", told, registry, params).version)
    np.testing.assert_array_equal(one.factors.vectors, two.factors.vectors)


def test_without_product_events_there_is_nothing_to_learn(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path, "default")
    told = TableHistory(history([("v", "p", "Signed Up", NOW, "s")]))
    with pytest.raises(NothingToLearn, match="product events"):
        train("default", told, registry)
    assert registry.live() is None


def test_liking_weighs_kinds_and_age() -> None:
    day = DAY_MS
    rows = read(
        history(
            [
                ("a", "p", "Product Viewed", NOW, "s"),
                ("a", "q", "Order Completed", NOW - 60 * day + 1, "s"),
                ("b", "p", "Product Viewed", NOW - 60 * day, "t"),
                ("b", "q", "Product Dismissed", NOW, "t"),
                ("b", "r", "Product List Viewed", NOW, "t"),
            ]
        )
    )
    assert DISMISS in rows.kind
    likes = interaction_matrix(rows, Params(half_life_days=60.0), NOW)
    sure, alpha = confidence_matrix(likes, 3.0)
    assert alpha == pytest.approx(3.0 / ((1 + 5 / 2 + 0.5) / 3))
    assert (sure.data - 1).mean() == pytest.approx(3.0)
    matrix = likes.toarray()
    item = {name: code for code, name in enumerate(rows.items)}
    # profiles are coded in order of time: b came first
    assert matrix[1, item["p"]] == pytest.approx(1.0)
    assert matrix[1, item["q"]] == pytest.approx(5 / 2)
    assert matrix[0, item["p"]] == pytest.approx(0.5)
    assert matrix[0, item["q"]] == 0
    assert matrix[0, item["r"]] == 0


def test_a_real_shop_s_clicks(tmp_path: Path, shared_data: Path) -> None:
    """A brand-new visitor who views one item gets items that occur with it in sessions."""
    path = shared_data / "yoochoose-100k-train.tsv"
    if not path.exists():
        pytest.skip(f"no {path}")
    table = clicks(path)
    registry = ModelRegistry(tmp_path, "default", clock=clock)
    train("default", TableHistory(table), registry, clock=clock)
    recommender = Recommender(registry, Catalogue(MemoryItems()), clock=clock)
    sessions: dict[str, set[str]] = {}
    for session, item in zip(table["session"].to_pylist(), table["product"].to_pylist(), strict=True):
        sessions.setdefault(session, set()).add(item)
    for item in ("214716935", "214839313", "214826801"):
        together = set().union(*(held for held in sessions.values() if item in held)) - {item}
        for strategy in ("session", "similar", "blend"):
            shown = recommender.recommend(
                recommender.visitor(None, item), SlotRequest(strategy=strategy, limit=5)
            )  # type: ignore[arg-type]
            assert isinstance(shown, Recommendations)
            assert len(shown.items) == 5
            near = [pick.id for pick in shown.items if pick.id in together]
            assert len(near) >= 4, (item, strategy)


def test_where_visitors_touched_much_alpha_is_less() -> None:
    sparse_shop = sparse.random_array((500, 4000), density=0.001, format="csr", dtype=np.float32, rng=1)
    dense = sparse.random_array((500, 4000), density=0.1, format="csr", dtype=np.float32, rng=1)
    for matrix, reached in ((sparse_shop, 40.0), (dense, 1.0)):
        matrix.data[:] = 1.0
        assert confidence_matrix(matrix, 40.0)[1] == reached
    some = sparse.random_array((500, 4000), density=0.01, format="csr", dtype=np.float32, rng=1)
    some.data[:] = 1.0
    assert confidence_matrix(some, 40.0)[1] == pytest.approx(5.0, rel=0.05)
