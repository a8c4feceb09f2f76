"""Runs of the scores on a real Redis: requested once, taken up, done, failed, and found dead."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from customers.scoring.runs import ScoreRun, ScoreRuns, ScoresRequested
from tests.support.machine import Clock
from tracker.redis_connection import connect

pytestmark = pytest.mark.redis


def runs_of(url: str, held: bool = True) -> ScoreRuns:
    return ScoreRuns(connect(url, 5.0), lambda: held, Clock(1000.0))


def test_a_run_is_requested_once_however_many_ask(redis_url: str) -> None:
    def ask(_: int) -> bool:
        try:
            return runs_of(redis_url).request("shop").state == "waiting"
        except ScoresRequested:
            return False

    runs = runs_of(redis_url)
    assert runs.read("shop") is None and not runs.is_requested("shop")
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(ask, range(24))) == 1
    assert runs.is_requested("shop") and not runs.is_requested("other")
    assert runs.read("shop") == ScoreRun(asked=1_000_000)


def test_a_run_takes_the_request_and_tells_how_it_went(redis_url: str) -> None:
    runs = runs_of(redis_url)
    runs.request("shop")

    def work() -> int:
        assert not runs.is_requested("shop")
        during = runs.read("shop")
        assert during and during.state == "running"
        with pytest.raises(ScoresRequested):
            runs.request("shop")
        return 7

    assert runs.run("shop", work) == 7
    done = runs.read("shop")
    assert done and (done.state, done.written, done.finished) == ("done", 7, 1_000_000)
    assert runs.request("shop").state == "waiting", "the next one may be asked for"

    def broken() -> int:
        raise ValueError("no disk " * 100)

    with pytest.raises(ValueError, match="no disk"):
        runs.run("shop", broken)
    failed = runs.read("shop")
    assert (
        failed
        and failed.state == "failed"
        and failed.message.startswith("no disk")
        and len(failed.message) <= 300
    )


def test_a_run_whose_process_died_has_failed(redis_url: str) -> None:
    class Killed(BaseException):
        pass

    runs = runs_of(redis_url)
    kept, runs._keep = runs._keep, lambda site, run: kept(site, run) if run.state == "running" else None  # type: ignore[method-assign]

    def work() -> int:
        raise Killed

    with pytest.raises(Killed):
        runs.run("shop", work)
    during, after = runs_of(redis_url).read("shop"), runs_of(redis_url, held=False).read("shop")
    assert during and during.state == "running"
    assert after and after.state == "failed" and "ended" in after.message
    assert runs_of(redis_url, held=False).request("shop").state == "waiting"
