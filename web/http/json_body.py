"""JSON in and out: bodies decoded and checked in one pass, answers encoded by msgspec."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from flask import Response, request

from tracker import values
from web.http.problem import Problem

T = TypeVar("T")

_encoder = msgspec.json.Encoder()
_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
_PATH = re.compile(r" - at `(?:key in )?\$\.?(?P<path>[^`]*)`$")

_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")


def answer(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """``value`` (structs, dataclasses, mappings, sequences) as a JSON response."""
    own, raw = encoded(value)
    response = Response(raw, status, own)
    for name, text in (headers or {}).items():
        response.headers[name] = text
    return response


def encoded(value: Any) -> tuple[dict[str, str], bytes]:
    """``value`` as JSON, and the headers of every answer."""
    headers = {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return headers, _encoder.encode(value)


def refusal(error: msgspec.ValidationError) -> Problem:
    """What msgspec says of a value that does not fit, with the path of the field."""
    text = str(error)
    found, missing = _PATH.search(text), _MISSING.match(text)
    path = found["path"] if found else ""
    message = _PATH.sub("", text)
    if missing:
        path = f"{path}.{missing['name']}".lstrip(".")
    elif "regex" in message:
        message = "Must not hold control characters"
    return Problem(400, message, path or None)


def decoded(raw: bytes, shape: type[T]) -> T:
    """``raw`` as ``shape``, whatever its content type says, settled (``tracker.values``). Raises Problem 400 naming the
    field."""
    try:
        return msgspec.convert(values.settled(values.decoded(raw, _anything)), shape)
    except msgspec.ValidationError as error:
        raise refusal(error) from error
    except (ValueError, RecursionError) as error:
        raise Problem(400, f"The body is not JSON: {error}") from error


def body(shape: type[T], limit: int) -> T:
    """The request's JSON body, of at most ``limit`` bytes. Raises Problem 400 or 413."""
    request.max_content_length = limit
    return decoded(request.get_data(cache=True), shape)
