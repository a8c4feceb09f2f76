"""Rows of the first sheet with content of an Excel or OpenDocument file."""

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ingest.files.rows import FileInvalid

UNPACKED_LIMIT = 1 << 30
"""Bytes of XML. A sheet has at most 1,048,576 rows; a small archive may hold far more."""


def rows(path: Path) -> Iterator[tuple[int, list[Any]]]:
    """Row numbers from 1 and values: numbers, texts, dates, "" for empty. The whole sheet is in memory meanwhile.
    Raises FileInvalid."""
    from python_calamine import CalamineError, CalamineWorkbook

    _bounded(path)
    try:
        with path.open("rb") as file:
            book = CalamineWorkbook.from_filelike(file)
            for name in book.sheet_names:
                sheet = book.get_sheet_by_name(name)
                if sheet.start is not None and sheet.height > 0:
                    above = sheet.start[0] + 1
                    yield from ((above + at, values) for at, values in enumerate(sheet.to_python()))
                    return
    except (OSError, CalamineError) as error:
        raise FileInvalid(f"{path}: no spreadsheet that can be read: {error}") from error
    raise FileInvalid(f"{path}: Empty spreadsheet")


def _bounded(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > UNPACKED_LIMIT:
        raise FileInvalid(f"{path}: unpacks to {size / 2**30:.1f} GiB; save it as CSV")
