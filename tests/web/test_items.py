"""The catalogue over HTTP: what a document does not name stays, ids of any kind, one bad item beside good ones."""

import threading
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site

pytestmark = pytest.mark.redis

TEA = {
    "id": "tea",
    "name": "Tea",
    "price": 9.0,
    "available": False,
    "url": "/tea",
    "brand": "X",
    "sku": "T-1",
}
IDS = [
    "a/b",
    "a%2Fb",
    "/a",
    "a/",
    "a//b",
    "a b",
    "차/녹차",
    "a.b",
    "..",
    ".",
    "a/../b",
    "a?b#c",
    "x/neighbors",
    "é",
]


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def read(stage: Stage, item_id: str) -> Any:
    answer = stage.call("GET", f"/v1/items/{quote(item_id, safe='')}")
    return answer.json if answer.status_code == 200 else None


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
@pytest.mark.parametrize("bulk", [True, False])
def test_what_a_document_does_not_name_stays(stage: Stage, method: str, bulk: bool) -> None:
    assert stage.call("PUT", "/v1/items", json=[TEA]).json == {"items": 1}
    if bulk:
        change = {"items": [{"id": "tea", "price": 7.5, "brand": None, "color": "green"}]}
        assert stage.call(method, "/v1/items", json=change).json == {"items": 1}
    else:
        change = {"price": 7.5, "brand": None, "color": "green"}
        assert stage.call(method, "/v1/items/tea", json=change).status_code == 200
    found = read(stage, "tea")
    assert found.pop("brand", None) is None, "null takes an attribute away"
    assert found == {"category": "", "image": "", **{k: v for k, v in TEA.items() if k != "brand"}} | {
        "price": 7.5,
        "color": "green",
    }


def test_null_resets_a_field(stage: Stage) -> None:
    stage.call("PUT", "/v1/items", json=[TEA])
    stage.call("PATCH", "/v1/items/tea", json={"price": None, "available": None, "sku": None, "name": None})
    found = read(stage, "tea")
    assert (found["price"], found["available"], found["name"]) == (None, True, "") and "sku" not in found


def test_a_patch_makes_no_item(stage: Stage) -> None:
    assert stage.call("PATCH", "/v1/items/none", json={"price": 1}).status_code == 404
    stage.call("PUT", "/v1/items", json=[TEA])
    answer = stage.call("PATCH", "/v1/items", json=[{"id": "tea", "price": 1}, {"id": "none", "price": 1}])
    assert answer.status_code == 200 and answer.json["items"] == 1
    assert [(each["index"], each["id"]) for each in answer.json["refused"]] == [(1, "none")]
    assert read(stage, "none") is None and read(stage, "tea")["price"] == 1


def test_an_item_that_was_taken_out_comes_back_as_new(stage: Stage) -> None:
    stage.call("PUT", "/v1/items", json=[TEA])
    assert stage.call("DELETE", "/v1/items/tea").status_code == 204
    assert stage.call("PATCH", "/v1/items/tea", json={"price": 1}).status_code == 404
    assert stage.call("PUT", "/v1/items/tea", json={"price": 1}).json["name"] == ""


def test_one_bad_item_never_refuses_the_others(stage: Stage) -> None:
    bad: list[Any] = [
        {"id": "b", "price": -1},
        {"name": "no id"},
        "text",
        {"id": "c", "note": "x" * 9000},
        None,
    ]
    bad += [
        {"id": "d", "price": 10**400},
        {"id": ["e"]},
        {"id": "f", "url": "javascript:x"},
        {"id": "g" * 101},
    ]
    answer = stage.call("PUT", "/v1/items", json=[{"id": "first"}, *bad, {"id": "last"}])
    assert answer.status_code == 200 and answer.json["items"] == 2
    assert [each["index"] for each in answer.json["refused"]] == list(range(1, len(bad) + 1))
    assert all(each["message"] and each["field"].startswith("items[") for each in answer.json["refused"])
    assert [each["id"] for each in answer.json["refused"]][:2] == ["b", None]
    assert [item["id"] for item in stage.call("GET", "/v1/items").json["items"]] == ["first", "last"]


def test_an_item_that_becomes_too_large_is_refused_alone(stage: Stage) -> None:
    stage.call("PUT", "/v1/items", json=[{"id": "a", "one": "x" * 5000}, {"id": "b"}])
    answer = stage.call("PATCH", "/v1/items", json=[{"id": "a", "two": "x" * 5000}, {"id": "b", "price": 2}])
    assert (answer.json["items"], answer.json["refused"][0]["id"]) == (1, "a")
    assert "two" not in read(stage, "a") and read(stage, "b")["price"] == 2


@pytest.mark.parametrize("item_id", IDS)
def test_ids_of_any_kind(stage: Stage, item_id: str) -> None:
    path = f"/v1/items/{quote(item_id, safe='')}"
    assert stage.call("PUT", "/v1/items", json=[{"id": item_id, "name": "It"}]).json == {"items": 1}
    assert read(stage, item_id)["name"] == "It"
    assert stage.call("PATCH", path, json={"price": 2}).json["id"] == item_id
    listed = stage.call("GET", f"/v1/items?id={quote(item_id, safe='')}&id=none").json
    assert [(item["id"], item["price"]) for item in listed["items"]] == [(item_id, 2.0)]
    gorse = f"/api/item/{quote(item_id, safe='')}"
    if item_id != "x/neighbors":  # as a path it is Gorse's route of neighbours
        assert stage.call("GET", gorse).json["ItemId"] == item_id
    assert stage.call("PATCH", gorse, json={"Comment": "Its"}).json == {"RowAffected": 1}
    assert stage.call("GET", f"{gorse}/neighbors").status_code == 200
    assert read(stage, item_id)["name"] == "Its" and read(stage, item_id)["price"] == 2.0
    assert stage.call("DELETE", path).status_code == 204
    stage.call("PUT", "/v1/items", json=[{"id": item_id}, {"id": "z"}])
    assert stage.call("DELETE", gorse).json == {"RowAffected": 1}
    stage.call("PUT", "/v1/items", json=[{"id": item_id}])
    answer = stage.call("DELETE", f"/v1/items?id={quote(item_id, safe='')}&id=none").json
    assert (answer["items"], answer["refused"][0]["id"]) == (1, "none")
    assert [item["id"] for item in stage.call("GET", "/v1/items").json["items"]] == ["z"]


def test_nothing_is_taken_out_without_a_name(stage: Stage) -> None:
    stage.call("PUT", "/v1/items", json=[TEA])
    assert stage.call("DELETE", "/v1/items").status_code == 400
    assert read(stage, "tea")


FIELDS = {
    "name": st.text("abc ", max_size=5),
    "price": st.floats(0, 1e6),
    "available": st.booleans(),
    "recommendable": st.booleans(),
    "group": st.sampled_from(["g", "h"]),
    "url": st.sampled_from(["/a", "https://shop.example/b"]),
    "color": st.one_of(st.text(max_size=4), st.integers(-(2**53), 2**53), st.lists(st.integers(0, 9))),
    "spec": st.dictionaries(st.sampled_from("ab"), st.floats(allow_nan=False, allow_infinity=False)),
}
DOCUMENTS = st.fixed_dictionaries(
    {"id": st.sampled_from(["p", "q/r"])}, optional={k: st.none() | v for k, v in FIELDS.items()}
)
DEFAULTS = {"name": "", "category": "", "price": None, "url": "", "image": "", "available": True}
LATER = {"recommendable": True, "group": ""}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["PUT", "PATCH"]), st.lists(DOCUMENTS, max_size=4)), max_size=5))
def test_any_sequence_of_changes_is_a_merge(
    stage: Stage, calls: list[tuple[str, list[dict[str, Any]]]]
) -> None:
    stage.call("DELETE", "/v1/items?id=p&id=q/r")
    naive: dict[str, dict[str, Any]] = {}
    for method, documents in calls:
        stage.call(method, "/v1/items", json=documents)
        for each in documents:
            if method == "PUT" or each["id"] in naive:
                naive[each["id"]] = {**naive.get(each["id"], {}), **each}
    for item_id in ("p", "q/r"):
        said = {k: v for k, v in naive.get(item_id, {}).items() if v is not None and LATER.get(k) != v}
        assert read(stage, item_id) == ({**DEFAULTS, **said} if item_id in naive else None)


def test_changes_at_once_lose_nothing(stage: Stage) -> None:
    stage.call("PUT", "/v1/items", json=[{"id": f"i{n}"} for n in range(50)])
    fields = [[f"{name}{number}" for number in range(10)] for name in "abcd"]

    def change(own: list[str]) -> None:
        for field in own:
            stage.call("PATCH", "/v1/items", json=[{"id": f"i{n}", field: 1} for n in range(50)])

    threads = [threading.Thread(target=change, args=(own,)) for own in fields]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    for item in stage.call("GET", "/v1/items").json["items"]:
        assert item.keys() >= {field for own in fields for field in own}
