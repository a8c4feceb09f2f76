"""HAProxy's HTTP log (``option httplog``). What headers it captured is known by what they look like.

Source: HAProxy's configuration manual, "HTTP log format".
"""

import re
from datetime import tzinfo

from ingest.access_log.clients import address_of
from ingest.access_log.formats.records import record_line

_LINE = re.compile(
    r"(\S+):\d+ \[([^\]]+)\] \S+ [^\s/]+/\S+ [-+\d]+(?:/[-+\d]+){3,5} (-?\d+) \S+ \S+ \S+ \S{2,4} "
    r"\d+/\d+/\d+/\d+/\+?\d+ \d+/\d+ (.*)",
    re.DOTALL,
)
_REST = re.compile(r'((?:\{[^}]*+\} ?)*+)"((?:[^"])*+)"?')
_HOST = re.compile(r"(?:[\w-]+\.)+[A-Za-z]{2,}(?::\d+)?|localhost(?::\d+)?")
_AGENT = re.compile(r"Mozilla/|[\w.-]+/\d")


def haproxy_line(line: bytes, zone: tzinfo) -> bytes:
    """The RECORDS line of a request; b"" for what is none. ``zone``: of its times, which name none."""
    found = _LINE.match(line.decode("utf-8", "replace").rstrip("\r"))
    rest = found and _REST.match(found[4])
    if not found or not rest:
        return b""
    record = {"clientip": found[1], "time": found[2], "status": found[3], "request": rest[2]}
    for value in rest[1].replace("{", "|").replace("}", "|").split("|"):
        _captured(value.strip(), record)
    return record_line(record, zone)


def _captured(value: str, record: dict[str, str]) -> None:
    if not value or value == "-":
        return
    if address_of(value.partition(",")[0]):
        record.setdefault("xforwardedfor", value)
    elif "://" in value and not value.startswith("Mozilla/"):
        record.setdefault("referer", value)
    elif _HOST.fullmatch(value):
        record.setdefault("host", value)
    elif _AGENT.match(value):
        record.setdefault("useragent", value)
