"""A clock that was wrong is set right: work goes on within one of its usual intervals, whatever had been noted before.

Each test runs with the clock two hours ahead, and puts it back; or with it two hours behind, and puts it forward.
"""

import os
import re
import threading
import time
from contextlib import closing
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest
import redis

from dangol.history.interactions import InteractionHistory
from dangol.jobs.training import AGAIN_MS, Training
from dangol.machine import heartbeat
from dangol.settings import Settings
from ingest.dead_letters import DeadLetters
from ingest.worker.worker import Bounds, Worker
from offers.audience.visitor import View
from offers.campaign.campaign import Budget, Cap
from offers.decision.budget import HOLD_MS, SLICE_MS, BudgetStore, Spent
from offers.decision.caps import CapRequest, CapStore
from offers.segments.membership import AGAIN_MS as SEGMENTS_MS
from offers.segments.membership import Membership, ProgressStore
from offers.segments.segment import parse_segment
from offers.segments.store import SegmentStore
from profiles.erasures import RedisErased
from profiles.model import Profile, Session, Touch
from profiles.redis.store import RedisProfiles
from profiles.sansio import run_sync
from recommender.catalogue.catalogue import Catalogue
from recommender.catalogue.item import Item
from recommender.catalogue.redis import RedisItems
from recommender.data.params_file import ParamsFile
from recommender.jobs.lock import RedisLock
from recommender.jobs.runs import TrainingRuns
from recommender.jobs.scheduler import Job, Scheduler
from tests.support.ingest_streams import event, records, simple_facts, sites_of
from tests.support.machine import FOLDERS, ROOT, Clock
from tests.support.sites import UTC_SITE
from tests.support.warehouse_rows import row
from tracker.admission.buckets import RedisBuckets
from tracker.admission.limits import Limiter, Rate
from tracker.admission.privacy import DailySalt
from tracker.durations import DAY_MS, HOUR_MS
from tracker.log.memory import MemoryLog
from tracker.log.redis.event_log import RedisLog
from tracker.machine_clock import CLOCK_SKEW_MS, passed
from tracker.metrics import STUCK_SECONDS, Spooled
from tracker.sites import Site
from warehouse.delta import Warehouse
from web.access.sign_in_limit import TRIES, WINDOW_SECONDS, LocalSignInLimit, RedisSignInLimit, SignInLimit
from web.me.passes import LIFE, Kind, Pass, PassInvalid, PassSigner
from web.reports.cache import ReportCache

HOUR = 3600.0
JUMPS = pytest.mark.parametrize("jump", [-2 * HOUR, 2 * HOUR, -60 * 24 * HOUR])
"""By how much the clock is put, seconds."""


# The rule


@JUMPS
@pytest.mark.parametrize("period", [30_000, HOUR_MS, DAY_MS])
def test_a_period_passes_within_itself_after_a_jump(jump: float, period: int, clock: Clock) -> None:
    since = int(clock() * 1000)
    clock.advance(jump)
    now, step = int(clock() * 1000), period // 10
    assert any(passed(since, now + n * step, period) for n in range(11))  # whoever asks ten times an interval
    assert not passed(since, since + period - 1, period) and passed(since, since + period, period)
    assert not passed(
        since, since - min(period, CLOCK_SKEW_MS), period
    )  # another machine's clock, a little behind


# The schedule


class FakeDate(datetime):
    clock: Clock

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.fromtimestamp(cls.clock() + time.monotonic() - START, tz)


START = time.monotonic()


@pytest.mark.slow
@JUMPS
def test_scheduled_jobs_go_on(
    jump: float, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    FakeDate.clock = clock
    for module in ("schedulers.base", "triggers.interval", "executors.base"):
        monkeypatch.setattr(f"apscheduler.{module}.datetime", FakeDate)
    ran = threading.Semaphore(0)
    lock: Any = type(
        "Free", (), {"take": lambda _: True, "extend": lambda _: True, "release": lambda _: True}
    )
    schedule = Scheduler(
        [Job("tick", ran.release, minutes=1 / 60)], lambda _: lock(), wall=lambda: FakeDate.now().timestamp()
    )
    schedule.start()
    try:
        assert ran.acquire(timeout=20)
        clock.advance(jump)
        while ran.acquire(blocking=False):
            pass
        for _ in range(3):
            assert ran.acquire(timeout=20), "the job stands still until the clock is where it was"
    finally:
        schedule.stop()
    assert "the clock was set" in caplog.text


# Limits


@JUMPS
def test_a_rate_bucket_earns_on(jump: float, clock: Clock) -> None:
    limiter = Limiter(Rate(10, 20), clock=clock)
    assert limiter.admit("key", 20) is None
    clock.advance(jump)
    limiter.admit("key", 1)
    clock.advance(1)
    assert limiter.admit("key", 9) is None


@pytest.mark.redis
def test_a_shared_rate_bucket_earns_on(redis_url: str) -> None:
    """The clock is Redis's own: what stands there was written when it was two hours ahead."""
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.hset("dg:limit:key", mapping={"t": 20, "at": time.time() + 2 * HOUR})
        buckets = RedisBuckets(redis_url)
        assert sum(buckets.take("key", 1, 10, 20) for _ in range(20)) == 20


@pytest.fixture(params=["local", "shared"])
def limit(request: pytest.FixtureRequest, clock: Clock) -> Any:
    if request.param == "local":
        return LocalSignInLimit(clock)
    return RedisSignInLimit(request.getfixturevalue("redis_url"), clock, timeout=10)


@JUMPS
def test_nobody_is_locked_out_for_longer_than_the_window(
    jump: float, clock: Clock, limit: SignInLimit
) -> None:
    for _ in range(TRIES + 3):
        limit.wait("203.0.113.9")
    clock.advance(jump)
    assert limit.wait("203.0.113.9") <= WINDOW_SECONDS
    clock.advance(WINDOW_SECONDS)
    assert limit.wait("203.0.113.9") == 0
    for _ in range(TRIES):
        limit.wait("203.0.113.9")
    assert limit.wait("203.0.113.9") > 0, "and after it tries are limited as ever"


# Offers


@pytest.mark.redis
@pytest.mark.parametrize("known", [True, False], ids=["session known", "session unknown"])
@pytest.mark.parametrize("per", ["session", "hour"])
@JUMPS
def test_a_cap_opens_again(jump: float, per: Any, known: bool, redis_url: str, clock: Clock) -> None:
    store, ask = CapStore(redis_url, timeout=10), CapRequest("c", (Cap(limit=1, per=per),))
    noted = int(clock() * 1000)
    profile = Profile("v:a", sessions=[Session("s", noted, noted, Touch())] if known else [])

    def shown() -> bool:
        view = View(profile, int(clock() * 1000), UTC_SITE)
        return run_sync(store.take("default", view, [[ask]]))[0].shown is not None

    assert [shown(), shown()] == [True, False]
    clock.advance(jump)
    shown()
    clock.advance(HOUR + 60)  # a session ends after half an hour
    assert [shown(), shown()] == [True, False], "it opens, and holds as ever"


@pytest.mark.redis
@JUMPS
def test_a_budget_is_given_back(jump: float, redis_url: str, clock: Clock) -> None:
    store, budget = BudgetStore(redis_url, timeout=10), Budget(impressions=10)
    now = int(clock() * 1000)
    assert sum(run_sync(store.reserve("default", "c", budget, now)) for _ in range(20)) == 10
    now += int(jump * 1000)
    store.confirm("default", [Spent("c", 2, 0)], now, now)
    later = now + HOLD_MS + SLICE_MS
    store.confirm("default", [Spent("c", 2, 0)], later, later)
    other = BudgetStore(redis_url, timeout=10)
    assert sum(run_sync(other.reserve("default", "c", budget, later)) for _ in range(20)) >= 7


@pytest.mark.redis
@JUMPS
def test_segments_are_asked_again(jump: float, redis_url: str, clock: Clock, site: Site) -> None:
    segments = SegmentStore(redis_url)
    segments.put("default", parse_segment({"name": "All", "audience": "visits >= 0"}, "all"))
    job = Membership(segments, ProgressStore(redis_url), RedisProfiles(redis_url), clock)
    job.run(site)
    assert not job.due(site)
    clock.advance(jump)
    clock.advance(SEGMENTS_MS / 1000 + 1)
    assert job.due(site)


# Models


@pytest.mark.redis
@JUMPS
def test_a_training_that_failed_is_tried_again(
    jump: float, tmp_path: Path, redis_url: str, clock: Clock
) -> None:
    settings = Settings(data=str(tmp_path), profiles=redis_url, log=f"{redis_url}?stream=e")
    training = Training(settings, clock)
    training.runs = TrainingRuns(redis.Redis.from_url(redis_url), clock)
    with pytest.raises(OSError, match="disk full"):
        training.runs.run("default", broken)
    assert not training.due("default")
    clock.advance(jump)
    clock.advance(AGAIN_MS / 1000 + 1)
    assert training.due("default")


def broken(_: object) -> Any:
    raise OSError("disk full")


@JUMPS
def test_parameters_and_items_are_looked_for_again(
    jump: float, tmp_path: Path, redis_url: str, clock: Clock
) -> None:
    params = ParamsFile(tmp_path / "params.toml", clock)
    shown, other = (Catalogue(RedisItems(redis.Redis.from_url(redis_url), "s"), clock) for _ in range(2))
    shown.refresh()
    assert params.current().iterations != 7
    clock.advance(jump)
    (tmp_path / "params.toml").write_text("iterations = 7\n")
    other.put([Item(id="new")])
    clock.advance(1)
    shown.refresh()
    assert params.current().iterations == 7 and shown.get("new")


def test_one_event_of_the_future_moves_no_window(tmp_path: Path, clock: Clock) -> None:
    house = Warehouse(str(tmp_path))
    now = int(clock() * 1000)
    views = [(now - n * 60_000, f"e{n}") for n in range(5)] + [(now + 5 * 365 * DAY_MS, "far")]
    house.append(
        [row(ts, id=name, type="track", name="Product Viewed", product="p") for ts, name in views], [], {}
    )
    assert len(InteractionHistory(house, lambda _: "EUR", clock).interactions("default", 90)) == 6


# Locks and leases: Redis keeps the moment of their end


@pytest.mark.redis
def test_a_dead_holders_lock_runs_out(redis_url: str) -> None:
    client = redis.Redis.from_url(redis_url)
    assert RedisLock(client, "job", 1.0).take()
    client.pexpire("dg:lock:job", 7_200_000)  # what is left of it after Redis's clock was set back
    waiting = RedisLock(client, "job", 1.0)
    assert not waiting.take()
    assert client.pttl("dg:lock:job") <= 1000
    client.close()


@pytest.mark.redis
def test_a_dead_consumers_partitions_are_free_within_a_lease(redis_url: str) -> None:
    url = f"{redis_url}?stream=jump&shards=2&lease=1"
    client = redis.Redis.from_url(redis_url)
    with closing(RedisLog(url)) as log:
        dead = log.consumer("ingest", "dead")
        dead._closed.set()  # type: ignore[attr-defined]  # it dies without a word
        dead._thread.join()  # type: ignore[attr-defined]
        for key in client.scan_iter("*"):
            if client.type(key) == b"zset":
                for name, end in client.zrange(key, 0, -1, withscores=True):
                    client.zadd(key, {name: end + 7_200_000})
                client.pexpire(key, 7_200_000)
            elif client.pttl(key) > 0:
                client.pexpire(key, 7_200_000)
        with closing(log.consumer("ingest", "next")) as taker:
            log.append(records([event("1"), event("2", visitor="other")]))
            end, found = time.monotonic() + 30, 0
            while found < 2 and time.monotonic() < end:
                found += len(taker.poll(10, 0.2))
    client.close()
    assert found == 2


# Ingest


@pytest.mark.redis
@JUMPS
def test_ingest_flushes_on(jump: float, tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> None:
    log, house = MemoryLog("memory://?partitions=1"), Warehouse(str(tmp_path / "warehouse"))
    store = RedisProfiles(redis_url)
    worker = Worker(
        log=log,
        store=store,
        warehouse=house,
        sites=sites_of(tmp_path, site),
        facts=simple_facts,
        deadletters=DeadLetters(tmp_path),
        erased=RedisErased(store.client),
        bounds=Bounds(batch=100, poll_seconds=0.0, flush_seconds=60),
        clock=clock,
    )
    with closing(worker):
        log.append(records([event("1")]))
        worker.step()
        assert not worker._flush_due()
        worker._flush_after, worker._pause = clock() + 5, 5.0  # a store was away
        clock.advance(jump)
        clock.advance(60)
        assert worker._flush_due()
        worker.decoder.sites.refresh = lambda *_: looked.append(1)  # type: ignore[method-assign]
        looked: list[int] = []
        worker._refresh()
        clock.advance(jump)
        clock.advance(10)
        worker._refresh()
        assert len(looked) == 2


# What is told


@JUMPS
def test_a_hung_process_is_found(jump: float, tmp_path: Path, clock: Clock) -> None:
    file = heartbeat.file_of(tmp_path, "ingest")
    file.parent.mkdir()
    file.touch()
    os.utime(file, (clock(), clock()))
    assert heartbeat.fault(tmp_path, "ingest", clock()) is None
    clock.advance(jump)
    assert heartbeat.fault(tmp_path, "ingest", clock() + heartbeat.QUIET_SECONDS["ingest"] + 1)


@JUMPS
def test_events_that_wait_on_disk_are_told_of(jump: float, clock: Clock) -> None:
    found = Spooled(1, 100, clock())
    assert not found.stuck(clock())
    clock.advance(jump)
    assert found.stuck(clock() + STUCK_SECONDS + 1)


@JUMPS
def test_an_answer_is_counted_again(jump: float, clock: Clock) -> None:
    cache, made = ReportCache(clock), []

    def make() -> int:
        clock.advance(10)
        made.append(1)
        return len(made)

    assert cache.answer("q", make, 20.0)[0] == 1 == cache.answer("q", make, 20.0)[0]
    clock.advance(jump)
    clock.advance(21)
    assert cache.answer("q", make, 20.0)[0] == 2


@JUMPS
def test_a_visitor_without_a_name_is_one_within_the_day(jump: float, tmp_path: Path, clock: Clock) -> None:
    salts = [DailySalt(tmp_path, clock) for _ in range(2)]
    clock.advance(jump)
    assert len({salt.visitor("s", "203.0.113.0", "UA") for salt in salts}) == 1


# Whatever else measures by the wall clock

WALL = re.compile(r"(?:= |\()time\.time\b(?!\()")
"""A clock that is handed on, which something may measure an interval by."""


@pytest.mark.parametrize("kind", ["link", "form"])
def test_a_link_of_a_clock_that_was_ahead_opens_and_still_runs_out(kind: Kind) -> None:
    signer, now = PassSigner("s" * 40), 1_800_000_000
    signed = signer.sign(Pass("default", "u:kim", kind, "link", now + LIFE[kind] // 2))
    assert signer.read(signed, kind, now).id == "u:kim"
    with pytest.raises(PassInvalid):
        signer.read(signed, kind, now + 2 * LIFE[kind])


def test_each_wall_clock_is_known() -> None:
    """Whoever adds one says here why it may be set without harm; what counts an interval takes time.monotonic."""
    found = {
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if WALL.search(path.read_text())
    }
    assert found == HERE | STAMPS


HERE = {
    # tried above, with erasure in tests/dangol/test_erasure.py
    *(
        "web/reports/cache.py",
        "web/access/sign_in_limit.py",
        "ingest/worker/worker.py",
        "offers/segments/membership.py",
        "offers/decision/decider.py",
    ),
    *(
        "dangol/jobs/training.py",
        "dangol/history/erasure.py",
        "dangol/history/interactions.py",
        "recommender/data/params_file.py",
    ),
    *(
        "recommender/model/registry.py",
        "recommender/catalogue/catalogue.py",
        "recommender/jobs/scheduler.py",
        "recommender/jobs/runs.py",
    ),
    *("tracker/app.py", "tracker/delivery/spool_backlog.py", "tracker/metrics.py"),
}
STAMPS = {
    # due at a moment of the calendar, which is the wall clock's to tell; what was made due is claimed by Redis's clock
    *("messages/occasions/consumer.py", "messages/occasions/sweep.py"),
    # says when something was, and waits for nothing
    *(
        "offers/coupons/pool.py",
        "recommender/feeds/sync.py",
        "dangol/jobs/duplicates.py",
        "dangol/jobs/notices.py",
        "customers/scoring/runs.py",
        "ingest/rebuild/classification_runs.py",
        "web/imports/jobs.py",
    ),
    # asks ``tracker.machine_clock.passed``, or the earlier of mark and now, which a clock that was ahead cannot stop
    *("dangol/jobs/feeds.py", "dangol/shops/reconciliation.py"),
    *(
        "web/access/audit.py",
        "web/stores.py",
        "web/personalize/decision_log.py",
        "offers/decision/decision_counts.py",
        "offers/feedback_job.py",
    ),
    *(
        "recommender/serving/recommender.py",
        "recommender/training/train.py",
        "recommender/training/refresh.py",
        "warehouse/question/span.py",
    ),
    *(
        "warehouse/tables/repair.py",
        "ingest/dead_letters.py",
        "ingest/worker/log_generations.py",
        "ingest/rebuild/rebuild.py",
    ),
    *(
        "ingest/access_log/importer.py",
        "dangol/backup/backup.py",
        "dangol/jobs/scoring.py",
        "dangol/history/watermark.py",
    ),
    *("dangol/archive/erasure_log.py", "dangol/doctor/doctor.py"),
    # a wait that seems to begin in the future begins anew: tests/web/test_ingest_banner.py
    "web/health/ingest_progress.py",
}
