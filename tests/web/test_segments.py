"""Segments and audiences over HTTP: definitions, sizes, members, and why somebody is none."""

from pathlib import Path

import pytest

from offers.segments.membership import Membership
from profiles.model import Counts, Profile
from profiles.store.port import ABSENT, Write
from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

pytestmark = pytest.mark.redis


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    people = [Profile(id=f"v:{n}", visitors=[str(n)], counts=Counts(orders=n)) for n in range(20)]
    stage.profiles.save("default", [Write(each.id, ABSENT, each) for each in people])
    return stage


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/segments"),
        ("GET", "/v1/segments/vip"),
        ("PUT", "/v1/segments/vip"),
        ("DELETE", "/v1/segments/vip"),
        ("POST", "/v1/audiences/preview"),
    ],
)
def test_a_write_key_reads_nothing(stage: Stage, method: str, path: str) -> None:
    assert stage.call(method, path, "wk_test", json={}).status_code == 403
    assert stage.call(method, path, None, json={}).status_code == 401


def test_a_segment_is_written_evaluated_and_removed(stage: Stage, clock: Clock) -> None:
    listed = stage.call("GET", "/v1/segments").json
    assert listed["segments"] == [] and listed["evaluation"]["state"] == "done"
    document = {"id": "buyers", "name": "Buyers", "audience": "orders > 4"}
    assert stage.call("PUT", "/v1/segments/buyers", json=document).json == {**document, "members": None}
    listed = stage.call("GET", "/v1/segments").json
    assert listed["segments"] == [{**document, "members": None}]
    assert listed["evaluation"]["state"] == "waiting"
    stores = stage.stores
    Membership(stores.segments.store, stores.segments.progress, stores.visitors.profiles, clock).run(
        stage.site
    )
    assert stage.call("GET", "/v1/segments/buyers").json == {**document, "members": 15}
    listed = stage.call("GET", "/v1/segments").json
    assert listed["evaluation"] == {
        "state": "done",
        "done": 20,
        "total": 20,
        "started": 1_795_000_000_000,
        "finished": 1_795_000_000_000,
    }
    assert stage.call("GET", "/v1/profiles/5").json["segments"] == ["buyers"]
    assert stage.call("DELETE", "/v1/segments/buyers").status_code == 204
    assert stage.call("DELETE", "/v1/segments/buyers").status_code == 404
    assert stage.call("GET", "/v1/segments/buyers").json["error"]["field"] == "id"
    assert stage.call("GET", "/v1/segments").json["evaluation"]["state"] == "waiting"


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"name": "x", "audience": "orders >"}, "audience"),
        ({"name": "x", "audience": "segment = 'y'"}, "audience"),
        ({"name": "", "audience": ""}, "name"),
        ({"name": "x"}, "audience"),
        ({"name": "x", "audience": "", "limit": 3}, "limit"),
        ({"id": "other", "name": "x", "audience": ""}, "id"),
    ],
)
def test_what_is_no_segment_is_refused_with_the_field(stage: Stage, document: object, field: str) -> None:
    answer = stage.call("PUT", "/v1/segments/vip", json=document)
    assert answer.status_code == 400 and answer.json["error"]["field"] == field


def test_a_preview_tells_the_size_some_members_and_the_failing_clause(stage: Stage) -> None:
    asked = {"audience": "orders > 4 and (country = 'KR' or visits = 0)", "visitor": "3"}
    found = stage.call("POST", "/v1/audiences/preview", json=asked).json
    assert (found["size"], found["total"], found["exact"]) == (15, 20, True)
    assert len(found["sample"]) == 10 and all(int(name[2:]) > 4 for name in found["sample"])
    visitor = found["visitor"]
    assert (visitor["id"], visitor["matched"]) == ("v:3", False)
    assert visitor["failed"] == [{"clause": "orders > 4", "matched": False, "value": 3}]
    assert len(visitor["clauses"]) == 3
    stage.call("PUT", "/v1/segments/buyers", json={"name": "Buyers", "audience": "orders > 9"})
    asked = {"audience": "segment = 'buyers'"}
    assert stage.call("POST", "/v1/audiences/preview", json=asked).json["size"] == 10
    for asked, status, field in (
        ({"audience": "orders >"}, 400, "audience"),
        ({"audience": "x" * 9_000}, 400, "audience"),
        ({"visitor": "nobody"}, 404, "visitor"),
    ):
        answer = stage.call("POST", "/v1/audiences/preview", json=asked)
        assert (answer.status_code, answer.json["error"]["field"]) == (status, field)


def test_a_decision_asks_the_segment_as_it_is_defined_now(stage: Stage) -> None:
    """The profile was saved before there was such a segment."""
    campaign = {
        "name": "For buyers",
        "status": "live",
        "slot": "hero",
        "audience": "segment = 'buyers'",
        "creatives": [{"id": "a", "kind": "json", "content": {"title": "Hi"}}],
    }
    stage.call("PUT", "/v1/segments/buyers", json={"name": "Buyers", "audience": "orders > 9"})
    stage.call("PUT", "/v1/campaigns/c", json=campaign)
    for visitor, offered in (("9", False), ("10", True)):
        asked = {"visitor": visitor, "slots": [{"id": "hero", "kind": "offer"}]}
        answer = stage.call("POST", "/v1/personalize", "wk_test", json=asked).json
        assert (answer["slots"]["hero"]["offer"] is not None) == offered
