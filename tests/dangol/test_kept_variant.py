"""A person keeps the variant of a fixed split: from ask to ask, after signing in, on the second device."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.support.installation import WRITE, Installation, eventually

pytestmark = [pytest.mark.redis, pytest.mark.slow]

PEOPLE = 60


def test_a_variant_is_kept_over_requests_sign_in_and_devices(tmp_path: Path) -> None:
    with Installation(tmp_path) as running:
        creatives = [{"id": name, "kind": "json", "content": {"t": name}} for name in "ab"]
        for name, allocation in (("split", "fixed"), ("same", "aa")):
            document = {"name": name, "status": "live", "slot": name, "allocation": allocation, "caps": []}
            assert (
                running.call("PUT", f"/v1/campaigns/{name}", {**document, "creatives": creatives})[0] == 200
            )
        eventually(lambda: asked(running, "somebody")["split"]["offer"])
        first = {n: shown(running, f"phone{n}") for n in range(PEOPLE)}
        assert all(10 < Counter(variants).get("a", 0) < 50 for variants in zip(*first.values(), strict=True))
        for _ in range(3):
            assert {n: shown(running, f"phone{n}") for n in range(PEOPLE)} == first
        for n in range(PEOPLE):
            see(running, f"phone{n}")
        for n in range(PEOPLE):
            sign_in(running, f"phone{n}", f"kim{n}")
        applied(running, "phone")
        assert {n: shown(running, f"phone{n}") for n in range(PEOPLE)} == first
        # Their laptops saw something, which may be the other variant, before they signed in there, too.
        for n in range(PEOPLE):
            see(running, f"laptop{n}")
            sign_in(running, f"laptop{n}", f"kim{n}")
        applied(running, "laptop")
        assert {n: shown(running, f"laptop{n}") for n in range(PEOPLE)} == first
        report = eventually(
            lambda: (
                (found := running.report("campaigns/split"))["total"]["impressions"] == 2 * PEOPLE and found
            )
        )
        told = {each["variant"]: each["people"] + each["open"] for each in report["split"]["variants"]}
        assert told == Counter(variant for variant, _ in first.values())
        assert not report["split"]["mismatch"]


def asked(running: Installation, visitor: str) -> dict[str, Any]:
    slots = [{"id": "split", "kind": "offer"}, {"id": "same", "kind": "offer"}]
    status, answer = running.call("POST", "/v1/personalize", {"visitor": visitor, "slots": slots}, WRITE)
    assert status == 200
    return answer["slots"]


def shown(running: Installation, visitor: str) -> tuple[str, str]:
    slots = asked(running, visitor)
    return slots["split"]["offer"]["variant"], slots["same"]["offer"]["variant"]


def see(running: Installation, visitor: str) -> None:
    """The page tells what it shows, as the snippet does."""
    batch = [{"type": "page", "anonymousId": visitor}]
    for slot, told in asked(running, visitor).items():
        offer = told["offer"]
        seen = {
            "campaign": offer["campaign"],
            "variant": offer["variant"],
            "slot": slot,
            "token": told["token"],
        }
        batch.append({"type": "track", "event": "Offer Viewed", "anonymousId": visitor, "properties": seen})
    assert running.call("POST", "/v1/batch", {"batch": batch}, WRITE)[0] == 200


def sign_in(running: Installation, visitor: str, user: str) -> None:
    """The shop's server says who it is."""
    assert running.call("POST", "/v1/identify", {"anonymousId": visitor, "userId": user})[0] == 200


def applied(running: Installation, device: str) -> None:
    """Everybody's profile is that of the customer."""
    for n in range(PEOPLE):
        found = eventually(
            lambda n=n: (answer := running.call("GET", f"/v1/profiles/{device}{n}"))[0] == 200 and answer[1]
        )
        until = time.monotonic() + 30
        while found["user"] != f"kim{n}" and time.monotonic() < until:
            found = running.call("GET", f"/v1/profiles/{device}{n}")[1]
        assert found["user"] == f"kim{n}"
