"""JSON bodies: decoded, repaired where browsers are known to break them, or refused with the reason."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TypeVar

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


_members: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
_MARK = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{]++|[\]}]++|,', re.DOTALL)


class Items(NamedTuple):
    """A JSON object: ``envelope`` is the object without its list, ``items`` are the list's, each still undecoded."""

    envelope: bytes
    items: list[bytes]


def split(raw: bytes, name: str, alone: bool = False) -> Items | Refusal:
    """The object ``raw`` and the items of its list ``name``, so that one that no decoder can read costs no other.

    ``alone``: an object in place of the list is its only item.
    """
    members = decoded(raw, _members)
    if isinstance(members, Refusal):
        members = _members_by_depth(raw) if members.code == "too_deep" else members
    if isinstance(members, Refusal):
        return members
    if name not in members:
        return Refusal("bad_value", f"Object missing required field `{name}`", None)
    listed = bytes(members.pop(name)).strip()
    if alone and listed.startswith(b"{"):
        listed = b"[" + listed + b"]"
    if not listed.startswith(b"["):
        return Refusal("bad_value", "Expected a list", name)
    found = decoded(listed, _list)
    if isinstance(found, Refusal):
        if found.code != "too_deep":
            return found
        items = list(_parts(listed))
    else:
        items = [bytes(item) for item in found]
    return Items(msgspec.json.encode({**members, name: []}), items)


def _members_by_depth(raw: bytes) -> dict[str, msgspec.Raw] | Refusal:
    """As the decoder finds them, where it cannot look so deep."""
    members = {}
    for part in _parts(raw.strip()):
        found = _MARK.match(part)
        if found is None or not part.startswith(b'"'):
            return Refusal("bad_json", "the body is not a JSON object")
        key = embedded(found[0])
        members[str(key)] = msgspec.Raw(part[found.end() :].lstrip(b" \t\r\n:"))
    return members


def _parts(raw: bytes) -> Iterator[bytes]:
    """What stands between the commas of the outermost object or list: linear in its length, at any depth."""
    depth, start = 0, 1
    for mark in _MARK.finditer(raw):
        sign = raw[mark.start()]
        if sign in b"[{":
            depth += mark.end() - mark.start()
        elif sign in b"]}":
            depth -= mark.end() - mark.start()
        elif sign == ord(",") and depth == 1:
            yield raw[start : mark.start()].strip()
            start = mark.end()
    if last := raw[start:-1].strip():
        yield last
