"""Rows of Parquet: structs become columns whose names are joined by a dot, lists stay lists."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from ingest.files.rows import FileInvalid, Row

BATCH_ROWS = 10_000


def names(path: Path) -> list[str]:
    """The columns. Raises FileInvalid."""
    try:
        return _flat(pa.parquet.read_schema(path).empty_table()).column_names  # type: ignore[no-any-return]
    except (OSError, pa.ArrowException) as error:
        raise FileInvalid(f"{path}: {error}") from error


def rows(path: Path) -> Iterator[Row]:
    """The rows. What Python cannot hold of a time is cut: nanoseconds. Raises FileInvalid."""
    line = 1
    try:
        with pa.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(BATCH_ROWS):
                table = _flat(pa.Table.from_batches([batch])).combine_chunks()
                columns = [
                    _values(column, f"{path.name} row {line + 1} or later") for column in table.columns
                ]
                for values in zip(*columns, strict=True):
                    line += 1
                    yield Row(line, values)
    except (OSError, pa.ArrowException) as error:
        raise FileInvalid(f"{path}: {error}") from error


def _flat(table: pa.Table) -> pa.Table:
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table


def _values(column: pa.ChunkedArray, where: str) -> list[Any]:
    """A moment is the same in whichever zone it is written, also in one that this machine does not know."""
    kind = column.type
    try:
        if pa.types.is_timestamp(kind):
            column = column.cast(pa.timestamp("ms", "UTC" if kind.tz else None), safe=False)
        return column.to_pylist()  # type: ignore[no-any-return]
    except (ValueError, OverflowError, KeyError, pa.ArrowException) as error:
        raise FileInvalid(f"{where}: {error}") from error
