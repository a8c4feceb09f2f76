"""Rows of a report from arrays: the largest groups by name."""

from typing import Any

import numpy as np
import pyarrow as pa

from warehouse.definitions.currencies import UNITS
from warehouse.index.encoded import Longs

Rows = list[dict[str, Any]]


def grouped(
    names: pa.Array,
    limit: int,
    visitors: Longs,
    sessions: Longs,
    bounces: Longs,
    orders: Longs,
    revenue: Longs,
    *,
    orders_alone: bool = False,
) -> Rows:
    """Groups with a visit at least, those with most visits first; with ``orders_alone`` then those with orders only."""
    apart = (sessions == 0) & (orders > 0) if orders_alone else np.zeros(len(sessions), np.int64)
    chosen, texts = largest(2 * sessions + apart, names, limit)
    return rows_of(
        name=texts,
        sessions=sessions[chosen],
        visitors=visitors[chosen],
        bounces=bounces[chosen],
        orders=orders[chosen],
        revenue=revenue[chosen] / UNITS,
    )


def largest(counts: Longs, names: pa.Array, limit: int) -> tuple[Longs, list[str]]:
    """The groups with the largest counts, of equal ones by name; those that do not occur are none."""
    some = np.flatnonzero(counts)
    if len(some) > limit:
        least = np.partition(counts[some], -limit)[-limit]
        some = some[counts[some] >= least]
    texts = names.take(pa.array(some)).to_pylist()
    order = sorted(range(len(some)), key=lambda at: (-counts[some[at]], texts[at]))[:limit]
    return some[np.array(order, np.int64)], [texts[at] for at in order]


def rows_of(**columns: Any) -> Rows:
    """A row for each element of the columns, which are arrays or lists."""
    values = [column.tolist() if isinstance(column, np.ndarray) else column for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]
