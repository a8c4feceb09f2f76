"""The gate: a worse model does not go live, and the card says why."""

import dataclasses
import random
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from recommender.data.interactions import read
from recommender.data.params import Params
from recommender.evaluation.cases import next_item
from recommender.evaluation.gate import compare
from recommender.model.registry import ModelRegistry
from recommender.serving.blend import COMPONENTS
from recommender.training.live_models import live_models
from recommender.training.refresh import refresh
from recommender.training.train import train
from tests.support.machine import Clock
from tests.support.recommender_histories import NOW, TableHistory, history, shop_history
from tracker.durations import DAY_MS, DAY_SECONDS

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


def test_an_equal_model_goes_live_once_enough_sessions_show_it(
    tmp_path: Path, clock: Clock, month: pa.Table, week: pa.Table
) -> None:
    """The first comparison tells how many are needed; the next training holds so many out."""
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    first = train("s", TableHistory(month), registry, FEW, clock)
    clock.advance(60)
    kept = train("s", TableHistory(week), registry, FEW, clock)
    assert (kept.accepted, kept.reason) == (False, "not shown")
    assert kept.compared is not None
    assert kept.verdict.startswith(
        f"kept {first.version}: not shown to lose less than 5 % to {first.version} on "
    )
    assert kept.verdict.endswith(f"has {kept.compared.sessions}")
    assert kept.compared.needed > kept.compared.sessions > 30
    assert registry.live_version() == first.version
    clock.advance(60)
    card = train("s", TableHistory(week), registry, FEW, clock)
    assert (card.accepted, card.reason, card.anchor) == (True, "not worse", first.version)
    assert card.compared is not None
    assert card.compared.sessions > 2 * kept.compared.sessions
    assert set(card.metrics) == {"candidate", "live"}
    assert registry.live_version() == card.version
    clock.advance(60)
    again = train("s", TableHistory(week), registry, FEW, clock)
    assert (again.accepted, again.verdict) == (False, f"kept {card.version}: no held-out session is newer")
    assert registry.rollback() == first.version


def test_a_refresh_of_the_live_model_does_not_excuse_from_judging(
    tmp_path: Path, clock: Clock, month: pa.Table, week: pa.Table
) -> None:
    """The candidate is compared with the live model as it would serve, its sessions and trends refreshed."""
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    trained = train("s", TableHistory(month), registry, FEW, clock)
    clock.advance(60)
    assert refresh("s", TableHistory(week), registry, clock)
    clock.advance(60)
    models = live_models(registry)
    assert models.live is not None
    assert (models.live.card.version, models.refreshed) == (trained.version, True)
    card = train("s", TableHistory(week), registry, FEW, clock)
    assert card.compared is not None
    assert (card.compared.against, card.reason) == (trained.version, "not shown")


def test_without_sessions_a_live_model_is_served_a_month_and_no_longer(tmp_path: Path, clock: Clock) -> None:
    registry, shop = ModelRegistry(tmp_path, "s", clock=clock), TableHistory(shop_history(60))
    first = train("s", shop, registry, FEW, clock)
    clock.advance(29 * DAY_SECONDS)
    kept = train("s", shop, registry, FEW, clock)
    assert (kept.accepted, kept.reason) == (False, "not shown")
    clock.advance(DAY_SECONDS)
    card = train("s", shop, registry, FEW, clock)
    assert (card.accepted, card.reason, card.anchor) == (True, "aged", first.version)
    assert card.verdict.startswith(f"{first.version} is over 30 days old; not shown to be worse")


def test_a_model_of_the_first_day_gives_way_to_one_that_knows_twice_as_much(
    tmp_path: Path, clock: Clock
) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    train("s", TableHistory(shop_history(20)), registry, FEW, clock)
    clock.advance(60)
    card = train("s", TableHistory(shop_history(60)), registry, FEW, clock)
    assert (card.accepted, card.reason, card.anchor) == (True, "outgrown", "")


def test_the_anchor_is_kept_and_compared_with_until_a_model_is_better(
    tmp_path: Path, clock: Clock, month: pa.Table, week: pa.Table
) -> None:
    """Eleven later versions would push the anchor out of the registry."""
    registry = ModelRegistry(tmp_path, "s", keep=2, clock=clock)
    anchor = train("s", TableHistory(month), registry, FEW, clock)
    live = registry.load(anchor.version)
    for number in range(4):
        card = msgspec.structs.replace(
            anchor, version=f"z{number}", anchor=anchor.version, reason="not worse"
        )
        registry.add(dataclasses.replace(live, card=card))
        registry.publish(card.version)
    assert {card.version for card in registry.cards()} == {anchor.version, "z3", "z2"}
    models = live_models(registry)
    assert models.anchor is not None
    assert models.anchor.card.version == anchor.version
    card = train("s", TableHistory(week), registry, FEW, clock)
    assert card.compared is not None
    assert card.anchored is not None
    assert (card.compared.against, card.anchored.against) == ("z3", anchor.version)
    assert card.anchored.sessions == card.compared.sessions


def test_what_a_refresh_was_made_from_is_kept(tmp_path: Path, clock: Clock, month: pa.Table) -> None:
    """Candidates that were refused one after another must not push out the training that serves."""
    registry = ModelRegistry(tmp_path, "s", keep=2, clock=clock)
    trained = train("s", TableHistory(month), registry, FEW, clock)
    live = registry.load(trained.version)
    for number in range(4):
        for card in (
            msgspec.structs.replace(trained, version=f"y{number}", accepted=False),
            msgspec.structs.replace(trained, version=f"z{number}", refreshed=trained.version),
        ):
            registry.add(dataclasses.replace(live, card=card))
        registry.publish(f"z{number}")
    found = live_models(registry).live
    assert found is not None
    assert found.card.version == trained.version


def test_a_candidate_that_is_worse_than_the_best_of_late_stays_out(
    tmp_path: Path, clock: Clock, month: pa.Table
) -> None:
    """The live model is as bad as the candidate; the anchor is not."""
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    good = registry.load(train("s", TableHistory(month), registry, FEW, clock).version)
    broken = shuffled(month)
    other = ModelRegistry(tmp_path / "other", "s", clock=clock)
    bad = other.load(train("s", TableHistory(broken), other, FEW, clock).version)
    future = read(later(shop_history(900, seed=8), 21, "w"))
    cases = list(next_item(future))[:900]
    assert compare(bad, bad, cases).reason == "not worse"
    found = compare(bad, bad, cases, good, "aged")
    assert (found.accepted, found.reason) == (False, "drifted")
    assert found.verdict.startswith(
        f"kept {bad.card.version}: worse than {good.card.version}, the best of late, on"
    )


def shuffled(table: pa.Table) -> pa.Table:
    """The table with its products dealt out anew."""
    products = table["product"].to_pylist()
    random.Random(1).shuffle(products)
    return table.set_column(table.column_names.index("product"), "product", pa.array(products))


def test_a_worse_model_is_kept_but_not_served(
    tmp_path: Path, clock: Clock, month: pa.Table, week: pa.Table, caplog: pytest.LogCaptureFixture
) -> None:
    """Broken tracking: the sessions that the candidate learned from are shuffled. The first comparison is not enough to
    show it."""
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    good = train("s", TableHistory(month), registry, FEW, clock)
    broken = pa.concat_tables([shuffled(month), week.slice(len(month))])
    cards = []
    for _ in range(2):
        clock.advance(60)
        cards.append(train("s", TableHistory(broken), registry, FEW, clock))
    assert [card.reason for card in cards] == ["not shown", "worse"]
    assert cards[1].verdict.startswith(f"worse than {good.version} on ")
    assert "refused" in caplog.text
    assert registry.live_version() == good.version
    assert [each.accepted for each in registry.cards()] == [False, False, True]
    assert dataclasses.is_dataclass(registry.load(cards[1].version))


def test_too_little_to_judge_goes_live(tmp_path: Path, clock: Clock) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    card = train("s", TableHistory(history([("v", "p", "Product Viewed", NOW, "s")])), registry, clock=clock)
    assert (card.accepted, card.verdict) == (True, "not judged: too few sessions")
