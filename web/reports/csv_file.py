"""Reports as CSV: one table each, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from typing import Any

from flask import Response

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(name: str, rows: Sequence[Any]) -> Response:
    """``rows`` (dataclasses of one kind) as a file to keep; an empty one without rows."""
    columns = [field.name for field in fields(rows[0])] if rows else []
    values = ([asdict(row)[column] for column in columns] for row in rows)
    response = Response(_written(columns, values), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _written(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(value) for value in row] for row in rows)
    return "\ufeff" + out.getvalue()  # a spreadsheet takes it for UTF-8


def _cell(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula is quoted: visitors write page titles and keywords."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value
