"""Rates, origins and nesting."""

import asyncio
import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import Clock, RedisServer
from tests.support.redis_cluster import RedisCluster
from tests.support.tracker_app import Client, ListLog
from tracker.admission import limits
from tracker.admission.buckets import RedisBuckets
from tracker.admission.limits import Limiter, Rate
from tracker.app import RECORD_LIMIT, Tracker
from tracker.http.address import attempts_key, subscriber
from tracker.log.kafka.event_log import LARGEST_RECORD
from tracker.protocols import snowplow
from tracker.refusal import Refusal
from tracker.sites import Site, Sites


def test_a_bucket_lets_a_burst_through_and_then_the_rate(clock: Clock) -> None:
    limiter = Limiter(Rate(10, 20), clock=clock)
    assert all(limiter.admit("a", 1) is None for _ in range(20))
    refusal = limiter.admit("a", 1)
    assert isinstance(refusal, Refusal)
    assert (refusal.status, refusal.code, refusal.retry_after) == (429, "rate_limited", 1.0)
    assert limiter.admit("b", 1) is None, "each caller has its own"
    clock.advance(1)
    assert sum(limiter.admit("a", 1) is None for _ in range(20)) == 10


def test_a_batch_above_the_burst_passes_a_full_bucket_once(clock: Clock) -> None:
    limiter = Limiter(Rate(10, 20), clock=clock)
    assert limiter.admit("a", 50) is None
    assert isinstance(limiter.admit("a", 1), Refusal)
    clock.advance(3)
    assert isinstance(limiter.admit("a", 1), Refusal)
    clock.advance(0.2)
    assert limiter.admit("a", 1) is None


def test_memory_is_bounded(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BUCKETS_KEPT", 10)
    limiter = Limiter(Rate(1, 1), clock=clock)
    for n in range(100):
        limiter.admit(str(n), 1)
    assert len(limiter._buckets) == 10


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not look like a Redis that is away."""
    monkeypatch.setattr("tracker.admission.buckets.TIMEOUT", 10.0)


@pytest.mark.redis
@pytest.mark.usefixtures("patient")
def test_processes_share_a_bucket_in_redis(redis_url: str) -> None:
    share(redis_url)


@pytest.mark.slow
@pytest.mark.redis
@pytest.mark.usefixtures("patient")
def test_processes_share_a_bucket_in_a_cluster(tmp_path: Path) -> None:
    nodes = RedisCluster(tmp_path)
    try:
        share(nodes.url)
    finally:
        nodes.stop()


def test_a_cluster_that_is_away_limits_nobody() -> None:
    buckets = RedisBuckets("redis+cluster://127.0.0.1:1")
    assert asyncio.run(buckets("a", 3.0, 1.0, 1.0)) == 3.0


def share(url: str) -> None:
    """Three processes' limiters let through one burst together."""
    limiters = [Limiter(Rate(10, 100), RedisBuckets(url)) for _ in range(3)]

    async def all_at_once() -> int:
        asked = [limiter.admit_shared("a", 1) for _ in range(60) for limiter in limiters]
        return sum(refusal is None for refusal in await asyncio.gather(*asked))

    started = time.monotonic()
    admitted = asyncio.run(all_at_once())
    refilled = 10 * (time.monotonic() - started)
    assert 100 <= admitted <= 100 + refilled + 1


@pytest.mark.redis
@pytest.mark.usefixtures("patient")
def test_without_redis_nobody_is_locked_out(own_redis: RedisServer) -> None:
    async def one_after_another() -> None:
        limiter = Limiter(Rate(1, 1), RedisBuckets(own_redis.url))
        assert await limiter.admit_shared("a", 1) is None
        assert isinstance(await limiter.admit_shared("a", 1), Refusal)
        own_redis.kill()
        assert await limiter.admit_shared("a", 1) is None

    asyncio.run(one_after_another())


@pytest.mark.redis
def test_a_redis_that_hangs_holds_up_nobody_else(own_redis: RedisServer) -> None:
    async def others_go_on() -> None:
        assert own_redis.process
        limiter = Limiter(Rate(1, 1), RedisBuckets(own_redis.url))
        own_redis.process.send_signal(signal.SIGSTOP)
        asked = asyncio.create_task(limiter.admit_shared("a", 1))
        turns = 0
        while not asked.done():
            turns += 1
            await asyncio.sleep(0)
        assert asked.result() is None
        assert turns > 3, "the event loop stood still while Redis was asked"

    asyncio.run(others_go_on())


def tracker(tmp_path: Path, site: Site, **options: Any) -> Tracker:
    sites = Sites(tmp_path / "sites.json")
    sites.save(site)
    return Tracker(sites, ListLog(), **options)


BODY = b'{"writeKey":"wk_test","userId":"u","event":"E"}'


def test_too_many_events_are_a_429_with_retry_after(tmp_path: Path, site: Site) -> None:
    for options in ({"key_rate": Rate(1, 3)}, {"address_rate": Rate(1, 3)}):
        call = Client(tracker(tmp_path, site, **options))
        answers = [call("POST", "/v1/track", BODY, REMOTE_ADDR="203.0.113.7") for _ in range(4)]
        assert [answer.status for answer in answers] == [200, 200, 200, 429]
        assert answers[3].headers["retry-after"] == "1"
        assert b'code="rate_limited"} 1.0' in call.tracker.metrics.text()
        other = call("POST", "/v1/track", BODY, REMOTE_ADDR="198.51.100.1")
        assert other.status == (200 if "address_rate" in options else 429)
        call.tracker.close()


def test_the_sites_own_server_has_no_limit(tmp_path: Path, site: Site) -> None:
    call = Client(tracker(tmp_path, site, key_rate=Rate(1, 3), address_rate=Rate(1, 3)))
    body = BODY.replace(b"wk_test", site.secret_key.encode())
    answers = [call("POST", "/v1/track", body, REMOTE_ADDR="203.0.113.7") for _ in range(9)]
    assert {answer.status for answer in answers} == {200}
    call.tracker.close()


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2::9", "2001:db8:1:2::"),
        *(
            (inside, "")
            for inside in ("127.0.0.1", "127.9.9.9", "::1", "10.1.2.3", "192.168.1.1", "172.31.0.1")
        ),
        *(
            (inside, "")
            for inside in ("fd00::1", "fe80::1%eth0", "::ffff:127.0.0.1", "", "unix", "999.1.1.1")
        ),
    ],
)
def test_an_address_is_counted_as_one_line(address: str, counted: str) -> None:
    assert subscriber(address) == counted


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("127.0.0.1", "127.0.0.1"),
        ("fd00::1:2", "fd00::"),
        ("unix", "unix"),
        ("", "unknown"),
    ],
)
def test_attempts_of_every_address_are_counted(address: str, counted: str) -> None:
    assert attempts_key(address) == counted


def test_one_line_has_one_limit_whatever_address_it_takes(tmp_path: Path, site: Site) -> None:
    call = Client(tracker(tmp_path, site, address_rate=Rate(1, 3)))
    answers = [call("POST", "/v1/track", BODY, REMOTE_ADDR=f"2001:db8:1:2::{n}") for n in range(1, 9)]
    assert [answer.status for answer in answers].count(429) == 5
    call.tracker.close()


def test_a_write_key_bound_to_origins(tmp_path: Path) -> None:
    site = Site(id="default", write_key="wk_test", secret_key="s", origins=("https://shop.example",))
    call = Client(tracker(tmp_path, site))
    assert call("POST", "/v1/track", BODY, HTTP_ORIGIN="https://shop.example").status == 200
    assert call("POST", "/v1/track", BODY).status == 200, "a server has no origin"
    answer = call("POST", "/v1/track", BODY, HTTP_ORIGIN="https://evil.example")
    assert (answer.status, answer.error["code"]) == (403, "origin_not_allowed")
    call.tracker.close()


def test_nested_deeper_than_any_decoder_goes_is_refused(tmp_path: Path, site: Site) -> None:
    call = Client(tracker(tmp_path, site))
    for levels, status in ((10, 200), (40, 200), (5_000, 400)):
        nested = '{"a":' * levels + "1" + "}" * levels
        body = f'{{"writeKey":"wk_test","userId":"u","event":"E","properties":{nested}}}'
        assert call("POST", "/v1/track", body.encode()).status == status
    call.tracker.close()


def test_metrics_tell_what_happened(tmp_path: Path, site: Site) -> None:
    call = Client(tracker(tmp_path, site))
    call(
        "POST",
        "/v1/batch",
        json.dumps({"writeKey": "wk_test", "batch": [{"type": "page", "userId": "u"}] * 3}).encode(),
    )
    call("POST", "/v1/batch", b"{")
    text = call.tracker.metrics.text().decode()
    assert 'dangol_tracker_events_accepted_total{source="segment"} 3.0' in text
    assert 'dangol_tracker_refused_total{code="bad_json"} 1.0' in text
    assert "dangol_tracker_append_seconds_count 1.0" in text
    assert "dangol_tracker_log_up 1.0" in text
    call.tracker.close()


def test_what_grows_on_its_way_is_bounded(tmp_path: Path, site: Site) -> None:
    call = Client(tracker(tmp_path, site))
    item = {"type": "track", "event": "E", "userId": "u"}
    for size, count, status in ((10_000, 100, 200), (10_000, 2_000, 400), (200_000, 1, 400)):
        body = {"writeKey": "wk_test", "context": {"campaign": {"x": "y" * size}}, "batch": [item] * count}
        assert call("POST", "/v1/batch", json.dumps(body).encode()).status == status
    data = [
        {
            "e": "ue",
            "duid": "v",
            "ue_pr": json.dumps({"data": {"schema": "iglu:a/b/c/1", "data": {"x": "\x01" * 30_000}}}),
        }
    ]
    for entry in (data, data * 2):  # each control character is six bytes in JSON
        assert call("POST", snowplow.POST_PATH, json.dumps({"data": entry}).encode()).status == 400
    form = b"idsite=1&rec=1&dimension1=" + b"%01" * 160_000
    assert call("POST", "/matomo.php", form).status == 400
    assert RECORD_LIMIT < LARGEST_RECORD, "what passes the door fits every log"
    call.tracker.close()
