"""Several web processes of one installation: they share what must be shared, over one Redis."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.support.machine import Clock, RedisServer, free_port
from tests.support.redis_cluster import RedisCluster
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tracker.sites import Site
from warehouse.events import Events
from warehouse.question.scope import Scope
from web.access.sign_in_limit import (
    ADDRESSES_KEPT,
    TRIES,
    WINDOW_SECONDS,
    LocalSignInLimit,
    RedisSignInLimit,
    SignInLimit,
)
from web.reports.cache import ReportCache
from web.reports.cancellation import Cancellation, Cancellations

WAIT = 60.0
ENDLESS = "select count(*) as visitors from range(100000000000) a, range(1000) b where a.range + b.range = 7"


@pytest.fixture
def workers(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> tuple[Stage, Stage]:
    """Two applications on the same folder and the same Redis, as two processes have them."""
    first, second = (stage_of(tmp_path, redis_url, site, clock, patience_seconds=0.05) for _ in range(2))
    return first, second


def tries(client: FlaskClient, password: str) -> int:
    form = {"user": "admin", "password": password, "csrf": csrf_of(client.get("/desk/login").text)}
    return client.post("/desk/login", data=form).status_code


def test_wrong_passwords_count_in_all_processes_together(workers: tuple[Stage, Stage], clock: Clock) -> None:
    here, there = (stage.client for stage in workers)
    assert [tries(client, "wrong") for client in (here, there) * (TRIES // 2)] == [401] * TRIES
    assert tries(here, PASSWORD) == tries(there, PASSWORD) == 429
    clock.advance(WINDOW_SECONDS + 1)
    assert tries(there, PASSWORD) == 302


def test_a_session_is_one_of_all_processes(workers: tuple[Stage, Stage]) -> None:
    here, there = workers
    assert moved(here.desk(), there).get("/desk/setup").status_code == 200
    there.users.put("mark", PASSWORD, "marketer")
    mark = here.desk("mark")
    there.users.remove("mark")
    assert mark.get("/desk/setup").status_code == 302


def test_a_count_is_stopped_from_another_process(
    workers: tuple[Stage, Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = workers
    began, ended = threading.Semaphore(0), threading.Semaphore(0)

    def endless(events: Events, *_: object) -> None:
        began.release()
        try:
            events.rows(ENDLESS, Scope("default"))
        finally:
            ended.release()

    monkeypatch.setattr("web.reports.catalogue.overview", endless)
    desk = here.desk()
    waiting = desk.get("/desk?metric=orders").text
    other = moved(desk, there)
    also = other.get("/desk?metric=orders").text  # a page that asks again may come to another process
    assert "Calculating" in waiting and "Calculating" in also
    assert began.acquire(timeout=WAIT) and began.acquire(timeout=WAIT)
    job = job_of(waiting)
    assert job == job_of(also)
    form = {"csrf": csrf_of(waiting), "job": job, "again": "/desk?metric=orders"}
    assert other.post("/desk/cancel", data=form).status_code == 302
    assert ended.acquire(timeout=WAIT) and ended.acquire(timeout=WAIT)


def test_a_job_has_a_name_that_nobody_outside_can_say() -> None:
    """Its name is made with the installation's secret: nobody can say it who has not seen the page."""
    assert ReportCache(key=b"a")._id("q") == ReportCache(key=b"a")._id("q") != ReportCache(key=b"b")._id("q")


def job_of(page: str) -> str:
    return page.partition('name="job" value="')[2].partition('"')[0]


def moved(client: FlaskClient, stage: Stage) -> FlaskClient:
    """The same browser, whose next request another process answers."""
    cookie = client.get_cookie("dangol_desk", path="/desk")
    assert cookie is not None
    other = stage.client
    other.set_cookie("dangol_desk", cookie.value, path="/desk")
    return other


@pytest.fixture(params=["local", "shared"])
def limit(request: pytest.FixtureRequest, clock: Clock) -> Iterator[SignInLimit]:
    if request.param == "local":
        yield LocalSignInLimit(clock)
        return
    with closing(RedisSignInLimit(request.getfixturevalue("redis_url"), clock, timeout=10)) as shared:
        yield shared


def test_tries_count_in_a_cluster_too(cluster: RedisCluster, clock: Clock) -> None:
    with closing(RedisSignInLimit(cluster.url, clock, timeout=10)) as limit:
        assert [limit.wait("a") for _ in range(TRIES)] == [0] * TRIES
        assert limit.wait("a") == pytest.approx(WINDOW_SECONDS)
        limit.right("a")
        assert limit.wait("a") == 0


def test_tries_are_few_and_forgotten(limit: SignInLimit, clock: Clock) -> None:
    assert [limit.wait("a") for _ in range(TRIES)] == [0] * TRIES
    assert limit.wait("a") == pytest.approx(WINDOW_SECONDS) and limit.wait("b") == 0
    clock.advance(WINDOW_SECONDS - 1)
    assert limit.wait("a") == pytest.approx(1)  # asking in vain does not make it longer
    clock.advance(2)
    assert limit.wait("a") == 0


def test_a_right_password_takes_back_one_try(limit: SignInLimit) -> None:
    for _ in range(TRIES - 1):
        limit.wait("a")
    for _ in range(3):
        assert limit.wait("a") == 0
        limit.right("a")
    assert limit.wait("a") == 0 < limit.wait("a")


def test_many_at_once_get_no_more_tries(limit: SignInLimit) -> None:
    let_in: list[float] = []
    at_once([lambda: let_in.append(limit.wait("a"))] * 4 * TRIES)
    assert let_in.count(0) == TRIES


def at_once(work: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=each) for each in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)


def test_addresses_are_bounded(clock: Clock) -> None:
    limit = LocalSignInLimit(clock)
    for number in range(ADDRESSES_KEPT + 50):
        limit.wait(str(number))
    assert len(limit._tries) <= ADDRESSES_KEPT


def test_without_redis_each_process_counts_its_own(clock: Clock) -> None:
    limit = RedisSignInLimit(f"redis://127.0.0.1:{free_port()}/0", clock)
    assert [limit.wait("a") for _ in range(TRIES)] == [0] * TRIES
    limit.right("a")
    assert limit.wait("a") == 0 < limit.wait("a")


def test_stops_reach_every_process_of_a_cluster_too(cluster: RedisCluster) -> None:
    here, there = Cancellations(cluster.url, timeout=10), Cancellations(cluster.url, timeout=10)
    heard: list[Cancellation] = []
    came = threading.Semaphore(0)

    def do(stop: Cancellation) -> None:
        heard.append(stop)
        came.release()

    here.hear(do)
    there.say(Cancellation("job", 2.0))
    assert came.acquire(timeout=WAIT) and heard == [Cancellation("job", 2.0)]
    here.close()
    there.close()


def test_listening_goes_on_after_redis_was_away(own_redis: RedisServer) -> None:
    heard: list[str] = []
    came = threading.Semaphore(0)

    def do(stop: Cancellation) -> None:
        heard.append(stop.job)
        came.release()

    here, there = Cancellations(own_redis.url, timeout=10), Cancellations(own_redis.url, timeout=10)
    before = set(threading.enumerate())
    here.hear(do)
    here.hear(do)  # once, however often it is asked
    there.say(Cancellation("first", 1.0))
    assert came.acquire(timeout=WAIT)
    (thread,) = (each for each in threading.enumerate() if each.name == "stops" and each not in before)
    own_redis.kill()
    thread.join(WAIT)
    assert not thread.is_alive()
    here.hear(do)  # away: it says so in the log, and the page comes all the same
    own_redis.start()
    here.hear(do)
    there.say(Cancellation("second", 1.0))
    assert came.acquire(timeout=WAIT) and heard == ["first", "second"]
    last = [each for each in threading.enumerate() if each.name == "stops" and each not in before]
    own_redis.kill()
    for each in last:
        each.join(WAIT)
    here.close()
    there.close()
