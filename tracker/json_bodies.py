"""JSON as clients send it: decoded, mended where browsers are known to break it, or refused with the reason."""

import re
from typing import Any, TypeVar

import msgspec

from tracker.request import Refusal

_T = TypeVar("_T")

_LONE_SURROGATE = re.compile(
    rb"(\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def decoded(raw: bytes, decoder: msgspec.json.Decoder[_T]) -> _T | Refusal:
    """``raw`` as the decoder's type, or a refusal naming the field that is not what it should be."""
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$")
        return Refusal("bad_value", message, field.rstrip("`").lstrip(".") or None)
    except RecursionError:
        return Refusal("too_deep", "the JSON is nested too deep")
    except ValueError as error:  # malformed JSON or not UTF-8
        # A title cut through an emoji is half a surrogate pair, which browsers do send: mend it, once.
        mended = _LONE_SURROGATE.sub(lambda match: match[1] or b"\\ufffd", raw)
        if mended != raw:
            return decoded(mended, decoder)
        return Refusal("bad_json", f"the body is not JSON: {error}"[:200])


_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def inner(raw: bytes) -> Any:
    """The JSON inside a parameter; None for what is none: it costs a parameter, not the event."""
    value = decoded(raw, _anything)
    return None if isinstance(value, Refusal) else value
