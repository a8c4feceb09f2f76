"""Rows of CSV and its kin, one after the other: quoted line breaks, quotes inside, rows of any length."""

import csv
from collections import deque
from collections.abc import Iterator
from typing import IO

from ingest.files.rows import UNDECODED, Row

DELIMITERS = (",", ";", "\t", "|")
RECORD_LIMIT = 1 << 20
"""Characters of one row. A quotation mark that is never closed reads no further."""
_SAMPLE_ROWS = 50


class RowTooLong(Exception):
    """A row goes on for RECORD_LIMIT characters."""


class _Lines:
    """The lines of a stream for a csv.reader, which can be given back to be read anew.

    ``pending`` are those of the row that is being read; ``ended``: the reader asked for more than there is."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._back = stream, deque[str]()
        self.pending: list[str] = []
        self.number, self._size, self.ended = 0, 0, False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._stream.readline(RECORD_LIMIT)
        if not line:
            self.ended = True
            raise StopIteration
        self.number += 1
        self._size += len(line)
        self.pending.append(line)
        if self._size > RECORD_LIMIT:
            raise RowTooLong
        return line

    def begin(self) -> None:
        self.pending, self._size, self.ended = [], 0, False

    def give_back(self) -> str:
        """Give back all lines of the row but its first, which is returned."""
        first, *rest = self.pending
        self._back.extendleft(reversed(rest))
        self.number -= len(rest)
        self.begin()
        return first


def rows(stream: IO[str], delimiter: str, width: int = 0) -> Iterator[Row]:
    """The rows of a text stream opened with ``newline=""``, without empty ones.

    With a ``width``, a row with another number of fields has a fault. If it goes over several lines, a quotation mark
    is probably missing: then its first line is the fault, and reading goes on at the second.
    """
    csv.field_size_limit(2 * RECORD_LIMIT)
    lines = _Lines(stream)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        lines.begin()
        try:
            values = next(reader, None)
            whole = True
        except (RowTooLong, csv.Error):
            values, whole = _lenient(lines, delimiter), False
        if values is None:
            return
        line, fault = lines.number - len(lines.pending) + 1, ""
        if any(not each.isascii() and UNDECODED.search(each) for each in lines.pending):
            fault = "not in the file's encoding (--encoding names another)"
        elif values and width:
            values, fault = _fitted(values, width)
        if len(lines.pending) > 1 and (fault or not whole):
            values, fault = [lines.give_back().rstrip("\r\n")[:10_000]], "a quotation mark is not closed"
        elif not values and not whole:
            values, fault = [lines.pending[0].rstrip("\r\n")[:10_000]], "a quotation mark is not closed"
        if not whole or fault:
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
        if values:
            yield Row(line, tuple(values), fault)


def _lenient(lines: _Lines, delimiter: str) -> list[str]:
    """The fields of one line with quotation marks inside that are not doubled; none where a mark may be missing."""
    if len(lines.pending) > 1 or lines.ended or len(lines.pending[0]) >= RECORD_LIMIT:
        return []
    return next(csv.reader(lines.pending, delimiter=delimiter), [])


def _fitted(values: list[str], width: int) -> tuple[list[str], str]:
    """The fields without empty ones behind the last column, and what is wrong with their number."""
    if len(values) > width and not any(values[width:]):
        del values[width:]
    if len(values) == width:
        return values, ""
    return values, f"has {len(values)} fields, the header has {width}"


def delimiter_of(lines: list[str]) -> str:
    """The character that parts the fields, from the first lines of a file: the one with which most rows have as many
    fields as the header."""
    if len(lines) and lines[0].strip().lower().startswith("sep=") and len(lines[0].strip()) == 5:
        return lines[0].strip()[4]
    return max(DELIMITERS, key=lambda each: _agreement(lines, each))


def _agreement(lines: list[str], delimiter: str) -> tuple[float, int, int]:
    """The share of rows that are as wide as the first one of several fields, how far above that is, and the width."""
    csv.field_size_limit(2 * RECORD_LIMIT)
    widths = []
    try:
        for values in csv.reader(lines, delimiter=delimiter):
            widths.append(len(values))
            if len(widths) > _SAMPLE_ROWS:
                break
    except csv.Error:
        pass
    first = next((at for at, width in enumerate(widths) if width > 1), None)
    if first is None:
        return 0.0, 0, 1
    # The last row may be cut.
    below = [width for width in widths[first:] if width][: max(1, len(widths) - first - 1)]
    return round(below.count(widths[first]) / len(below), 1), -first, widths[first]
