"""POST /v1/contacts: a contact is told once, of whoever it was, and a bad one refuses no other."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.event import SITE, Event, decode
from tracker.sites import Site

pytestmark = pytest.mark.redis


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def told(stage: Stage) -> list[Event]:
    consumer = stage.stores.log.consumer("test", "one")
    return [decode(message.value) for message in consumer.poll(100, 0.0)]


def test_a_call_is_an_event_of_the_site(stage: Stage, clock: Clock) -> None:
    call = {"customer": "kim", "direction": "in", "duration": 125, "agent": "Park", "topic": "delivery"}
    answer = stage.call(
        "POST", "/v1/contacts", json={**call, "outcome": "solved", "time": "2026-11-10T10:00:00+09:00"}
    )
    assert (answer.status_code, answer.json) == (200, {"contacts": 1, "refused": []})
    (event,) = told(stage)
    assert (event.name, event.user, event.visitor, event.proven, event.sender) == (
        "Call",
        "kim",
        None,
        True,
        SITE,
    )
    assert event.ts == 1_794_272_400_000
    assert event.props == {"kind": "call", "outcome": "solved"} | {
        k: v for k, v in call.items() if k != "customer"
    }


def test_the_same_id_is_the_same_contact_and_another_is_another(stage: Stage) -> None:
    one: dict[str, Any] = {"customer": "kim", "kind": "complaint", "id": "c-7"}
    for each in (one, one, {**one, "id": "c-8"}):
        assert stage.call("POST", "/v1/contacts", json=[each]).status_code == 200
    events = told(stage)
    assert len({event.id for event in events}) == 2
    assert {event.name for event in events} == {"Complaint"}


def test_a_bad_one_of_a_list_is_refused_alone(stage: Stage) -> None:
    bad: list[Any] = [
        {},
        {"customer": ""},
        {"customer": "undefined"},
        {"customer": "kim", "duration": -5},
        {"customer": "kim", "direction": "sideways"},
        {"customer": "kim", "time": "yesterday"},
        {"customer": "kim", "time": 5},
        "kim",
        None,
    ]
    answer = stage.call("POST", "/v1/contacts", json=[*bad, {"customer": "kim", "kind": "visit"}])
    assert answer.status_code == 200
    assert answer.json["contacts"] == 1
    assert [each["index"] for each in answer.json["refused"]] == list(range(len(bad)))
    assert [event.name for event in told(stage)] == ["Store Visit"]
    for one in bad[:-2]:
        assert stage.call("POST", "/v1/contacts", json=one).status_code == 400


def test_only_the_secret_key_tells_of_contacts(stage: Stage) -> None:
    one = {"customer": "kim"}
    assert stage.call("POST", "/v1/contacts", "wk_test", json=one).status_code == 403
    assert stage.call("POST", "/v1/contacts", None, json=one).status_code == 401
    assert stage.call("POST", "/v1/contacts", json=[one] * 1001).status_code == 413
    assert not told(stage)
