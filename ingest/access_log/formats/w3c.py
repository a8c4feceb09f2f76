"""The W3C extended log format, as IIS and CloudFront write it: ``#Fields:`` names the fields of the lines below it.

Times are UTC. IIS writes ``+`` for blanks in the user agent; CloudFront separates by tabs and percent-encodes it.
"""

import re
from datetime import tzinfo
from urllib.parse import unquote

from ingest.access_log.formats.records import normal, record_line

_FIELDS, _DATE = b"#Fields:", b"#Date:"
_QUOTED = re.compile(r'"((?:[^"]|"")*+)"(?=\s|$)|(\S+)')


class W3CLines:
    """Lines of one file, in their order: a ``#Fields:`` line changes what follows."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.date = ""

    def __call__(self, line: bytes, zone: tzinfo) -> bytes:
        """The RECORDS line of a request; b"" for what is none. ``zone`` is not used: times are UTC."""
        text = line.decode("utf-8", "replace").strip("\r\n")
        values = self._values(text)
        if not self.names or len(values) < len(self.names):
            return b""
        record = dict(zip(self.names, values, strict=False))
        if self.date:
            record.setdefault("date", self.date)
        agent = record.get("csuseragent", "")
        if " " not in agent:
            record["csuseragent"] = _agent(agent)
        return record_line(record, zone)

    def directive(self, line: bytes) -> None:
        """A line that begins with ``#``."""
        text = line.decode("utf-8", "replace").strip()
        if line.startswith(_FIELDS):
            self.names = [normal(name) for name in text[len(_FIELDS) :].split()]
        elif line.startswith(_DATE):
            self.date = text[len(_DATE) :].strip()[:10]

    def _values(self, text: str) -> list[str]:
        if "\t" in text:
            return text.split("\t")
        if '"' not in text:
            return text.split(" ")
        return [found[2] or found[1].replace('""', '"') for found in _QUOTED.finditer(text)]


def _agent(text: str) -> str:
    """A user agent with its blanks, which stand there as ``+``, ``%20`` or, encoded twice, ``%2520``."""
    if "%20" in text or "%2520" in text:
        text = unquote(text)
        return unquote(text) if "%20" in text else text
    return text.replace("+", " ")
