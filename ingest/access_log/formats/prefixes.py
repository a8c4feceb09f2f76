"""What syslog, the journal and containers write before a line, taken away, so that the server's own line is left.

Lines stay lines: a part of a longer line that a container runtime cut becomes a comment, and its text stands with the
last part.
"""

import re
from collections.abc import Callable

from ingest.access_log.formats.json_lines import wrapped_text
from ingest.access_log.lines import LINE_LIMIT

COMMENT = b"#"
_ISO = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_PRIORITY = rb"(?:\d{1,6} )?(?:<\d{1,3}>)?"
_PROGRAM = rb"[^\s:\[\"]{1,128}(?:\[[^\]\s]{0,64}\])?: "
PREFIXES = {
    "syslog (RFC 5424)": rb"(?:\d{1,6} )?<\d{1,3}>1 (?:"
    + _ISO
    + rb"|-) \S{1,255} \S{1,255} \S{1,255} \S{1,255} "
    rb'(?:-|(?:\[(?:[^\]\\"]|"(?:[^"\\]|\\.)*+"|\\.)*+\])++) ?(?:\xef\xbb\xbf)?',
    "syslog": _PRIORITY + rb"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d(?:\.\d{1,9})? (?:\S{1,255} )?" + _PROGRAM,
    "syslog (ISO times)": _PRIORITY + _ISO + rb" (?:\S{1,255} )?" + _PROGRAM,
    "Kubernetes": _ISO + rb" (?:stdout|stderr) [PF](?::\w{1,32})* ",
    "docker compose": rb"(?:\x1b\[[\d;]*m)*[\w.@-]{1,255}(?:\x1b\[[\d;]*m)* +\| ?(?:\x1b\[[\d;]*m)* ?",
    "grep": rb"[\w./-]{1,255}\.log(?:\.[\w.]{1,40})?:",
    "kubectl": rb"\[pod/[^\]\s]{1,500}\] ",
    "time": _ISO + rb" ",
}
"""Regular expressions by name, in the order in which they are tried. They look at one line's begin, and no more."""
WRAPPED = "JSON"
"""The name of a JSON object around each line: Docker's json-file, the journal's, collectors'."""

_PART = re.compile(_ISO + rb" (stdout|stderr) ([PF])(?::\w{1,32})* ")

Block = Callable[[bytes], bytes]


def remover(name: str) -> Block:
    """What takes the prefix ``name`` away from the lines of a file, whose blocks come in their order."""
    if name == WRAPPED:
        return _Unwrapped()
    if name == "Kubernetes":
        return _Joined()
    expression = re.compile(rb"^" + PREFIXES[name], re.MULTILINE)
    return lambda block: expression.sub(b"", block)


class _Parts:
    """Parts of lines, by the stream that they belong to, until the last part comes."""

    def __init__(self) -> None:
        self.waiting: dict[bytes, bytes] = {}

    def part(self, stream: bytes, text: bytes) -> bytes:
        before = self.waiting.get(stream, b"")
        self.waiting[stream] = (before + text)[:LINE_LIMIT]
        return COMMENT + b" part of a line"

    def last(self, stream: bytes, text: bytes) -> bytes:
        return self.waiting.pop(stream, b"") + text if self.waiting else text


class _Joined(_Parts):
    """Lines of the Container Runtime Interface: ``TIME stdout F text``, parts of a longer line with P."""

    def __init__(self) -> None:
        super().__init__()
        self.prefix = re.compile(rb"^" + PREFIXES["Kubernetes"], re.MULTILINE)

    def __call__(self, block: bytes) -> bytes:
        if not self.waiting and b" P" not in block:
            return self.prefix.sub(b"", block)
        return b"\n".join(map(self._line, block.split(b"\n")))

    def _line(self, line: bytes) -> bytes:
        found = _PART.match(line)
        if not found:
            return line
        text = line[found.end() :]
        return self.part(found[1], text) if found[2] == b"P" else self.last(found[1], text)


class _Unwrapped(_Parts):
    """Texts in JSON objects. Docker's end with a newline, but for parts of a longer line."""

    def __call__(self, block: bytes) -> bytes:
        return b"\n".join(map(self._line, block.split(b"\n")))

    def _line(self, line: bytes) -> bytes:
        text = wrapped_text(line)
        if text is None:
            return line
        whole = text.rstrip("\r\n").replace("\n", " ").encode(errors="replace")
        docker = b'"log"' in line and b'"stream"' in line
        if docker and not text.endswith("\n"):
            return self.part(b"", whole)
        return self.last(b"", whole)
