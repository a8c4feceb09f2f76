"""Training runs: one at a time in the whole installation, the same progress told to all, failures counted."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from recommender.data.interactions import NothingToLearn
from recommender.data.params import Params
from recommender.jobs.lock import Busy, RedisLock
from recommender.jobs.runs import TRAINING_LOCK, Run, TrainingRuns
from recommender.model.card import Card
from recommender.model.registry import ModelRegistry
from recommender.training.progress import BEGINS, STAGES, Progress
from recommender.training.train import train
from tests.support.machine import Clock, RedisServer
from tests.support.recommender_histories import TableHistory, shop_history
from tracker.unavailable import Unavailable

pytestmark = pytest.mark.redis

CARD = Card(version="v1", site="s", made=0, accepted=False, verdict="worse")


@pytest.fixture
def client(redis_url: str) -> Iterator[Any]:
    client = redis.Redis.from_url(redis_url)
    yield client
    client.close()


@pytest.fixture
def runs(client: Any, clock: Clock) -> TrainingRuns:
    return TrainingRuns(client, clock)


def now(clock: Clock) -> int:
    return int(clock() * 1000)


def found(runs: TrainingRuns, site: str = "s") -> Run:
    run = runs.read(site)
    assert run is not None
    return run


def test_a_wish_waits_until_a_training_takes_it_up(runs: TrainingRuns, clock: Clock) -> None:
    assert runs.read("s") is None
    assert not runs.is_requested("s")
    requested = runs.request("s")
    assert runs.is_requested("s")
    assert not runs.is_requested("other")
    assert found(runs) == requested == Run(id=requested.id, asked=now(clock))
    with pytest.raises(Busy, match="waiting"):
        runs.request("s")
    assert found(runs) == requested, "the refused requested left no trace"
    clock.advance(5)
    seen: list[Run] = []

    def work(progress: Progress) -> Card:
        assert not runs.is_requested("s")
        progress.stage("learn")
        progress.part(0.5)
        seen.append(found(runs))
        clock.advance(5)
        return CARD

    assert runs.run("s", work) is CARD
    assert (seen[0].id, seen[0].state, seen[0].stage) == (requested.id, "running", "learn")
    assert BEGINS["learn"] < seen[0].share < BEGINS["judge"]
    assert seen[0].started == now(clock) - 5000
    done = found(runs)
    assert (done.id, done.state, done.share, done.finished) == (requested.id, "done", 1.0, now(clock))
    assert done.asked == requested.asked
    assert (done.version, done.accepted, done.message) == ("v1", False, "worse")
    runs.request("s")


def test_while_one_runs_nobody_else_trains_or_asks(runs: TrainingRuns, client: Any) -> None:
    entered, leave = threading.Event(), threading.Event()

    def slow(_: Progress) -> Card:
        entered.set()
        assert leave.wait(60)
        return CARD

    thread = threading.Thread(target=runs.run, args=("s", slow))
    thread.start()
    try:
        assert entered.wait(60)
        other = TrainingRuns(client)
        for site in ("s", "another"):
            with pytest.raises(Busy):
                other.request(site)
            with pytest.raises(Busy):
                other.run(site, lambda _: CARD)
        assert found(other).state == "running", "the same for every process"
        assert other.read("another") is None
    finally:
        leave.set()
        thread.join()
    assert found(runs).state == "done"


def test_a_refresh_makes_a_wish_wait_but_not_fail(runs: TrainingRuns, client: Any) -> None:
    lock = RedisLock(client, TRAINING_LOCK)
    assert lock.take()
    runs.request("s")
    with pytest.raises(Busy):
        runs.run("s", lambda _: CARD)
    assert runs.is_requested("s"), "it is taken up later"
    lock.release()
    runs.run("s", lambda _: CARD)
    assert not runs.is_requested("s")


def test_failures_are_counted_until_one_succeeds(runs: TrainingRuns, clock: Clock) -> None:
    def broken(_: Progress) -> Card:
        raise OSError("disk full" + "!" * 1000)

    for count in (1, 2):
        with pytest.raises(OSError, match="disk full"):
            runs.run("s", broken)
        failed = found(runs)
        assert (failed.state, failed.failures, failed.finished) == ("failed", count, now(clock))
        assert failed.message.startswith("disk full!") and len(failed.message) <= 300
    assert runs.request("s").failures == 2, "still known while the next one waits"
    runs.run("s", lambda _: CARD)
    assert found(runs).failures == 0


def test_nothing_to_learn_from_is_no_failure(runs: TrainingRuns) -> None:
    def empty(_: Progress) -> Card:
        raise NothingToLearn("no product events yet")

    with pytest.raises(NothingToLearn):
        runs.run("s", empty)
    run = found(runs)
    assert (run.state, run.failures, run.message) == ("nothing", 0, "no product events yet")


def test_one_whose_process_died_has_failed(runs: TrainingRuns, client: Any) -> None:
    def killed(_: Progress) -> Card:
        client.delete(f"dg:lock:{TRAINING_LOCK}")  # as when it expired
        seen.append(found(runs))
        return CARD

    seen: list[Run] = []
    runs.run("s", killed)
    assert (seen[0].state, seen[0].failures) == ("failed", 1)
    assert "process ended" in seen[0].message
    assert found(runs).state == "done", "unless it was only slow"


def test_a_training_tells_every_stage_in_order(tmp_path: Path, clock: Clock) -> None:
    told: list[tuple[str, float]] = []
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    progress = Progress(lambda stage, share: told.append((stage, share)))
    train("s", TableHistory(shop_history(400)), registry, Params(iterations=3), clock, progress=progress)
    assert list(dict.fromkeys(stage for stage, _ in told)) == [*STAGES]
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] >= 0.0 and shares[-1] < 1.0
    assert len([1 for stage, _ in told if stage == "learn"]) == 4, "each pass over the history, too"


def test_a_training_goes_on_without_its_record(own_redis: RedisServer, clock: Clock) -> None:
    client = redis.Redis.from_url(own_redis.url)
    runs = TrainingRuns(client, clock)

    def work(progress: Progress) -> Card:
        own_redis.kill()
        progress.stage("learn")
        return CARD

    assert runs.run("s", work) is CARD
    for ask in (runs.read, runs.request, runs.is_requested):
        with pytest.raises(Unavailable):
            ask("s")
    client.close()
