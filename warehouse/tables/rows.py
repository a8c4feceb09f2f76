"""Rows as Arrow tables. A row that does not fit is named, and the others of its batch are kept."""

from collections.abc import Mapping, Sequence
from itertools import islice

import pyarrow as pa

from warehouse.tables.schema import EVENTS, EventRow

SAID = 3
"""Rows that the message names; all of them are in ``reasons``."""


class RowsInvalid(ValueError):
    """Rows that no column can hold: for the dead letters. ``reasons`` maps index in the batch to reason."""

    def __init__(self, reasons: Mapping[int, str]) -> None:
        first = [f"row {index}: {reason}" for index, reason in islice(reasons.items(), SAID)]
        more = f"; and {len(reasons) - SAID:,} more" if len(reasons) > SAID else ""
        super().__init__("; ".join(first) + more)
        self.reasons = dict(reasons)


def arrow(rows: Sequence[EventRow]) -> pa.Table:
    """The rows as one Arrow table. Raises RowsInvalid with every row that does not fit."""
    try:
        return _columns(rows)
    except MemoryError:
        raise
    except Exception as error:
        if len(rows) < 2:
            raise RowsInvalid({0: str(error)}) from error
    half = len(rows) // 2
    tables: list[pa.Table] = []
    reasons: dict[int, str] = {}
    for start, some in ((0, rows[:half]), (half, rows[half:])):
        try:
            tables.append(arrow(some))
        except RowsInvalid as invalid:
            reasons |= {start + index: reason for index, reason in invalid.reasons.items()}
    if reasons:
        raise RowsInvalid(reasons)
    return pa.concat_tables(tables)


def _columns(rows: Sequence[EventRow]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(EVENTS)
    arrays = [pa.array(values, field.type) for field, values in zip(EVENTS, columns, strict=True)]
    for field, values in zip(EVENTS, arrays, strict=True):
        if not field.nullable and values.null_count:
            raise ValueError(f"{field.name} is missing")
    return pa.Table.from_arrays(arrays, schema=EVENTS)
