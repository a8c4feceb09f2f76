"""Refresh and tune: the quick parts of now on yesterday's factors; parameters searched within a budget."""

from pathlib import Path

import pyarrow as pa

from recommender.catalogue.catalogue import Catalogue
from recommender.data.interactions import read
from recommender.data.params import Params
from recommender.model.registry import ModelRegistry
from recommender.offline.tune import quality, table, tune
from recommender.serving.recommender import Recommender
from recommender.serving.request import Recommendations, SlotRequest
from recommender.training.refresh import refresh
from recommender.training.train import train
from tests.support.machine import Clock
from tests.support.recommender_histories import NOW, MemoryItems, TableHistory, history, shop_history
from tracker.durations import DAY_MS


def test_a_refresh_knows_today_s_sessions_and_keeps_the_factors(tmp_path: Path, clock: Clock) -> None:
    registry = ModelRegistry(tmp_path, "s", keep=2, clock=clock)
    month = shop_history(200)
    assert refresh("s", TableHistory(month), registry, clock) is None, "nothing was trained yet"
    trained = train("s", TableHistory(month), registry, clock=clock)
    assert refresh("s", TableHistory(month), registry, clock) is None, "nothing is new"
    today = [
        (f"n{n}", item, "Product Viewed", NOW + DAY_MS + n * 1000 + place, f"n{n}")
        for n in range(20)
        for place, item in enumerate(("tea-0", "kettle-1"))
    ]
    clock.advance(300)
    card = refresh("s", TableHistory(pa.concat_tables([month, history(today)])), registry, clock)
    assert card is not None
    assert card.refreshed == trained.version
    recommender = Recommender(registry, Catalogue(MemoryItems()), clock=clock)
    for strategy in ("session", "trending"):
        shown = recommender.recommend(
            recommender.visitor(None, "tea-0"), SlotRequest(strategy=strategy, limit=3)
        )  # type: ignore[arg-type]
        assert isinstance(shown, Recommendations)
        assert shown.model == card.version
        assert "kettle-1" in [pick.id for pick in shown.items]
    personal = recommender.recommend(
        recommender.visitor(None, "tea-1"), SlotRequest(strategy="personal", limit=3)
    )
    assert isinstance(personal, Recommendations)
    assert personal.items[0].id.startswith("tea")


def test_refreshes_do_not_push_trainings_off_the_shelf(tmp_path: Path, clock: Clock) -> None:
    registry = ModelRegistry(tmp_path, "s", keep=3, clock=clock)
    month = shop_history(30)
    trained = [
        train("s", TableHistory(month), registry, Params(iterations=1), clock).version for _ in range(2)
    ]
    for n in range(6):
        clock.advance(300)
        later = history([("x", "tea-1", "Product Viewed", NOW + DAY_MS + n, "x")])
        assert refresh("s", TableHistory(pa.concat_tables([month, later])), registry, clock)
    versions = [card.version for card in registry.cards()]
    assert set(trained) <= set(versions)
    assert len(versions) == 4, "the live refresh and the one before it"


def test_tuning_keeps_to_its_budget_and_never_ends_worse(clock: Clock) -> None:
    rows = read(shop_history(600))
    start = Params(iterations=2, judged_cases=300)

    def ticking() -> float:
        clock.advance(1)
        return clock()

    params, trials = tune(rows, start, budget=30, clock=ticking)
    assert 3 <= len(trials) <= 20
    assert quality(trials[0]) >= next(quality(trial) for trial in trials if not trial.changed)
    assert all(getattr(params, name) == value for name, value in trials[0].changed.items())
    assert table(trials).count("\n") == len(trials) + 1
    assert tune(read(history([("v", "p", "Product Viewed", 1, "s")])), start, 10) == (start, [])


def test_a_visitor_whose_clock_is_a_day_ahead_stops_no_refresh(tmp_path: Path, clock: Clock) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    month = pa.concat_tables(
        [shop_history(30), history([("x", "tea-1", "Product Viewed", NOW + 2 * DAY_MS, "x")])]
    )
    train("s", TableHistory(month), registry, Params(iterations=1), clock)
    clock.advance(300)
    today = history([("y", "tea-2", "Product Viewed", NOW + DAY_MS, "y")])
    assert refresh("s", TableHistory(pa.concat_tables([month, today])), registry, clock)
