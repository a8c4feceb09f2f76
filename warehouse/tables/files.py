"""The data files of a table, read and written one by one."""

import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from tracker.disk import write
from warehouse.tables.durable import on_disk

INDEXED = ("site", "ts")
"""The columns whose least and greatest value Delta's log holds for each file."""


class LiveFile(NamedTuple):
    """One data file of the current version; ``first`` and ``last`` are ts bounds, ms."""

    uri: str
    path: str  # within the table's folder
    size: int
    day: date | None
    rows: int
    first: int | None
    last: int | None
    site: str = ""
    """The only site, "" where there are several."""


class NewFile(NamedTuple):
    """A data file that a commit is about to name. ``stats`` is Delta's JSON."""

    path: str
    size: int
    day: date | None
    stats: str


class Folder:
    """A table's folder, on disk or in object storage."""

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None) -> None:
        self._handler = DeltaStorageHandler(uri, dict(storage_options or {}))
        self._fs = fs.PyFileSystem(self._handler)
        self._root = on_disk(uri)

    def read(self, file: LiveFile, columns: Sequence[str] | None = None) -> pa.Table:
        """Its rows: all columns, the partition's included, or just ``columns``."""
        with self._fs.open_input_file(file.path) as source:
            data = pq.read_table(source, columns=columns)
        if file.day and columns is None:
            data = data.add_column(
                0, pa.field("day", pa.date32(), nullable=False), [[file.day] * data.num_rows]
            )
        return data

    @contextmanager
    def opened(self, file: LiveFile) -> Iterator[pq.ParquetFile]:
        """The file, row group by row group, with its pages' checksums looked at."""
        with self._fs.open_input_file(file.path) as source:
            yield pq.ParquetFile(source, page_checksum_verification=True)

    def write(self, data: pa.Table, day: date | None) -> NewFile:
        """A file that no commit names yet, on disk. Its pages have checksums."""
        name = f"part-{uuid.uuid4()}-c000.zstd.parquet"
        path = f"day={day}/{name}" if day else name
        if day:
            data = data.drop_columns(["day"])
        sink = pa.BufferOutputStream()
        pq.write_table(data, sink, compression="zstd", write_page_checksum=True)
        content = sink.getvalue().to_pybytes()
        if self._root is not None:
            write(self._root / path, content)
        else:
            # Not through Arrow's file, which hands buffers to Delta's, which takes bytes only.
            file = self._handler._handler.open_output_stream(path)
            file.write(content)
            file.close()  # type: ignore[attr-defined]  # missing in the stubs
        return NewFile(path, len(content), day, _stats(data))


def partition(day: date | None) -> dict[str, str | None]:
    """The partition values of a file, as Delta writes them."""
    return {"day": str(day)} if day else {}


def as_new(path: str, size: int, day: date | None, data: pa.Table) -> NewFile:
    """A file that is there already and holds ``data``."""
    return NewFile(path, size, day, _stats(data))


def _stats(data: pa.Table) -> str:
    least, most, nulls = {}, {}, {}
    for name in INDEXED:
        if name in data.column_names and data.num_rows:
            bounds = pc.min_max(data[name]).as_py()
            least[name], most[name], nulls[name] = bounds["min"], bounds["max"], data[name].null_count
    return json.dumps(
        {"numRecords": data.num_rows, "minValues": least, "maxValues": most, "nullCount": nulls}
    )
