"""Ingest that stands still is told: by a figure, by the doctor, and on every page of the desk."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dangol import compose
from dangol.doctor import doctor
from dangol.settings import load
from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.log.port import Backlog, LogUnavailable
from tracker.sites import Site
from web.health.ingest_progress import STILL_SECONDS, IngestLag, IngestProgress

pytestmark = pytest.mark.redis

STANDS = "New events have not been processed for"


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path / "stage", redis_url, site, clock)


def test_what_waits_is_told_from_what_gets_on(redis_url: str) -> None:
    log: dict[int, Backlog] = {}
    now = [1_000.0]
    one, other = (IngestProgress(redis_url, lambda: log, clock=lambda: now[0]) for _ in range(2))

    def after(seconds: float, **stands: tuple[int, int]) -> IngestLag:
        now[0] += seconds
        log.clear()
        log.update({int(name[1:]): Backlog(*stand) for name, stand in stands.items()})
        return one.look()

    assert after(0) == IngestLag(0, 0.0)
    assert after(10, p0=(5, 5)) == IngestLag(0, 0.0)
    assert after(9_000, p0=(6, 5)) == IngestLag(1, 0.0), "it was quiet for long; the event has just come"
    assert after(30, p0=(9, 5)) == IngestLag(4, 30.0)
    assert other.look() == IngestLag(4, 30.0), "another process knows since when"
    assert after(30, p0=(30, 6), p1=(2, 0)) == IngestLag(26, 0.0), "it got on"
    assert after(30, p0=(90, 60), p1=(2, 0)) == IngestLag(32, 30.0), (
        "one partition gets on, the other does not"
    )
    assert not after(60, p0=(90, 90), p1=(2, 0)).still
    assert after(STILL_SECONDS, p0=(90, 90), p1=(2, 0)).still
    assert after(-3_600, p0=(90, 90), p1=(2, 0)) == IngestLag(2, 0.0), "the clock was set back"
    assert after(1, p0=(1, 1), p1=(0, 0)) == IngestLag(0, 0.0), "the log was made anew"
    for each in (one, other):
        each.close()


def test_every_page_and_the_metrics_say_that_ingest_stands_still(stage: Stage) -> None:
    waits = [IngestLag(3, 5.0)]

    def now() -> IngestLag:
        return waits[0]

    def page(language: str = "en", ingest_waits: Callable[[], IngestLag] = now) -> str:
        desk = stage.with_health(ingest_waits=ingest_waits).desk()  # looks anew
        return str(desk.get("/desk/setup", headers={"Accept-Language": language}).text)

    assert STANDS not in page()
    waits[0] = IngestLag(12_345, 660.0)
    assert STANDS in page()
    assert "12,345" in page()
    assert "처리되지 않고" in page("ko")
    told = stage.with_health(ingest_waits=now).client.get("/metrics").text
    assert "dangol_ingest_lag_seconds 660.0" in told

    def away() -> IngestLag:
        raise LogUnavailable("away")

    assert STANDS not in page(ingest_waits=away)


def test_the_doctor_says_that_ingest_stands_still(
    tmp_path: Path, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = load({"DANGOL_DATA": str(tmp_path), "DANGOL_LOG": "memory://", "DANGOL_PROFILES": redis_url})
    assert doctor.ingest_gets_on(settings) == "nothing waits"
    log = compose.log(settings)
    monkeypatch.setattr(type(log), "backlog", lambda *_: {0: Backlog(7, 2)})
    assert doctor.ingest_gets_on(settings) == "5 events wait"
    progress = compose.progress(settings, log)
    for at, raw in progress._redis.hgetall("dg:ingest").items():
        done, since = json.loads(raw)
        progress._redis.hset("dg:ingest", at, f"[{done},{since - 500}]")
    with pytest.raises(
        doctor.IngestStands, match="5 events wait, and nothing was done with some of them for 50"
    ):
        doctor.ingest_gets_on(settings)
    progress.close()
    log.close()


def test_many_pages_ask_ingest_once(stage: Stage) -> None:
    """The answer costs a look at every partition of the log."""
    asked: list[int] = []

    def look() -> IngestLag:
        asked.append(1)
        return IngestLag(12_345, 660.0)

    desk = stage.with_health(ingest_waits=look).desk()
    assert all(STANDS in desk.get("/desk/setup").text for _ in range(3))
    assert asked == [1]
