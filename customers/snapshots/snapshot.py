"""One day's scores of a site as the warehouse keeps them, without people who are being erased."""

import re
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from profiles.erasures import Cutoffs
from profiles.standing import CELLS, QUADRANTS
from warehouse.tables.schema import SCORES

NAMED = {"recency": "r", "frequency": "f", "monetary": "m"}
"""What profiles call the columns."""
RISK = re.compile(r"risk(\d+)")
"""The risk with its days."""
WORDS: Mapping[str, Sequence[str]] = {"cell": CELLS, "quadrant": QUADRANTS}
"""Of these, profiles hold the place of a word."""


def snapshot(
    site: str,
    day: date,
    ts: int,
    profiles: pa.Array,
    stages: Sequence[str | None],
    refuses: Sequence[bool | None],
    scores: Mapping[str, NDArray[np.generic]],
) -> pa.Table:
    """Columns of SCORES, a row for each of ``profiles`` (n,). ``scores`` are columns (n,) by their names on profiles;
    NaN is not known. What SCORES does not name is left out."""
    count = len(profiles)
    columns: dict[str, pa.Array] = {
        "day": pa.repeat(pa.scalar(day, pa.date32()), count),
        "site": pa.repeat(site, count),
        "ts": pa.repeat(pa.scalar(ts, pa.int64()), count),
        "profile": profiles,
        "stage": pa.array(stages, pa.string()),
        "refuses": pa.array(refuses, pa.bool_()),
    }
    for name, values in scores.items():
        if found := RISK.fullmatch(name):
            columns["risk"] = _column("risk", values)
            columns["risk_days"] = pa.repeat(pa.scalar(int(found[1]), pa.int16()), count)
        column = NAMED.get(name, name)
        if column in SCORES.names and column not in columns:
            columns[column] = _column(column, values)
    for field in SCORES:
        columns.setdefault(field.name, pa.nulls(count, field.type))
    return pa.table([columns[name] for name in SCORES.names], schema=SCORES)


def without_erased(rows: pa.Table, site: str, last: NDArray[np.int64], marks: Cutoffs) -> pa.Table:
    """The rows of whom no mark covers: who was erased after their ``last`` (n,) order (ms) has none that counts."""
    covered = np.zeros(len(rows), bool)
    doubtful = np.flatnonzero(last <= marks.newest)
    names = rows["profile"].take(pa.array(doubtful)).to_pylist()
    for at, name, moment in zip(doubtful, names, last[doubtful].tolist(), strict=True):
        covered[at] = marks.cover(site, (name,), moment)
    return rows.filter(pa.array(~covered))


def _column(name: str, values: NDArray[np.generic]) -> pa.Array:
    kind = SCORES.field(name).type
    numbers = values.astype(np.float64)
    unknown = np.isnan(numbers)
    whole = np.where(unknown, 0, numbers)
    if name in WORDS:
        return pa.DictionaryArray.from_arrays(
            pa.array(whole.astype(np.int8), mask=unknown), pa.array(WORDS[name])
        ).cast(kind)
    if not pa.types.is_floating(kind):
        integers = pa.array(whole.astype(np.int32), mask=unknown)
        return integers.cast(kind)
    return pa.array(numbers, kind, mask=unknown)
