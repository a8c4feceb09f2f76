"""The short way to personalize answers as the application would, and leaves every refusal to it."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from conftest import Clock
from web_stage import Stage, stage_of

from tracker.sites import Site
from web.shortcut import Shortcut

pytestmark = pytest.mark.redis
SLOTS = [{"id": "a", "kind": "items", "strategy": "popular", "limit": 2}]


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    stage.call("PUT", "/v1/items", json={"items": [{"id": f"p{n}"} for n in range(5)]})
    return stage


def ask(stage: Stage, body: Any, path: str = "/v1/personalize", **headers: str) -> Any:
    return stage.client.post(path, json=body, headers=headers)


def short(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each request was answered by the short way."""
    taken: list[bool] = []
    answer = Shortcut._answer

    def watched(self: Shortcut, environ: dict[str, Any], raw: bytes) -> Any:
        answered = answer(self, environ, raw)
        taken.append(answered is not None)
        return answered

    monkeypatch.setattr(Shortcut, "_answer", watched)
    return taken


@pytest.mark.parametrize("by", ["bearer", "basic", "body", "secret"])
def test_the_answer_is_the_application_s(stage: Stage, monkeypatch: pytest.MonkeyPatch, by: str) -> None:
    taken = short(stage, monkeypatch)
    body = {"visitor": "v", "slots": SLOTS, **({"writeKey": "wk_test"} if by == "body" else {})}
    given = {
        "bearer": "Bearer wk_test",
        "basic": f"Basic {b64encode(b'wk_test:').decode()}",
        "secret": "Bearer sk_test",
    }.get(by)
    headers = {"Origin": "https://shop.example", **({"Authorization": given} if given else {})}
    fast = ask(stage, body, **headers)
    whole = ask(stage, body, "/v1/personalize?x=1", **headers)  # a query goes the long way
    assert taken == [True]
    assert fast.status_code == whole.status_code == 200
    assert fast.json["slots"] == whole.json["slots"] and len(fast.json["slots"]["a"]["items"]) == 2
    assert dict(fast.headers) == {**dict(whole.headers), "Content-Length": fast.headers["Content-Length"]}
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
    stage: Stage, monkeypatch: pytest.MonkeyPatch, body: Any, key: str, status: int
) -> None:
    taken = short(stage, monkeypatch)
    refused = ask(stage, body, Authorization=f"Bearer {key}")
    assert (refused.status_code, True not in taken) == (status, True)
    assert refused.json["error"]["message"]


def test_other_paths_and_methods_pass(stage: Stage) -> None:
    assert stage.client.get("/healthz").status_code == 200
    assert stage.client.get("/v1/personalize").status_code == 405
    assert stage.client.options("/v1/personalize").status_code == 204
    assert (
        stage.client.post("/v1/personalize", headers={"Authorization": "Bearer wk_test"}).status_code == 400
    )
