"""Files that a power cut does not take: the bytes are on disk, and so is the name. Every function raises OSError."""

import os
from contextlib import suppress
from pathlib import Path


def flush(path: Path) -> None:
    """Return when the file, or the names in the folder, are on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path) -> None:
    """A folder, with its parents, durable when this returns."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        flush(folder.parent)


def write(path: Path, content: bytes, mode: int = 0o666) -> None:
    """A new file, durable under its name when this returns: the whole content, or what stood there before."""
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    draft.unlink(missing_ok=True)
    try:
        _append(draft, content, mode)
        draft.replace(path)
    except OSError:
        with suppress(OSError):
            draft.unlink()
        raise
    flush(path.parent)


def append(path: Path, content: bytes, mode: int = 0o666) -> None:
    """More at the end of a file, durable when this returns."""
    _append(path, content, mode)
    flush(path.parent)


def write_all(handle: int, content: bytes) -> None:
    """To an open file; to be synced by whoever opened it."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


def _append(path: Path, content: bytes, mode: int) -> None:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, mode)
    try:
        write_all(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
