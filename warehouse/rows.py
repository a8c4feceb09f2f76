"""Rows as Arrow tables: a bad row is named, not lost in a batch."""

from collections.abc import Mapping, Sequence
from itertools import islice

import pyarrow as pa

from warehouse.schema import EVENTS, EventRow

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
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        reasons = {}
        for index, row in enumerate(rows):
            try:
                _columns([row])
            except (pa.ArrowException, ValueError, TypeError, OverflowError) as reason:
                reasons[index] = str(reason)
        raise RowsInvalid(reasons or {0: str(error)}) from error


def _columns(rows: Sequence[EventRow]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(EVENTS)
    arrays = [pa.array(values, field.type) for field, values in zip(EVENTS, columns, strict=True)]
    for field, values in zip(EVENTS, arrays, strict=True):
        if not field.nullable and values.null_count:
            raise ValueError(f"{field.name} is missing")
    return pa.Table.from_arrays(arrays, schema=EVENTS)
