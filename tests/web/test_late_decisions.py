"""Answers that come too late for the page: their decisions are made and logged all the same, in both groups alike."""

import asyncio
import json
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from offers.decision.holdout import held_out
from tests.support.machine import Clock, RedisServer
from tests.support.web_stage import Stage, stage_of
from tracker.event import decode
from tracker.log.port import Consumer
from tracker.sites import Site

HOLDOUT = 0.4
VISITORS = 60


def campaign(name: str, **more: Any) -> dict[str, Any]:
    creative = {"id": "a", "kind": "json", "content": {"title": name}}
    return {"name": name, "status": "live", "slots": ["hero"], "creatives": [creative], **more}


async def asked(stage: Stage, visitors: Sequence[str]) -> list[str]:
    """The campaigns that were shown, asked for all at once on one event loop; and what goes on is waited for."""
    environ = {"PATH_INFO": "/v1/personalize", "REQUEST_METHOD": "POST", "QUERY_STRING": ""}

    async def ask(visitor: str) -> str:
        slots = [{"id": "hero", "kind": "offer"}, {"id": "also", "kind": "items"}]
        body = {"visitor": visitor, "writeKey": "wk_test", "slots": slots}
        answer = await stage.web.fast_path(environ, json.dumps(body).encode())
        assert answer is not None and answer.status == 200
        offer = json.loads(answer.body)["slots"]["hero"]["offer"]
        return offer["campaign"] if offer else ""

    return await asyncio.gather(*map(ask, visitors))


def logged(consumer: Consumer, count: int) -> dict[str, tuple[str, str]]:
    """By visitor, the campaign and the name of what was logged."""
    found: dict[str, tuple[str, str]] = {}
    deadline = time.monotonic() + 10
    while len(found) < count and time.monotonic() < deadline:
        for message in consumer.poll(1_000, 0.2):
            event = decode(message.value)
            assert event.visitor not in found
            found[event.visitor or ""] = str(event.props["campaign"]), event.name
    return found


@pytest.mark.redis
@pytest.mark.parametrize("many", [False, True], ids=["one campaign", "more than the first few"])
def test_what_timed_out_is_decided_in_both_groups_alike(
    tmp_path: Path, own_redis: RedisServer, site: Site, clock: Clock, many: bool
) -> None:
    stage = stage_of(tmp_path, own_redis.url, site, clock, personalize_seconds=0.2)
    documents = {
        "tested": campaign("tested", holdout=HOLDOUT, priority=9),
        "calm": campaign("calm", tier="fallback"),
    }
    documents |= {f"other{n}": campaign("other", audience="orders > 5") for n in range(9 * many)}
    for name, document in documents.items():
        assert stage.call("PUT", f"/v1/campaigns/{name}", json=document).status_code == 200
    visitors = [f"w{number}" for number in range(VISITORS)]
    consumer = stage.stores.log.consumer("test", "one")
    process = own_redis.process
    assert process

    async def late() -> list[str]:
        await asked(stage, ["warm"])
        process.send_signal(signal.SIGSTOP)
        try:
            shown = await asked(stage, visitors)
        finally:
            process.send_signal(signal.SIGCONT)
        await asyncio.sleep(1.0)
        return shown

    time.sleep(0.6)
    shown = asyncio.run(late())
    assert shown == ["calm"] * VISITORS  # nobody waited for the campaign
    events = logged(consumer, VISITORS + 1)
    events.pop("warm")
    assert events == {
        visitor: (
            "tested",
            "Offer Withheld" if held_out(site.id, "tested", visitor, HOLDOUT) else "Offer Decided",
        )
        for visitor in visitors
    }
