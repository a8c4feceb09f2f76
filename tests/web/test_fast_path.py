"""The short way to personalize answers as the application would, and leaves every refusal to it."""

import asyncio
import json
import signal
import threading
import time
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from profiles.sansio import Call, Steps
from tests.support.machine import Clock, RedisServer
from tests.support.web_stage import Stage, stage_of
from tracker.http.responses import Response
from tracker.sites import Site
from web.personalize.fast_path import FastPath

pytestmark = pytest.mark.redis
SLOTS = [{"id": "a", "kind": "items", "strategy": "popular", "limit": 2}]


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    stage.call("PUT", "/v1/items", json={"items": [{"id": f"p{n}"} for n in range(5)]})
    return stage


def ask(stage: Stage, body: Any, path: str = "/v1/personalize", **headers: str) -> Any:
    return stage.client.post(path, json=body, headers=headers)


def short(stage: Stage, body: Any, method: str = "POST", **more: str) -> Response | None:
    """By the short way, ``more`` in the environ."""
    environ = {"PATH_INFO": "/v1/personalize", "REQUEST_METHOD": method, "QUERY_STRING": "", **more}
    shortcut: FastPath = stage.web.fast_path
    return asyncio.run(shortcut(environ, body if isinstance(body, bytes) else json.dumps(body).encode()))


@pytest.mark.parametrize("by", ["bearer", "basic", "body", "secret"])
def test_the_answer_is_the_application_s(stage: Stage, by: str) -> None:
    body = {"visitor": "v", "slots": SLOTS, **({"writeKey": "wk_test"} if by == "body" else {})}
    given = {
        "bearer": "Bearer wk_test",
        "basic": f"Basic {b64encode(b'wk_test:').decode()}",
        "secret": "Bearer sk_test",
    }.get(by)
    whole = ask(stage, body, Origin="https://shop.example", **({"Authorization": given} if given else {}))
    fast = short(
        stage, body, HTTP_ORIGIN="https://shop.example", **({"HTTP_AUTHORIZATION": given} if given else {})
    )
    assert fast and fast.status == whole.status_code == 200
    told = json.loads(fast.body)
    assert told["slots"] == whole.json["slots"] and len(told["slots"]["a"]["items"]) == 2
    assert dict(fast.headers) == {**dict(whole.headers), "Content-Length": str(len(fast.body))}
    scraped = stage.call("GET", "/metrics", None).text
    assert 'dangol_http_requests_total{endpoint="personalize.personalize",status="200"} 2.0' in scraped


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [
        ({"visitor": "v", "slots": SLOTS}, "wrong", 401),
        ({"visitor": "v", "slots": []}, "wk_test", 400),
        ({"visitor": "v", "slots": [{"id": "a", "kind": "items", "limit": 10_000}]}, "wk_test", 400),
        ({"visitor": "v", "slots": [{"id": "a", "kind": "items", "strategy": "magic"}]}, "wk_test", 400),
        ({"visitor": 7, "slots": SLOTS}, "wk_test", 400),
        ([], "wk_test", 400),
        ({"slots": SLOTS, "x": "y" * 70_000}, "wk_test", 413),
    ],
)
def test_what_is_refused_is_refused_by_the_application(
    stage: Stage, body: Any, key: str, status: int
) -> None:
    assert short(stage, body, HTTP_AUTHORIZATION=f"Bearer {key}") is None
    refused = ask(stage, body, Authorization=f"Bearer {key}")
    assert refused.status_code == status
    assert refused.json["error"]["message"]


def test_other_paths_and_methods_pass(stage: Stage) -> None:
    body = {"visitor": "v", "slots": SLOTS, "writeKey": "wk_test"}
    assert short(stage, body)
    assert short(stage, body, "OPTIONS") is None
    assert short(stage, body, PATH_INFO="/v1/items") is None
    assert short(stage, body, QUERY_STRING="writeKey=other") is None
    assert short(stage, b"") is None


def test_a_redis_that_hangs_costs_no_more_than_the_budget(
    tmp_path: Path, own_redis: RedisServer, site: Site, clock: Clock
) -> None:
    stage = stage_of(tmp_path, own_redis.url, site, clock, personalize_seconds=1.0)
    stage.call("PUT", "/v1/items", json={"items": [{"id": f"p{n}"} for n in range(5)]})
    calm = {
        "name": "Calm",
        "status": "live",
        "slots": ["hero"],
        "tier": "fallback",
        "creatives": [{"id": "a", "kind": "json", "content": {"title": "Welcome"}}],
    }
    assert stage.call("PUT", "/v1/campaigns/calm", json=calm).status_code == 200
    body = {"visitor": "v", "writeKey": "wk_test", "slots": [*SLOTS, {"id": "hero", "kind": "offer"}]}

    def told(times: int) -> list[tuple[dict[str, Any], float]]:
        """All on one event loop, one after another: what came, and how long it took."""

        async def ask() -> list[tuple[dict[str, Any], float]]:
            answers = []
            for _ in range(times):
                environ = {"PATH_INFO": "/v1/personalize", "REQUEST_METHOD": "POST", "QUERY_STRING": ""}
                began = time.monotonic()
                answer = await stage.web.fast_path(environ, json.dumps(body).encode())
                answers.append((json.loads(answer.body)["slots"], time.monotonic() - began))
            return answers

        return asyncio.run(ask())

    assert own_redis.process
    first, _ = told(1)[0]
    assert first["hero"]["offer"]["campaign"] == "calm" and first["hero"]["token"]
    own_redis.process.send_signal(signal.SIGSTOP)
    try:
        answers = told(5)
    finally:
        own_redis.process.send_signal(signal.SIGCONT)
    for slots, took in answers:
        assert len(slots["a"]["items"]) == 2
        assert slots["hero"]["offer"]["campaign"] == "calm"
        assert took < 1.5


def test_a_store_that_hangs_costs_no_more_than_the_budget(
    tmp_path: Path, redis_url: str, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(tmp_path, redis_url, site, clock, personalize_seconds=1.0)
    stage.call("PUT", "/v1/items", json={"items": [{"id": f"p{n}"} for n in range(5)]})
    released = threading.Event()

    def hang(*_: object) -> Steps[None]:
        yield Call(lambda: released.wait(60))

    monkeypatch.setattr(type(stage.profiles), "finding", hang)
    body = {"visitor": "v", "writeKey": "wk_test", "slots": [*SLOTS, {"id": "hero", "kind": "offer"}]}
    for _ in range(4):
        answer = short(stage, body)
        assert answer
        told = json.loads(answer.body)
        assert len(told["slots"]["a"]["items"]) == 2 and told["slots"]["hero"] == {"offer": None}
        assert not released.is_set()
    released.set()
