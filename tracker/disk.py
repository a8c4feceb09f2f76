"""Durable files: after a power cut both the bytes and the name are on disk. Only their owner may read them.

Every function raises OSError.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

MODE = 0o600


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


def write(path: Path, content: bytes) -> None:
    """Write or replace a file atomically; durable when this returns."""
    with _draft(path, content) as draft:
        draft.replace(path)
    flush(path.parent)


def create(path: Path, content: bytes) -> bool:
    """As ``write``, but never replaces a file. Returns whether the file was made."""
    with _draft(path, content) as draft:
        try:
            os.link(draft, path)  # unlike a rename, a link never replaces
        except FileExistsError:
            return False
    flush(path.parent)
    return True


def append(path: Path, content: bytes) -> None:
    """Append to a file; durable when this returns."""
    _append(path, content)
    flush(path.parent)


def write_all(handle: int, content: bytes) -> None:
    """Write to an open file. The caller has to sync it."""
    view = memoryview(content)
    while view:
        view = view[os.write(handle, view) :]


@contextmanager
def _draft(path: Path, content: bytes) -> Iterator[Path]:
    make_folder(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        _append(draft, content)
        yield draft
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _append(path: Path, content: bytes) -> None:
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, MODE)
    try:
        write_all(handle, content)
        os.fsync(handle)
    finally:
        os.close(handle)
