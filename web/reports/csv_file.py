"""Reports as CSV: one table each, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from flask import Response

from warehouse.definitions.shares import Share

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_of(name: str, rows: Sequence[Any]) -> Response:
    """``rows`` (dataclasses of one kind) as a file to keep; an empty one without rows."""
    flat = [_flat(row) for row in rows]
    columns = list(flat[0]) if flat else []
    response = Response(
        _written(columns, (list(row.values()) for row in flat)), content_type="text/csv; charset=utf-8"
    )
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _flat(row: Any) -> dict[str, Any]:
    """The fields; then the ends of the interval of each share: ``x_low`` and ``x_high`` of ``x_interval``."""
    values = {
        name: value for name, value in asdict(row).items() if name != "intervals"
    }  # a column holds one value
    for name in [each for each in values if isinstance(getattr(row, each), Share)]:
        share, rate = values.pop(name), name.removesuffix("_interval")
        values |= {f"{rate}_low": share["low"], f"{rate}_high": share["high"]}
    return values


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
