"""A file as a table: names of columns, and rows as often as asked. Text formats are read as a stream."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

from ingest.files import delimited, json_records, parquet, spreadsheet
from ingest.files.encoding import Encoding, chosen, detected
from ingest.files.rows import FileInvalid, Row, cell_text
from ingest.files.source import kind_of, opened

HEADER_ROWS = 20
"""The header is the first row of several fields among these, else the first one: titles and notes stand above it."""
_SAMPLE_CHARACTERS = 1 << 18


class Reading(NamedTuple):
    """How to read a file; "" is found out. ``delimiter`` may be "tab"."""

    encoding: str = ""
    delimiter: str = ""


class Table(Protocol):
    """``names`` are as in the file, without blanks around them. ``format`` is for people: "CSV with ';', UTF-8"."""

    names: list[str]
    format: str

    def rows(self) -> Iterator[Row]:
        """All rows from the first. Raises FileInvalid when the file breaks off or changes."""


def open_table(path: Path, reading: Reading = Reading()) -> Table:  # noqa: B008
    """The file as a table: CSV and its kin, JSON Lines, a JSON array, Parquet, Excel; the texts also as gzip.

    Raises FileInvalid for what is none of these, and for an encoding that cannot be told.
    """
    kind = kind_of(path)
    if kind == "parquet":
        return ParquetTable(path)
    if kind == "spreadsheet":
        return Spreadsheet(path)
    encoding = chosen(reading.encoding) if reading.encoding else detected(path)
    return JsonTable(path, encoding) if kind == "json" else DelimitedTable(path, encoding, reading.delimiter)


class DelimitedTable:
    """CSV, TSV and the like."""

    def __init__(self, path: Path, encoding: Encoding, delimiter: str = "") -> None:
        self._path, self._encoding = path, encoding
        with _text(path, encoding) as stream:
            sample = stream.read(_SAMPLE_CHARACTERS)
        lines = list(io.StringIO(sample, newline=""))
        given = {"tab": "\t", "\\t": "\t"}.get(delimiter.lower(), delimiter)
        if len(given) > 1:
            raise FileInvalid(f"{delimiter!r} is no delimiter: one character, or tab")
        self._delimiter = given or delimited.delimiter_of(lines)
        self._header, names = _header(self._raw_rows(), path)
        while names and not names[-1]:
            names.pop()
        self.names = names
        shown = {"\t": "tabs"}.get(self._delimiter, repr(self._delimiter))
        self.format = f"CSV with {shown}, {encoding.label}"

    def _raw_rows(self) -> Iterator[tuple[int, list[Any]]]:
        with _text(self._path, self._encoding) as stream:
            for row in delimited.rows(stream, self._delimiter):
                yield row.line, list(row.values)

    def rows(self) -> Iterator[Row]:
        with _text(self._path, self._encoding) as stream:
            for row in delimited.rows(stream, self._delimiter, len(self.names)):
                if row.line > self._header and (row.fault or any(row.values)):
                    yield row


class JsonTable:
    """JSON Lines, or an array. The names are those of all records."""

    def __init__(self, path: Path, encoding: Encoding) -> None:
        self._path, self._encoding = path, encoding
        names: dict[str, None] = {}
        for _, record, _ in self._records():
            names |= dict.fromkeys(record or ())
        if not names:
            raise FileInvalid(f"{path}: no records")
        self.names = list(names)
        self.format = f"JSON, {encoding.label}"

    def _records(self) -> Iterator[tuple[int, dict[str, Any] | None, str]]:
        try:
            with _text(self._path, self._encoding) as stream:
                yield from json_records.records(stream)
        except FileInvalid as error:
            raise FileInvalid(f"{self._path.name}: {error}") from error

    def rows(self) -> Iterator[Row]:
        for line, record, text in self._records():
            if record is None:
                yield Row(line, (text,), "no JSON object")
            else:
                yield Row(line, tuple(map(record.get, self.names)))


class ParquetTable:
    """Parquet. Rows count from 2, as if the names were a row of their own."""

    format = "Parquet"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.names = parquet.names(path)

    def rows(self) -> Iterator[Row]:
        return parquet.rows(self._path)


class Spreadsheet:
    """Excel (XLSX, XLS) and OpenDocument."""

    format = "Spreadsheet"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._header, self.names = _header(spreadsheet.rows(path), path)

    def rows(self) -> Iterator[Row]:
        width = len(self.names)
        for line, values in spreadsheet.rows(self._path):
            if line > self._header and any(cell_text(value) for value in values):
                yield Row(line, tuple((values + [""] * width)[:width]))


def _header(rows: Iterator[tuple[int, list[Any]]], path: Path) -> tuple[int, list[str]]:
    """The line of the header and its names."""
    first: tuple[int, list[str]] | None = None
    for at, (line, values) in enumerate(rows):
        names = [cell_text(value).lstrip("\ufeff") for value in values]
        filled = sum(1 for name in names if name)
        if filled > 1:
            return line, names
        if filled and first is None and not names[0].lower().startswith("sep="):
            first = line, names
        if at >= HEADER_ROWS:
            break
    if first is None:
        raise FileInvalid(f"{path}: Empty file")
    return first


@contextmanager
def _text(path: Path, encoding: Encoding) -> Iterator[IO[str]]:
    """Bytes that are not in the encoding are kept as halves of surrogate pairs, which ``UNDECODED`` finds."""
    wide = encoding.name.startswith(("utf-16", "utf-32", "utf_16", "utf_32"))
    with opened(path) as file:
        try:
            with io.TextIOWrapper(
                file, encoding.name, "strict" if wide else "surrogateescape", newline=""
            ) as stream:
                yield stream
        except UnicodeError as error:
            raise FileInvalid(f"{path}: not {encoding.name}: {error}") from error
