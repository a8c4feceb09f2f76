"""Placeholders sign nobody in, on no protocol; they are counted, and whoever has another id keeps it."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.support.tracker_app import Client, ListLog
from tracker.admission.placeholder_ids import placeholder
from tracker.admission.proof import proof_of
from tracker.app import Tracker
from tracker.event import Event
from tracker.sites import Site, Sites

NOBODY = [
    *("undefined", "null", "None", "[object Object]", "NaN", "0", "guest", "Anonymous", " ", '"null"', "-1"),
    *(
        "00000000-0000-0000-0000-000000000000",
        "{{ user.id }}",
        "${userId}",
        "<%= id %>",
        "(not set)",
        "비회원",
    ),
]
SOMEBODY = [
    "customer-1",
    "10",
    "guest42",
    "anonymous@example.com",
    "null-1",
    "0x0a",
    "kim",
    "undefined-user",
    "é",
]


@pytest.mark.parametrize("name", NOBODY)
def test_a_placeholder_is_nobody(name: str) -> None:
    assert placeholder(name)


@pytest.mark.parametrize("name", [*SOMEBODY, None])
def test_an_id_is_somebody(name: str | None) -> None:
    assert not placeholder(name)


PROTOCOLS = ("segment", "pixel", "snowplow", "matomo")


class Door:
    """A tracker, asked in four protocols."""

    def __init__(self, folder: Path, site: Site) -> None:
        sites, self.log = Sites(folder / "sites.json"), ListLog()
        sites.save(site)
        self.tracker = Tracker(sites, self.log)
        self.call = Client(self.tracker)

    def send(self, protocol: str, visitor: str, user: str, **more: Any) -> list[Event]:
        """What became of a page view, or what ``type`` says, of these ids."""
        self.log.events.clear()
        if protocol == "segment":
            context = {"proof": proof_of("sk_test", user)}
            item = {"type": "page", "anonymousId": visitor, "userId": user, "context": context, **more}
            body = json.dumps({"batch": [item], "writeKey": "wk_test"}).encode()
            answer = self.call("POST", "/v1/batch", body)
        elif protocol == "pixel":
            answer = self.call("GET", "/t.gif", query=urlencode({"k": "wk_test", "v": visitor, "u": user}))
        elif protocol == "snowplow":
            said = {"aid": "wk_test", "e": "pv", "duid": visitor, "uid": user, "p": "web"}
            answer = self.call("GET", "/i", query=urlencode(said))
        else:
            said = {"idsite": "1", "rec": "1", "_id": visitor, "uid": user}
            answer = self.call("GET", "/matomo.php", query=urlencode(said))
        assert answer.status == 200
        return list(self.log.events)

    def counted(self) -> float:
        return self.tracker.metrics.placeholders.labels("default")._value.get()


@pytest.fixture
def door(tmp_path: Path, site: Site) -> Iterator[Door]:
    door = Door(tmp_path, site)
    yield door
    door.tracker.close()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", ["undefined", "[object Object]", "0", "guest", "null"])
def test_they_sign_nobody_in(door: Door, protocol: str, name: str) -> None:
    [event] = door.send(protocol, "0123456789abcdef", name)
    assert (event.visitor, event.user, event.proven) == ("0123456789abcdef", None, False)
    assert door.counted() == 1
    [event] = door.send(protocol, name, "customer-1")
    assert (event.visitor, event.user) == (None, "customer-1")
    [event] = door.send(protocol, name, name)
    assert (event.user, event.context["cookieless"]) == (None, True)
    assert event.visitor is not None and event.visitor.startswith("~"), (
        "it counts in totals, and makes no profile"
    )
    assert door.counted() == 3
    door.send(protocol, "0123456789abcdef", "customer-1")
    assert door.counted() == 3


def test_who_says_nothing_but_a_placeholder_says_nothing(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        for kind in ("identify", "group", "alias", "consent"):
            assert door.send("segment", "undefined", "null", type=kind, previousId="a1") == []
    [said] = [record.getMessage() for record in caplog.records]
    assert said.startswith("site default: ") and "placeholder" in said
    [event] = door.send("segment", "a1", "undefined", type="identify", traits={"plan": "gold"})
    assert (event.visitor, event.user, event.traits) == ("a1", None, {"plan": "gold"})
    assert door.send("segment", "a1", "undefined", type="alias", previousId="b2") == []
    [event] = door.send("segment", "a1", "kim", type="alias", previousId="undefined")
    assert "previousId" not in event.props
