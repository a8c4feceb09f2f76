"""The schedule: jobs run, one at a time across processes, and a failure stays without effect."""

import logging
import threading
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner

from dangol.cli import main
from recommender.data.params import Params
from recommender.jobs.lock import RedisLock
from recommender.jobs.scheduler import Job, Scheduler
from recommender.model.registry import ModelRegistry
from recommender.training.train import train
from tests.support.machine import Clock
from tests.support.recommender_histories import TableHistory, shop_history


class Free:
    """A lock nobody else wants."""

    def take(self) -> bool:
        return True

    def extend(self) -> bool:
        return True

    def release(self) -> bool:
        return True


def test_jobs_run_soon_and_again() -> None:
    ran = threading.Semaphore(0)
    schedule = Scheduler([Job("tick", ran.release, minutes=0.005, soon=True)], lambda _: Free())
    schedule.start()
    try:
        assert ran.acquire(timeout=5)
        assert ran.acquire(timeout=5)
    finally:
        schedule.stop()


@pytest.mark.redis
def test_one_trainer_at_a_time(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    entered, leave = threading.Event(), threading.Event()

    def slow() -> None:
        entered.set()
        leave.wait(10)

    def schedule(run: object) -> Scheduler:
        # The term is shorter than the job: the holder prolongs it.
        return Scheduler([Job("train", run, 60, "train:s")], lambda n: RedisLock(client, n, 0.5), hold=0.1)  # type: ignore[arg-type]

    other_ran: list[int] = []
    thread = threading.Thread(target=schedule(slow).run, args=("train",))
    thread.start()
    assert entered.wait(5)
    assert not leave.wait(0.8)
    assert not schedule(lambda: other_ran.append(1)).run("train")
    leave.set()
    thread.join()
    assert schedule(lambda: other_ran.append(2)).run("train")
    assert other_ran == [2]


def test_a_failed_run_leaves_the_live_model_and_says_so(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    registry = ModelRegistry(tmp_path, "s", clock=clock)
    version = train("s", TableHistory(shop_history(10)), registry, Params(iterations=1), clock).version

    def broken() -> None:
        raise OSError("disk full")

    with caplog.at_level(logging.ERROR):
        assert not Scheduler([Job("train", broken, 60, "train:s")], lambda _: Free()).run("train")
    assert "train failed" in caplog.text
    assert "disk full" in caplog.text
    assert registry.live_version() == version


@pytest.mark.redis
def test_the_command_does_not_train_beside_the_schedule(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"DATA": str(tmp_path), "PROFILES": redis_url, "LOG": f"{redis_url}?stream=e"}.items():
        monkeypatch.setenv(f"DANGOL_{name}", value)
    client = redis.Redis.from_url(redis_url)
    lock = RedisLock(client, "train", 60.0)
    assert lock.take()
    refused = CliRunner().invoke(main, ["train"])
    assert (refused.exit_code, "another process does this" in refused.output) == (1, True)
    assert lock.release()
    nothing = CliRunner().invoke(main, ["train"])
    assert "no product events yet" in nothing.output
    assert lock.take(), "a failed run leaves no lock behind"
    client.close()


def test_what_runs_once_a_day_runs_at_a_start_too(tmp_path: Path) -> None:
    """When it ran last is nowhere written: restarted every day, an installation would never get to it."""
    from dangol.jobs.schedule import DAY, table
    from dangol.settings import load

    jobs = table(load({"DANGOL_DATA": str(tmp_path), "DANGOL_PROFILES": "redis://127.0.0.1:1/0"}))
    assert [job.name for job in jobs if job.minutes >= DAY and not job.soon] == []
    assert {"retention", "scores"} <= {job.name for job in jobs if job.soon}
