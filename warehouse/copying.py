"""A copy of the tables as they are at one moment, while others append: files never change, versions name them.

Compaction, vacuum and erasure must wait meanwhile (the schedule's lock ``warehouse``); where one of them does not, a
file is missing and the copy begins anew.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from pyarrow import fs

from warehouse.delta import Warehouse

LOG = "_delta_log"
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\..*parquet")
_COMMIT = re.compile(r"(\d{20})\.json")

Add = Callable[[str, Callable[[], BinaryIO]], None]
"""Takes a file's path within the warehouse, and what opens it."""


class Pinned(NamedTuple):
    """The version of each table; -1: it has no commit yet."""

    events: int
    aliases: int
    scores: int = -1


def pin(warehouse: Warehouse) -> Pinned:
    """The tables as they are now. Raises WarehouseUnavailable."""
    # In this order: the names of merged profiles are committed before the rows that need them.
    return Pinned(*(table.files()[0] for table in (warehouse.events, warehouse.aliases, warehouse.scores)))


def copy(warehouse: Warehouse, pinned: Pinned, add: Add) -> None:
    """Hand every file of the pinned versions to ``add``. Raises FileNotFoundError where somebody tidied up
    meanwhile: pin again."""
    for table, version in zip((warehouse.events, warehouse.aliases, warehouse.scores), pinned, strict=True):
        if version < 0:
            continue
        name, source = table.uri.rpartition("/")[2], _filesystem(table.uri, warehouse.storage_options)
        for path in _files(table.uri, warehouse.storage_options, version, source):
            add(f"{name}/{path}", lambda path=path, source=source: source.open_input_stream(path))  # type: ignore[misc]


def put(folder: Path, uri: str, storage_options: Mapping[str, str] | None = None) -> None:
    """Copy tables from a local folder to ``uri``. A reader sees a table when its log is there: it comes last."""
    files = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: LOG in path.parts)
    handler = DeltaStorageHandler(uri, dict(storage_options or {}))
    for path in files:
        stream = handler._handler.open_output_stream(path.relative_to(folder).as_posix())
        stream.write(path.read_bytes())
        stream.close()  # type: ignore[attr-defined]  # missing in the stubs


def _filesystem(uri: str, storage_options: Mapping[str, str] | None) -> fs.PyFileSystem:
    return fs.PyFileSystem(DeltaStorageHandler(uri, dict(storage_options or {})))


def _files(
    uri: str, storage_options: Mapping[str, str] | None, version: int, source: fs.PyFileSystem
) -> Iterator[str]:
    """The log's files first: those are the ones that go soonest."""
    names = [info.base_name for info in source.get_file_info(fs.FileSelector(LOG))]
    base = max((n for n in _numbers(_CHECKPOINT, names) if n <= version), default=-1)
    # The checkpoint's own commit too: a table is not written to without its last commit.
    needed = set(range(max(base, 0), version + 1))
    if missing := needed - set(_numbers(_COMMIT, names)):
        raise FileNotFoundError(f"{uri}: the log has no version {min(missing)} any more")
    for name in sorted(names):
        checkpoint, commit = _CHECKPOINT.fullmatch(name), _COMMIT.fullmatch(name)
        if (checkpoint and int(checkpoint[1]) == base) or (commit and int(commit[1]) in needed):
            yield f"{LOG}/{name}"
    delta = DeltaTable(uri, version=version, storage_options=dict(storage_options or {}) or None)
    for path in pa.table(delta.get_add_actions(flatten=True))["path"].to_pylist():
        yield unquote(cast(str, path))


def _numbers(pattern: re.Pattern[str], names: list[str]) -> Iterator[int]:
    return (int(match[1]) for name in names if (match := pattern.fullmatch(name)))
