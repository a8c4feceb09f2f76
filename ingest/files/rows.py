"""A row of a file, the text of its values, and the error of a file that cannot be read."""

import math
import re
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from tracker.fields.exact_ids import exact_id
from tracker.values import text

UNDECODED = re.compile("[\udc80-\udcff]")
"""Bytes that the file's encoding does not know, as ``errors="surrogateescape"`` reads them."""

_WHOLE = re.compile(r"\d+\.0")


class FileInvalid(Exception):
    """The file is no table that can be read; the message names the file and what to do."""


class Row(NamedTuple):
    """``line`` is where the row begins in the file, from 1 (of a spreadsheet or Parquet: its row). There is a value for
    each name of the table, unless ``fault`` says why the row cannot be used; then ``values`` are for the rejects."""

    line: int
    values: tuple[Any, ...]
    fault: str = ""


def cell_text(value: Any) -> str:
    """A value as a person would write it: 10001.0 of a spreadsheet is 10001, an empty cell is ""."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, float):
        if not math.isfinite(value):
            return ""
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode(errors="replace").strip()
    if isinstance(value, list | dict):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)


def cell_id(value: Any) -> str:
    """An id as text: 10001, 10001.0 and "10001.0" are one, whatever program has written the file."""
    given = text(cell_text(value))
    return exact_id(given[:-2] if _WHOLE.fullmatch(given) else given)[0]
