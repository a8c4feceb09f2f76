"""The gate: a worse model does not go live, and the card says why."""

import dataclasses
import random
from pathlib import Path

import pyarrow as pa
import pytest

from recommender.data.params import Params
from recommender.model.registry import ModelRegistry
from recommender.serving.blend import COMPONENTS
from recommender.training.refresh import refresh
from recommender.training.train import train
from tests.support.machine import Clock
from tests.support.recommender_histories import NOW, TableHistory, history, shop_history
from tracker.durations import DAY_MS

FEW = Params(judged_cases=400, iterations=5)


def later(table: pa.Table, days: int, prefix: str) -> pa.Table:
    """The same kind of visitors, ``days`` later."""
    ts = pa.array([ts + days * DAY_MS for ts in table["ts"].to_pylist()])
    names = [prefix + name for name in table["session"].to_pylist()]
    table = table.set_column(table.column_names.index("ts"), "ts", ts)
    for column in ("session", "profile"):
        table = table.set_column(table.column_names.index(column), column, pa.array(names))
    return table


@pytest.fixture(scope="module")
def month() -> pa.Table:
    return shop_history(1500)


@pytest.fixture(scope="module")
def week(month: pa.Table) -> pa.Table:
    return pa.concat_tables([month, later(shop_history(900, seed=8), 21, "w")])


def test_the_first_model_is_measured_and_goes_live(tmp_path: Path, clock: Clock, month: pa.Table) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    card = train("s", TableHistory(month), registry, FEW, clock)
    assert card.accepted
    assert card.verdict == "first model"
    assert card.metrics["candidate"]["HR@20"] > 0.5
    assert set(card.blend) == set(COMPONENTS)
    assert registry.live_version() == card.version


def test_an_equal_model_goes_live(tmp_path: Path, clock: Clock, month: pa.Table, week: pa.Table) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    train("s", TableHistory(month), registry, FEW, clock)
    clock.advance(60)
    card = train("s", TableHistory(week), registry, FEW, clock)
    assert card.accepted
    assert "not worse" in card.verdict
    assert set(card.metrics) == {"candidate", "live"}
    assert registry.live_version() == card.version
    clock.advance(60)
    again = train("s", TableHistory(week), registry, FEW, clock)
    assert again.accepted
    assert again.verdict == f"not compared: 0 sessions are new to {card.version}"


def test_a_refresh_of_the_live_model_does_not_excuse_from_judging(
    tmp_path: Path, clock: Clock, month: pa.Table, week: pa.Table
) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    trained = train("s", TableHistory(month), registry, FEW, clock)
    clock.advance(60)
    assert refresh("s", TableHistory(week), registry, clock)
    clock.advance(60)
    card = train("s", TableHistory(week), registry, FEW, clock)
    assert card.verdict.startswith(f"not worse than {trained.version} on ")


def test_a_worse_model_is_kept_but_not_served(
    tmp_path: Path, clock: Clock, month: pa.Table, week: pa.Table, caplog: pytest.LogCaptureFixture
) -> None:
    """Broken tracking: the sessions that the candidate learned from are shuffled."""
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    good = train("s", TableHistory(month), registry, FEW, clock)
    clock.advance(60)
    broken = month["product"].to_pylist()
    random.Random(1).shuffle(broken)
    products = broken + week["product"].to_pylist()[len(broken) :]
    week = week.set_column(week.column_names.index("product"), "product", pa.array(products))
    card = train("s", TableHistory(week), registry, FEW, clock)
    assert not card.accepted
    assert card.verdict.startswith(f"worse than {good.version} on ")
    assert "refused" in caplog.text
    assert registry.live_version() == good.version
    assert [each.accepted for each in registry.cards()] == [False, True]
    assert dataclasses.is_dataclass(registry.load(card.version))


def test_too_little_to_judge_goes_live(tmp_path: Path, clock: Clock) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    card = train("s", TableHistory(history([("v", "p", "Product Viewed", NOW, "s")])), registry, clock=clock)
    assert (card.accepted, card.verdict) == (True, "not judged: too few sessions")
