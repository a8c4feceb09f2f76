"""Holds what the tests send and get to /v1/openapi.json: an answer that is not as described fails the test.

Stricter than the document itself: an answer may hold nothing that is not described, and what was taken must have
been described as a request.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from web.openapi.description import document

ROOT = "https://dangol.test/openapi"
COMPONENTS = "#/components/schemas/"
KEYS = {"writeKey", "write_key"}
"""In the query they are the security scheme's."""


@cache
def described() -> dict[str, Any]:
    return document("https://dangol.test")


def resolved(part: Any) -> Any:
    """``part``, or what it refers to."""
    while isinstance(part, Mapping) and "$ref" in part:
        found: Any = described()
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def operation_of(method: str, path: str) -> tuple[dict[str, Any], list[Any]] | None:
    """The operation and its parameters; None for what is described nowhere. The path that says most wins."""
    path = path.rstrip("/") or path
    for template, item in _ordered():
        if method.lower() in item and _pattern(template).fullmatch(path):
            operation = item[method.lower()]
            return operation, [*item.get("parameters", []), *operation.get("parameters", [])]
    return None


@cache
def _ordered() -> list[tuple[str, dict[str, Any]]]:
    paths: dict[str, dict[str, Any]] = described()["paths"]
    return sorted(paths.items(), key=lambda each: -len(re.sub(r"\{\w+\}", "", each[0])))


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """A customer id may hold a slash, as may a category and an item's id."""
    free = {"who", "category", "item_id"}
    parts = re.split(r"\{(\w+)\}", template)
    return re.compile(
        "".join(
            re.escape(part) if at % 2 == 0 else "(?s:.+)" if part in free else "[^/]+"
            for at, part in enumerate(parts)
        )
    )


def check(
    method: str, path: str, query: str, sent: bytes, status: int, headers: Mapping[str, str], body: bytes
) -> None:
    """Raises AssertionError where the description lies."""
    found = operation_of(method, unquote(path))
    if found is None or status == 405 or 300 <= status < 400:
        return
    operation, parameters = found
    where = f"{method} {path} → {status}"
    responses = operation["responses"]
    if status < 400:
        assert str(status) in responses, f"{where} is not described"
        _check_query(where, parameters, query)
        _check_sent(where, operation, sent)
    _check_answer(where, resolved(responses.get(str(status), responses["default"])), headers, body)


def _check_answer(where: str, response: Mapping[str, Any], headers: Mapping[str, str], body: bytes) -> None:
    content = response.get("content", {})
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    media = kind.partition(";")[0].strip()
    if not content:
        assert body == b"", f"{where} has a body, which is not described"
        return
    assert media in content, f"{where} came as {media!r}, described is {sorted(content)}"
    if media == "application/json":
        _valid(where, closed(content[media]["schema"]), json.loads(body))


def _check_sent(where: str, operation: Mapping[str, Any], sent: bytes) -> None:
    """What was taken is a request as described."""
    asked = resolved(operation.get("requestBody"))
    schema = (asked or {}).get("content", {}).get("application/json", {}).get("schema")
    if not sent or not schema:
        return
    try:
        value = json.loads(sent)
    except (ValueError, RecursionError):
        return  # a form, or gzipped, or deeper than Python reads
    _valid(f"{where}, the request", schema, value)


def _check_query(where: str, parameters: list[Any], query: str) -> None:
    known = {each["name"]: each["schema"] for each in map(resolved, parameters) if each["in"] == "query"}
    given: dict[str, list[str]] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        given.setdefault(name, []).append(value)
    for name, values in given.items():
        if name in KEYS or "fields" in known:
            continue
        assert name in known, f"{where}: the parameter {name!r} is not described"
        schema = resolved(known[name])
        if schema.get("type") == "array":
            _valid(f"{where}?{name}", schema, [value for value in values if value])
        elif values[0]:  # an empty one is as if it were not there
            whole = schema.get("type") == "integer" and values[0].isdigit()
            _valid(f"{where}?{name}", schema, int(values[0]) if whole else values[0])


def _valid(where: str, schema: Any, value: Any) -> None:
    errors = [
        f"{error.json_path}: {error.message[:500]}"
        for error in _validator(json.dumps(schema)).iter_errors(value)
    ]
    assert not errors, f"{where} is not as /v1/openapi.json says: {errors[:5]}"


@cache
def _validator(schema: str) -> Draft202012Validator:
    whole = {
        **described(),
        "closed": {name: _inside(each) for name, each in described()["components"]["schemas"].items()},
    }
    resource = Resource(contents=whole, specification=DRAFT202012)
    absolute = schema.replace('"#/', f'"{ROOT}#/')
    return Draft202012Validator(json.loads(absolute), registry=Registry().with_resource(ROOT, resource))


def closed(schema: Any) -> Any:
    """``schema`` that admits no property beyond those that it names."""
    schema = _inside(schema)
    if isinstance(schema, dict) and _names_properties(schema):
        return {"unevaluatedProperties": False, **schema}
    return schema


def _inside(schema: Any) -> Any:
    """The same for what it holds. Parts of an allOf stay open: they name some of the properties each."""
    if not isinstance(schema, dict):
        return schema
    return dict(_parts(schema))


def _parts(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in schema.items():
        if name == "$ref":
            yield name, value.replace(COMPONENTS, "#/closed/")
        elif name == "properties":
            yield name, {key: closed(each) for key, each in value.items()}
        elif name in ("items", "additionalProperties"):
            yield name, closed(value)
        elif name in ("anyOf", "oneOf", "prefixItems"):
            yield name, [closed(each) for each in value]
        elif name == "allOf":
            yield name, [_inside(each) for each in value]
        else:
            yield name, value


def _names_properties(schema: Mapping[str, Any]) -> bool:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _names_properties(described()["components"]["schemas"][name])
    return "properties" in schema or any(map(_names_properties, schema.get("allOf", ())))
