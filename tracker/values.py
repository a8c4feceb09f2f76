"""The values that an event or document may hold: one rule for every protocol, API and file.

Later stages store values in JSON, msgpack, Arrow and Parquet, and each of these has values that it cannot hold. So
values are converted when they come in. A value keeps its meaning, or shows that it was changed:

- A number that is no finite float and no integer of 64 bits becomes its text, as it came.
- NUL, and half a surrogate pair (a title cut through an emoji), become U+FFFD.
- A value nested deeper than NESTING levels becomes its JSON text.
- Keys of an object beyond KEYS of them, or longer than KEY_CHARACTERS, are put together in a JSON text under REST.
"""

import json
import math
import re
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

NESTING = 16
"""Levels of objects and lists in one event's properties, traits or context, or in one document."""
KEYS = 500
KEY_CHARACTERS = 200
REST = "…"
INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

REASONS = ("number", "text", "nested", "keys")
changed: Counter[str] = Counter()
"""How many values this process changed, by reason."""


class _Thread(threading.local):
    def __init__(self) -> None:
        self.changed: set[str] = set()


_thread = _Thread()


def reasons_since() -> Collection[str]:
    """For which reasons this thread changed values since it was last asked."""
    found, _thread.changed = _thread.changed, set()
    return found


def _note(reason: str) -> None:
    changed[reason] += 1
    _thread.changed.add(reason)


_NUL = "\0"
_HALF_SURROGATE = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)
"""In group 1: half a surrogate pair."""
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"?|(-?[0-9][-+.0-9eE]*+|NaN|-?Infinity)', re.DOTALL)
"""A string; or a number, in group 1, or what JavaScript and Python write for one that is not finite."""


def decoded(raw: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """``raw`` as the decoder's type, repaired where JSON itself, or its decoder, cannot hold a value. Raises the
    decoder's errors."""
    try:
        return decoder.decode(raw)
    except ValueError:
        repaired = _repaired(raw)
        if repaired == raw:
            raise
        return decoder.decode(repaired)


def fits(value: object, levels: int = NESTING) -> bool:
    """Whether every later stage can hold the value as it is."""
    kind = type(value)  # a decoder makes no subclasses
    if kind is str:
        return _clean(value)  # type: ignore[arg-type]
    if value is None or kind is bool:
        return True
    if kind is int:
        return INT64_MIN <= value <= INT64_MAX  # type: ignore[operator]
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]
    if levels <= 0:
        return False
    if kind is list:
        return all(fits(each, levels - 1) for each in value)  # type: ignore[attr-defined]
    if kind is not dict or len(value) > KEYS:  # type: ignore[arg-type]
        return False
    for key, each in value.items():  # type: ignore[attr-defined]
        if type(key) is not str or len(key) > KEY_CHARACTERS or not _clean(key) or not fits(each, levels - 1):
            return False
    return True


def settled(value: Any) -> Any:
    """The value as every later stage can hold it; the same object where nothing changes."""
    return value if fits(value) else _settled(value, NESTING)


def text(value: str) -> str:
    """As ``settled``, for a text."""
    if _clean(value):
        return value
    _note("text")
    return value.replace(_NUL, "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _clean(value: str) -> bool:
    if value.isascii():
        return _NUL not in value
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return _NUL not in value


def _settled(value: Any, levels: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return text(value)
    if isinstance(value, int | float):
        return value if fits(value) else _number_text(value)
    if isinstance(value, Mapping | list | tuple):
        if levels <= 0:
            return _json_text(value, "nested")
        if isinstance(value, Mapping):
            return _settled_object(value, levels)
        return [_settled(each, levels - 1) for each in value]
    return text(str(value))


def _settled_object(value: Mapping[Any, Any], levels: int) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    rest: dict[str, Any] = {}
    for key, each in value.items():
        name = text(str(key))
        if len(name) <= KEY_CHARACTERS and len(kept) < KEYS - (len(value) > KEYS):
            kept[name] = _settled(each, levels - 1)
        else:
            rest[name] = each
    if rest:
        kept[REST] = _json_text(rest, "keys")
    return kept


def _number_text(number: Any) -> str:
    _note("number")
    if isinstance(number, float):  # as JavaScript names them
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    try:
        return str(number)
    except ValueError:  # Python writes 4,300 digits at most
        return hex(number)


def _json_text(value: Any, why: str) -> str:
    _note(why)
    try:
        return text(json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str))
    except (RecursionError, ValueError, TypeError):  # endless, or nearly so
        return REST


def _repaired(raw: bytes) -> bytes:
    """UTF-8 JSON with halves of surrogate pairs replaced, and with numbers that are not finite as texts."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        _note("text")
        raw = raw.decode("utf-8", "replace").encode()
    return _TOKEN.sub(_quote_large_number, _HALF_SURROGATE.sub(_replace_half_surrogate, raw))


def _replace_half_surrogate(found: re.Match[bytes]) -> bytes:
    if found[1] is None:
        return found[0]
    _note("text")
    return b"\\ufffd"


def _quote_large_number(found: re.Match[bytes]) -> bytes:
    number = found[1]
    if number is None:
        return found[0]
    try:
        holds = math.isfinite(float(number))
    except ValueError:
        return found[0]
    if holds:
        return found[0]
    _note("number")
    return b'"' + number + b'"'
