"""The files in which encoded events are stored, beside the tables: ``index/SITE/`` and the data file's own name.

They are a cache: whatever is missing, damaged or of another release is encoded again. When a data file goes (compacted,
erased, too old), ``sweep`` deletes its file here.
"""

import logging
import os
import shutil
import uuid
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pyarrow as pa
from crc32c import crc32c
from pyarrow import ipc

from warehouse.index.encoded import EncodedEvents, from_table, to_table
from warehouse.tables.files import LiveFile

logger = logging.getLogger(__name__)

FOLDER = "index"
FORMER_FOLDER = "trails"
"""The folder of earlier releases, which is deleted."""
FORMAT = "9"
"""Part of each file's name: a release that encodes in another way does not read the files of this one."""

CHECKSUM_BYTES = 4
"""Behind each file's content: numbers that were changed on disk look like others."""


class EncodedFiles:
    """The files of encoded events of one warehouse. A process that cannot write them keeps its own in memory."""

    def __init__(self, warehouse: Path | None) -> None:
        """``warehouse`` is the folder of the tables, None on object storage."""
        self._folder = warehouse / FOLDER if warehouse else None
        self._former = warehouse / FORMER_FOLDER if warehouse else None
        self._open: dict[tuple[str, str], EncodedEvents] = {}

    def of(self, site: str, file: LiveFile, make: Callable[[], EncodedEvents]) -> EncodedEvents:
        """The encoded events of the site in ``file``; encoded and stored when they are not there yet."""
        key = (site, file.path)
        found = self._open.get(key)
        if found is None:
            found = self._read(site, file)
            if found is None:
                found = make()
                self._write(site, file, found)
                found = self._read(site, file) or found
            self._open[key] = found
        return found

    def known(self, site: str, file: LiveFile) -> EncodedEvents | None:
        """The same, None where they are not there yet."""
        return self._open.get((site, file.path)) or self._read(site, file)

    def release(self, live: Collection[LiveFile]) -> None:
        """Close the files of data files that are gone: a deleted file takes its room until then."""
        paths = {file.path for file in live}
        for key in [key for key in list(self._open) if key[1] not in paths]:
            self._open.pop(key, None)

    def sweep(self, live: Collection[LiveFile]) -> int:
        """Delete the files of data files that are gone; how many."""
        self.release(live)
        if self._former is not None:
            shutil.rmtree(self._former, ignore_errors=True)
        names = {_name(file) for file in live}
        gone = 0
        for path in self._folder.glob("*/*") if self._folder else ():
            if path.name not in names:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def _read(self, site: str, file: LiveFile) -> EncodedEvents | None:
        if self._folder is None:
            return None
        try:
            with pa.memory_map(str(self._path(self._folder, site, file))) as source:
                content = source.read_buffer()
                body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:].to_pybytes()
                if crc32c(body) != int.from_bytes(checksum, "big"):
                    raise OSError(f"the encoded events of {file.path} are not as they were written")
                return from_table(ipc.open_file(body).read_all())
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException, LookupError, TypeError) as error:
            logger.warning("events are encoded again: %s", error)
            return None

    def _write(self, site: str, file: LiveFile, block: EncodedEvents) -> None:
        if self._folder is None:
            return
        path = self._path(self._folder, site, file)
        draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        table = to_table(block)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made = pa.BufferOutputStream()
            with ipc.new_file(made, table.schema) as writer:
                writer.write_table(table)
            body = made.getvalue()
            with draft.open("wb") as sink:
                sink.write(body)
                sink.write(crc32c(body).to_bytes(CHECKSUM_BYTES, "big"))
                sink.flush()
                os.fsync(sink.fileno())  # else a power cut leaves a file of zeros under its final name
            draft.replace(path)
        except OSError as error:
            logger.warning(
                "encoded events cannot be stored, and are encoded again after each start: %s", error
            )
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    @staticmethod
    def _path(folder: Path, site: str, file: LiveFile) -> Path:
        return folder / quote(site, safe="") / _name(file)


def _name(file: LiveFile) -> str:
    return f"{quote(file.path, safe='')}.{FORMAT}"
