"""The lines of a file, made ready to be cut: prefixes taken away, records made lines. One line stays one line."""

from collections.abc import Callable, Iterator
from datetime import tzinfo

from ingest.access_log.format import Format
from ingest.access_log.formats.haproxy import haproxy_line
from ingest.access_log.formats.json_lines import json_line
from ingest.access_log.formats.prefixes import COMMENT, remover
from ingest.access_log.formats.w3c import W3CLines

BOM = b"\xef\xbb\xbf"

Block = Callable[[bytes], bytes]


def converted(
    blocks: Iterator[bytes], form: Format, prefixes: tuple[str, ...], zone: tzinfo
) -> Iterator[bytes]:
    """The blocks of a file, in their order, as lines in ``form``. ``prefixes``: the names of what stands before each
    line, the outermost first. What is in another format stays, and is never taken for a line in ``form``."""
    steps: list[Block] = [remover(name) for name in prefixes]
    if form.records:
        steps.append(_Records(form.records, zone))
    for number, block in enumerate(blocks):
        if not number and block.startswith(BOM):
            block = block[len(BOM) :]
        for step in steps:
            block = step(block)
        yield block


class _Records:
    """Lines of one file that are records of one kind."""

    def __init__(self, kind: str, zone: tzinfo) -> None:
        self.zone = zone
        self.w3c = W3CLines() if kind == "w3c" else None
        self.line = self.w3c or {"json": json_line, "haproxy": haproxy_line}[kind]

    def __call__(self, block: bytes) -> bytes:
        return b"\n".join(map(self._line, block.split(b"\n")))

    def _line(self, line: bytes) -> bytes:
        if line.startswith(COMMENT):
            if self.w3c:
                self.w3c.directive(line)
            return line.replace(b"\t", b" ")
        return (self.line(line, self.zone) if line else b"") or line.replace(b"\t", b" ")
