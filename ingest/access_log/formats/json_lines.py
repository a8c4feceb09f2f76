"""Lines that are JSON objects: requests, as nginx, Caddy and Traefik write them, and texts that collectors wrapped."""

import re
from datetime import tzinfo
from typing import Any

import msgspec

from ingest.access_log.formats.records import normal, record_line

DEEPEST = 4
"""Objects in objects, as in Caddy's ``request.headers``, whose fields are read."""
TEXTS = ("log", "MESSAGE", "message", "msg", "line", "textPayload")
"""Names under which Docker, the journal and collectors keep the line that a program wrote."""

_HEX = re.compile(rb"\\x([0-9A-Fa-f]{2})")


def json_line(line: bytes, zone: tzinfo) -> bytes:
    """The RECORDS line of a request in JSON; b"" for what is none."""
    found = _object(line)
    if found is None:
        return b""
    record: dict[str, str] = {}
    _flatten(found, "", record, DEEPEST)
    return record_line(record, zone)


def wrapped_text(line: bytes) -> str | None:
    """The text that a collector wrapped in a JSON object; None for another line."""
    found = _object(line)
    if found is None:
        return None
    for name in TEXTS:
        value = found.get(name)
        if isinstance(value, str) and value:
            return value
        if isinstance(value, list):  # the journal's way to keep bytes that are no text
            numbers = [each for each in value if isinstance(each, int) and 0 <= each < 256]
            return bytes(numbers).decode("utf-8", "replace")
    return None


def _object(line: bytes) -> dict[str, Any] | None:
    line = line.strip()
    if not line.startswith(b"{"):
        return None
    try:
        found = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        try:  # nginx without escape=json writes \xHH, which JSON does not know
            found = msgspec.json.decode(_HEX.sub(rb"\\u00\1", line)) if b"\\x" in line else None
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            return None
    return found if isinstance(found, dict) else None


def _flatten(found: dict[str, Any], prefix: str, record: dict[str, str], deepest: int) -> None:
    """Names and texts of an object, ``{"request": {"uri": "/"}}`` as ``requesturi``. The first of one name counts."""
    for name, value in found.items():
        key = prefix + normal(name)
        if isinstance(value, dict):
            if deepest:
                _flatten(value, key, record, deepest - 1)
        elif isinstance(value, list):
            record.setdefault(key, ", ".join(each for each in value if isinstance(each, str)))
        elif isinstance(value, bool) or value is None:
            continue
        else:
            record.setdefault(key, value if isinstance(value, str) else repr(value))
