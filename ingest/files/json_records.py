"""Records of JSON: one a line, or one array of them, also inside of an object such as {"orders": […]}."""

import json
from collections.abc import Iterator
from typing import IO, Any

import msgspec

from ingest.files.rows import UNDECODED, FileInvalid

CHUNK = 1 << 16
RECORD_LIMIT = 1 << 26
"""Characters of one record."""
_BLANK = " \t\r\n,"


def records(stream: IO[str]) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    """Line (of an array: place), flat record, and its text where it is none: nested names are joined by a dot, lists
    stay lists. Raises FileInvalid for what is no JSON."""
    first = stream.readline(RECORD_LIMIT).lstrip("\ufeff")
    record = _decoded(first)
    if record is not None and not _wraps(record):
        yield from _by_line(first, stream)
    else:
        yield from _of_array(first, stream)


def _wraps(record: dict[str, Any]) -> bool:
    """Whether this is {"orders": [{…}, …]}, and no order itself."""
    many = next(iter(record.values()), None)
    return len(record) == 1 and isinstance(many, list) and all(isinstance(each, dict) for each in many)


def _by_line(first: str, stream: IO[str]) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    number, line = 1, first
    while line:
        if line.strip():
            yield number, _decoded(line), line[:10_000]
        number, line = number + 1, stream.readline(RECORD_LIMIT)


def _of_array(head: str, stream: IO[str]) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
    decoder, number = json.JSONDecoder(), 0
    while "[" not in head and len(head) < RECORD_LIMIT and (more := stream.read(CHUNK)):
        head += more
    begin = head.find("[")
    if begin < 0:
        raise FileInvalid("no JSON Lines and no array of objects")
    rest, ended = head[begin + 1 :], False
    while True:
        rest = rest.lstrip(_BLANK)
        if rest.startswith("]"):
            return
        try:
            value, end = decoder.raw_decode(rest) if rest else (None, 0)
        except (ValueError, RecursionError) as error:
            if ended or len(rest) > RECORD_LIMIT:
                raise FileInvalid(f"record {number + 1}: no JSON: {error}") from error
            end = 0
        if end and (end < len(rest) or ended):
            number += 1
            yield number, _flat(value) if isinstance(value, dict) else None, rest[:end][:10_000]
            rest = rest[end:]
        elif ended:
            raise FileInvalid(f"ends inside of the array, after record {number}")
        else:
            more = stream.read(max(CHUNK, len(rest)))
            rest, ended = rest + more, not more


def _decoded(line: str) -> dict[str, Any] | None:
    if UNDECODED.search(line) and not line.isascii():
        return None
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeError):
        return None
    return _flat(value) if isinstance(value, dict) else None


def _flat(record: dict[str, Any], before: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{before}{name}.")
        else:
            flat[before + name] = value
    return flat
