"""GET /v1/openapi.json: what the API takes and gives, for people and generators of clients."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from flask import Blueprint, Response

from web.answers import answer


def document(server: str) -> dict[str, Any]:
    """The description in ``openapi.yaml``, with this installation as its server."""
    text = files("web").joinpath("openapi.yaml").read_text(encoding="utf-8")
    described: dict[str, Any] = yaml.safe_load(text)
    return {**described, "servers": [{"url": server}]}


def openapi_blueprint(public_url: str) -> Blueprint:
    blueprint = Blueprint("openapi", __name__)
    described = cache(
        document
    )  # read when somebody asks: to read it takes as long as everything else at a start

    @blueprint.get("/v1/openapi.json")
    def described_api() -> Response:
        return answer(described(public_url))

    return blueprint


def operations(described: Mapping[str, Any]) -> set[tuple[str, str]]:
    """(method, path) of everything that is described."""
    methods = {"get", "put", "post", "patch", "delete"}
    return {
        (method.upper(), path)
        for path, item in described["paths"].items()
        for method in item
        if method in methods
    }
