"""Trainings of an installation: due by the clock, asked for by anybody, one failure no obstacle to the next site."""

import logging
import time
from pathlib import Path

import pytest
import redis
from click.testing import CliRunner

from dangol import compose
from dangol.cli import main
from dangol.jobs.jobs import Jobs
from dangol.jobs.schedule import table
from dangol.jobs.training import AGAIN_MS, Training
from dangol.settings import Settings
from recommender.data.params import Params
from recommender.jobs.lock import RedisLock
from recommender.jobs.runs import TRAINING_LOCK
from recommender.model.card import Card
from recommender.training.progress import Progress
from tests.support.machine import Clock
from tests.support.warehouse_rows import NOON, row
from tracker.sites import Sites, new_site

pytestmark = pytest.mark.redis
HOUR = 3600.0


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> Settings:
    return Settings(data=str(tmp_path), profiles=redis_url, log=f"{redis_url}?stream=e", train_hours=24.0)


def fill(settings: Settings, site: str = "default") -> None:
    rows = [
        row(
            NOON + n * 1000,
            site=site,
            id=f"{site}{n}",
            type="track",
            name="Product Viewed",
            product=f"p{n % 5}",
            profile=f"v{n % 7}",
            session=f"s{n % 7}",
        )
        for n in range(50)
    ]
    compose.warehouse(settings).append(rows, [], {})
    compose.model_registry(settings, site).params.write(Params(iterations=1))


def failing(settings: Settings, clock: Clock) -> None:
    def broken(_: Progress) -> Card:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        Training(settings, clock).runs.run("default", broken)


def test_due_without_a_model_and_a_while_after_the_last_training(settings: Settings, clock: Clock) -> None:
    fill(settings)
    training = Training(settings, clock)
    assert training.due("default")
    card = training.run("default")
    assert not training.due("default")
    clock.advance(23 * HOUR)
    assert not Training(settings, clock).due("default")
    clock.advance(2 * HOUR)
    assert Training(settings, clock).due("default"), "though the process was started a moment ago"
    (compose.model_registry(settings, "default").folder / "live").unlink()
    clock.now = card.made / 1000
    assert training.due("default"), "nothing serves"


def test_a_failed_training_is_not_tried_again_at_once(settings: Settings) -> None:
    fill(settings)
    clock = Clock(time.time())
    failing(settings, clock)
    training = Training(settings, clock)
    clock.now = time.time()
    assert not training.due("default")
    clock.advance(AGAIN_MS / 1000 + 60)
    assert training.due("default")


def test_what_is_asked_for_is_trained_though_not_due(settings: Settings) -> None:
    fill(settings)
    jobs = Jobs(settings)
    jobs.train_asked()
    registry = compose.model_registry(settings, "default")
    assert registry.cards() == [], "nobody asked"
    jobs.train()
    assert len(registry.cards()) == 1
    jobs.train()
    assert len(registry.cards()) == 1, "not due"
    run = compose.runs(settings).request("default")
    lock = RedisLock(redis.Redis.from_url(settings.profiles_uri), TRAINING_LOCK)
    assert lock.take()
    jobs.train_asked()
    assert len(registry.cards()) == 1, "a refresh runs"
    lock.release()
    jobs.train_asked()
    assert len(registry.cards()) == 2
    done = compose.runs(settings).read("default")
    assert done is not None and (done.id, done.state) == (run.id, "done")
    assert done.version == registry.cards()[0].version
    assert (done.accepted, done.reason) == (False, "not shown"), "no visit is newer than what serves"
    jobs.train_asked()
    assert len(registry.cards()) == 2, "once for each time it was asked for"


def test_one_site_s_failure_is_told_and_the_next_is_trained(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = Jobs(settings)
    Sites(settings.sites_file).save(new_site("second"))
    fill(settings)
    fill(settings, "second")
    registries = [compose.model_registry(settings, site) for site in ("default", "second")]
    registries[0].params.path.write_text("factors = 'many'")
    with caplog.at_level(logging.ERROR):
        jobs.train()
    assert "site default: training failed" in caplog.text
    assert [registry.live_version() is None for registry in registries] == [True, False]
    run = compose.runs(settings).read("default")
    assert run is not None and run.failures == 1 and "factors" in run.message


def test_an_empty_site_is_no_failure(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        Jobs(settings).train()
    assert not caplog.records
    assert Training(settings).due("default"), "until its first events come in"


def test_the_schedule_looks_for_wishes_within_seconds(settings: Settings) -> None:
    jobs = {job.name: job for job in table(settings)}
    assert jobs["train asked for"].minutes * 60 <= 10 and not jobs["train asked for"].lock
    assert jobs["refresh"].lock == TRAINING_LOCK, "it does not publish while a training does"


def test_the_commands_tell_what_runs(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("data", "profiles", "log"):
        monkeypatch.setenv(f"DANGOL_{name.upper()}", getattr(settings, name))
    fill(settings)
    done = CliRunner().invoke(main, ["train"])
    assert done.exit_code == 0 and "5 items" in done.output
    run = compose.runs(settings).read("default")
    assert run is not None and run.state == "done"
    seen: list[str] = []

    def watched(progress: Progress) -> Card:
        progress.stage("learn")
        seen.append(CliRunner().invoke(main, ["models"]).output)
        busy = CliRunner().invoke(main, ["train"])
        assert (busy.exit_code, "another process does this" in busy.output) == (1, True)
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        compose.runs(settings).run("default", watched)
    assert "training: learn, 50 %" in seen[0]
    listed = CliRunner().invoke(main, ["models"]).output
    assert "the last training failed: disk full" in listed and f"{run.version}\t5 items" in listed
