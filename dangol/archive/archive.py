"""What a backup is on disk: a dated folder with the files and a manifest that names each with its checksum.

    DEST/erasures.log           who was erased, and what was said about consent, since the oldest backup here
    DEST/2026-11-30T131500Z/    one backup: manifest.json, and what the manifest names
    DEST/.unfinished-…/         one that was interrupted; the next backup removes it

A folder gets its name when everything in it is on the disk, the manifest last: what has a name is whole.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

import msgspec

from dangol import __version__
from tracker.disk import flush

MANIFEST, ERASURES, UNFINISHED = "manifest.json", "erasures.log", ".unfinished-"
FORMAT = 1
CHUNK = 1 << 20

logger = logging.getLogger(__name__)


class BackupInvalid(Exception):
    """The folder is no backup, an unfinished or a damaged one."""


class File(msgspec.Struct, frozen=True):
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """``at`` (ms) is before anything was copied; ``redis`` and ``log`` say of what kind the stores were."""

    format: int = FORMAT
    dangol: str = __version__
    at: int
    redis: str
    log: str
    files: dict[str, File]


class Archive:
    """A backup that is being written. Files are readable by their owner only: there are secrets in them."""

    def __init__(self, dest: Path, at: int) -> None:
        self.dest, self.at = dest, at
        for old in dest.glob(f"{UNFINISHED}*"):
            shutil.rmtree(old)
        self.folder = dest / f"{UNFINISHED}{os.getpid()}-{at}"
        self.folder.mkdir(mode=0o700)
        self._files: dict[str, File] = {}
        last = next(iter(finished(dest)), None)
        self._last, self._known = last, read(last).files if last else {}

    def add(self, name: str, opened: Callable[[], BinaryIO]) -> None:
        """Copy one file. Raises what ``opened`` raises."""
        with opened() as source:
            target = self.target(name)
            with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                shutil.copyfileobj(source, file, CHUNK)
        self.keep(name)

    def add_lasting(self, name: str, opened: Callable[[], BinaryIO]) -> None:
        """The same for a file that never changes under its name: one that the last backup holds, unharmed, is shared
        with it instead of copied. Nothing is shared with the data folder: what damages that must not damage this."""
        known = self._known.get(name)
        if known and self._last and measured(self._last / name) == known:
            os.link(self._last / name, self.target(name))
            self._files[name] = known
        else:
            self.add(name, opened)

    def target(self, name: str) -> Path:
        """Where the file ``name`` is to be written; then ``keep`` it."""
        path = self.folder / name
        private(path.parent)
        return path

    def keep(self, name: str) -> None:
        path = self.folder / name
        path.chmod(0o600)
        flush(path)
        found = measured(path)
        assert found is not None
        self._files[name] = found

    def finish(self, redis: str, log: str) -> Path:
        """Give the folder its name."""
        manifest = Manifest(at=self.at, redis=redis, log=log, files=self._files)
        path = self.target(MANIFEST)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        path.chmod(0o600)
        for each in (path, *(folder for folder in self.folder.rglob("*") if folder.is_dir()), self.folder):
            flush(each)
        stamp = datetime.fromtimestamp(self.at / 1000, UTC).strftime("%Y-%m-%dT%H%M%SZ")
        names = (self.dest / (stamp if n == 1 else f"{stamp}-{n}") for n in range(1, 1000))
        final = next(name for name in names if not name.exists())
        self.folder.rename(final)
        flush(self.dest)
        return final

    def abandon(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def finished(dest: Path) -> list[Path]:
    """The backups in a folder, newest first. One whose manifest cannot be read is none, and stops no other."""
    found = []
    for path in dest.glob(f"*/{MANIFEST}"):
        if not path.parent.name.startswith("."):
            try:
                found.append((read(path.parent).at, path.parent.name, path.parent))
            except BackupInvalid as error:
                logger.error("%s; it counts as no backup: delete it", error)
    return [folder for _, _, folder in sorted(found, reverse=True)]


def newest(source: Path) -> Path:
    """``source`` itself if it is a backup, else the newest one in it. Raises BackupInvalid."""
    if (source / MANIFEST).is_file() and not source.name.startswith(UNFINISHED):
        return source
    found = finished(source)
    if not found:
        why = "it was interrupted" if source.name.startswith(UNFINISHED) else f"there is no {MANIFEST} in it"
        raise BackupInvalid(f"{source} is no finished backup: {why}")
    return found[0]


def read(folder: Path) -> Manifest:
    """Raises BackupInvalid."""
    try:
        manifest = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise BackupInvalid(f"{folder / MANIFEST} cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise BackupInvalid(f"{folder} has format {manifest.format}; Dangol {__version__} reads {FORMAT}")
    return manifest


def verified(folder: Path) -> Manifest:
    """The manifest, when every file that it names is there and as it was. Raises BackupInvalid."""
    manifest = read(folder)
    for name, file in manifest.files.items():
        if not (folder / name).resolve().is_relative_to(folder.resolve()):
            raise BackupInvalid(f"{folder}: {name!r} leads out of the backup")
        if measured(folder / name) != file:
            raise BackupInvalid(
                f"{folder / name} is missing or damaged: restore another backup; this one is not used in part"
            )
    return manifest


def measured(path: Path) -> File | None:
    """Size and checksum; None when there is no such file."""
    digest, size = sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                size += len(chunk)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return File(size, digest.hexdigest())


def private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for its owner only."""
    if not folder.is_dir():
        private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def below(folder: Path) -> Iterator[Path]:
    """The regular files below a folder."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
