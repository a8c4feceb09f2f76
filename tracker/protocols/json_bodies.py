"""JSON bodies: decoded, repaired where browsers are known to break them, or refused with the reason."""

from typing import Any, TypeVar

import msgspec

from tracker import values
from tracker.refusal import Refusal

_T = TypeVar("_T")


def decoded(raw: bytes, decoder: msgspec.json.Decoder[_T]) -> _T | Refusal:
    """``raw`` as the decoder's type, or a refusal that names the invalid field."""
    try:
        return values.decoded(raw, decoder)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$")
        return Refusal("bad_value", message, field.rstrip("`").lstrip(".") or None)
    except RecursionError:
        return Refusal("too_deep", "the JSON is nested too deep")
    except ValueError as error:  # malformed JSON or not UTF-8
        return Refusal("bad_json", f"the body is not JSON: {error}"[:200])


_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


def embedded(raw: bytes) -> Any:
    """The JSON inside a parameter, as ``values.settled``; None where it is invalid: only the parameter is lost then."""
    value = decoded(raw, _anything)
    return None if isinstance(value, Refusal) else values.settled(value)
