"""/v1/openapi.json is valid, covers every route of web and tracker and nothing else, and says of each what it takes and
gives. That what it says is true is held by ``described.py``, in every test that asks the API."""

import json
import re
from dataclasses import make_dataclass
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.support import described
from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.app import Tracker
from tracker.log.memory import MemoryLog
from tracker.sites import Site, Sites
from web.openapi.description import METHODS, document
from web.openapi.schemas import schemas_of

WHOLE = document("https://x.example")
OPERATIONS = [
    pytest.param(path, method, item[method], id=f"{method} {path}")
    for path, item in WHOLE["paths"].items()
    for method in METHODS
    if method in item
]


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def test_it_is_valid_openapi(stage: Stage) -> None:
    told = stage.call("GET", "/v1/openapi.json", None).json
    assert list(OpenAPIV31SpecValidator(told).iter_errors()) == []
    assert told["openapi"].startswith("3.1") and told["servers"] == [
        {"url": stage.stores.settings.public_url}
    ]


def test_it_covers_every_route_and_nothing_else(stage: Stage, tmp_path: Path) -> None:
    web = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule))
        for rule in stage.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if not rule.rule.startswith(("/desk", "/me/")) and rule.rule not in ("/", "/me")
    }
    tracker = Tracker(Sites(tmp_path / "sites.json"), MemoryLog("memory://"))
    collected = {(method, path) for path, methods in tracker.routes().items() for method in methods}
    tracker.close()
    described_routes = {(method.upper(), path) for path, method, _ in (each.values for each in OPERATIONS)}
    assert described_routes == web | collected


def test_every_operation_has_a_name_of_its_own() -> None:
    names = [operation.values[2]["operationId"] for operation in OPERATIONS]
    assert len(names) == len(set(names)) and all(re.fullmatch("[a-z][A-Za-z0-9]+", name) for name in names)


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS)
def test_every_operation_says_what_it_takes_and_gives(path: str, method: str, operation: Any) -> None:
    assert operation["summary"] and len(operation["tags"]) == 1
    responses = {status: described.resolved(each) for status, each in operation["responses"].items()}
    good = {status: each for status, each in responses.items() if status[0] in "23"}
    assert good and "default" in responses
    for status, each in good.items():
        contents = each.get("content", {})
        assert contents or status in ("204", "304"), f"{status} has no schema"
        assert all(content.get("schema") not in (None, {}, True) for content in contents.values())
    assert all(content["schema"] for content in responses["default"]["content"].values())
    item = WHOLE["paths"][path]
    parameters = [
        described.resolved(each) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))
    ]
    inside = {each["name"] for each in parameters if each["in"] == "path"}
    assert inside == set(re.findall(r"\{(\w+)\}", path))
    if method in ("put", "patch"):
        assert "requestBody" in operation
    secured = operation.get("security", WHOLE["security"])
    assert {name for each in secured for name in each} <= set(WHOLE["components"]["securitySchemes"])


def test_nothing_is_described_that_nobody_refers_to() -> None:
    components = WHOLE["components"]
    there = {
        (kind, name) for kind, named in components.items() for name in named if kind != "securitySchemes"
    }
    assert set(re.findall(r'"#/components/(\w+)/([\w.]+)"', json.dumps(WHOLE))) == there


def test_what_needs_a_secret_key_says_so_and_what_does_not_works_without(stage: Stage) -> None:
    for path, item in WHOLE["paths"].items():
        if "get" not in item or path.startswith(
            ("/dangol", "/t.gif", "/i", "/matomo", "/piwik", "/v1/projects")
        ):
            continue
        status = stage.call("GET", re.sub(r"\{\w+\}", "x", path), None).status_code
        assert (status == 401) == (item["get"].get("security") != []), path


def test_types_that_share_a_name_get_two() -> None:
    inner = [make_dataclass("Same", [(name, int)]) for name in ("a", "b")]
    outer = make_dataclass("Outer", [("x", inner[0]), ("y", inner[1])])
    drawn = schemas_of({"Outer": outer})
    refs = [each["$ref"].rpartition("/")[2] for each in drawn["Outer"]["properties"].values()]
    assert [list(drawn[ref]["properties"]) for ref in refs] == [["a"], ["b"]]


LIES = [
    ("GET", "/v1/items", 200, {"items": []}, "'total' is a required property"),
    ("GET", "/v1/items", 200, {"items": [], "total": "3"}, "is not of type 'integer'"),
    ("GET", "/v1/items", 200, {"items": [], "total": 3, "more": 1}, "more"),
    ("GET", "/v1/items", 201, {"items": [], "total": 3}, "is not described"),
    ("GET", "/v1/items", 404, {"error": {"code": "x", "message": "y"}}, "'field' is a required property"),
    (
        "GET",
        "/v1/models",
        200,
        {"live": None, "models": [{"state": "live"}]},
        "'version' is a required property",
    ),
    ("POST", "/v1/models/train", 202, {"id": "1"}, "'asked' is a required property"),
]


@pytest.mark.parametrize(("method", "path", "status", "body", "said"), LIES)
def test_a_lie_is_found(method: str, path: str, status: int, body: Any, said: str) -> None:
    headers = {"Content-Type": "application/json"}
    with pytest.raises(AssertionError, match=re.escape(said)):
        described.check(method, path, "", b"", status, headers, json.dumps(body).encode())


def test_what_is_taken_and_not_described_is_found() -> None:
    headers, body = {"Content-Type": "application/json"}, b'{"items": [], "total": 0}'
    described.check("GET", "/v1/items", "limit=3", b"", 200, headers, body)
    with pytest.raises(AssertionError, match="'colour' is not described"):
        described.check("GET", "/v1/items", "colour=red", b"", 200, headers, body)
    with pytest.raises(AssertionError, match="the request"):
        described.check("PUT", "/v1/items", "", b'{"items": 1}', 200, headers, b'{"items": 1}')
    with pytest.raises(AssertionError, match="came as 'text/html'"):
        described.check("GET", "/v1/items", "", b"", 200, {"Content-Type": "text/html"}, body)
