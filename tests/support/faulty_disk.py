"""A disk that fails: it stops the process between any two file operations, is full, or loses what was not synced.

Patches the functions of ``os`` that change files below ``root``; reads are real.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


class Crash(BaseException):
    """The process ends here. No ``except`` of the code under test may catch it."""


class FaultyDisk:
    """``fuse``: how many operations still succeed before the process dies. ``faults``: errno by operation, for as long
    as it stands there. ``choose`` decides between the outcomes that a loss of power may have."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.fuse: int | None = None
        self.faults: dict[str, int] = {}
        self.failed = False
        self._dead = False
        self._made = 0
        self._open: dict[int, str | Path] = {}  # a file's name for life, or a folder
        self._names: dict[Path, str] = {}
        self._synced_names: dict[Path, str] = {}
        self._synced: dict[str, bytes] = {}
        self._real: dict[str, Callable[..., Any]] = {}
        for name in (
            "open",
            "write",
            "pwrite",
            "fdatasync",
            "fsync",
            "ftruncate",
            "replace",
            "unlink",
            "close",
        ):
            self._real[name] = getattr(os, name)
            patch.setattr(os, name, getattr(self, f"_{name}_file"))

    def revive(self) -> None:
        """The process is gone, with what it had open."""
        for file in list(self._open):
            self._close_file(file)
        self.fuse, self._dead = None, False
        self.faults.clear()

    def lose_power(self, choose: Callable[[list[Any]], Any]) -> None:
        """What was not synced is there, in part, as zeros, or not at all."""
        assert not self._open
        content = {name: path.read_bytes() for path, name in self._names.items()}
        kept: dict[Path, str] = {}
        for path in sorted({*self._names, *self._synced_names}):
            now, then = self._names.get(path), self._synced_names.get(path)
            if (name := now if now == then else choose([now, then])) is not None:
                kept[path] = name
        for path in self._names:
            self._real["unlink"](path)
        for path, name in kept.items():
            synced = self._synced.get(name, b"")
            written = content.get(name, synced)
            torn = written[: (len(synced) + len(written)) // 2]
            zeros = synced[: len(written)].ljust(len(written), b"\0")
            path.write_bytes(choose([synced, written, torn, zeros]) if written != synced else synced)
        self._names, self._synced_names = kept, dict(kept)
        self._synced = {name: path.read_bytes() for path, name in kept.items()}

    def _step(self, operation: str) -> None:
        if self._dead or self.fuse == 0:
            self._dead = True
            raise Crash(operation)
        if self.fuse is not None:
            self.fuse -= 1
        if code := self.faults.get(operation):
            self.failed = True
            raise OSError(code, os.strerror(code))

    def _ours(self, path: Any) -> bool:
        return isinstance(path, str | Path) and self.root in Path(path).parents

    def _open_file(self, path: Any, flags: int, mode: int = 0o777, **options: Any) -> int:
        if (
            isinstance(path, str | Path)
            and Path(path).is_dir()
            and (self._ours(path) or Path(path) == self.root)
        ):
            file: int = self._real["open"](path, flags, mode, **options)
            self._open[file] = Path(path)
            return file
        if not self._ours(path) or not flags & (os.O_WRONLY | os.O_RDWR):
            return self._real["open"](path, flags, mode, **options)  # type: ignore[no-any-return]
        if not Path(path).exists():
            self._step("create")
        file = self._real["open"](path, flags, mode, **options)
        if Path(path) not in self._names:
            self._made += 1
            self._names[Path(path)] = f"{Path(path).name} {self._made}"
        self._open[file] = self._names[Path(path)]
        return file

    def _write_file(self, file: int, content: bytes) -> int:
        if file in self._open:
            try:
                self._step("write")
            except (Crash, OSError):
                self._real["write"](file, content[: len(content) // 2])
                raise
        return self._real["write"](file, content)  # type: ignore[no-any-return]

    def _pwrite_file(self, file: int, content: bytes, at: int) -> int:
        self._step("write")
        return self._real["pwrite"](file, content, at)  # type: ignore[no-any-return]

    def _fdatasync_file(self, file: int) -> None:
        self._fsync_file(file)

    def _fsync_file(self, file: int) -> None:
        about = self._open.get(file)
        if about is not None:
            self._step("sync")
            if isinstance(about, Path):
                self._synced_names = {
                    **{path: name for path, name in self._synced_names.items() if path.parent != about},
                    **{path: name for path, name in self._names.items() if path.parent == about},
                }
            else:
                self._synced[about] = Path(f"/proc/self/fd/{file}").read_bytes()
        self._real["fsync"](file)

    def _ftruncate_file(self, file: int, size: int) -> None:
        self._step("truncate")
        self._real["ftruncate"](file, size)

    def _replace_file(self, old: Any, new: Any, **options: Any) -> None:
        if self._ours(old):
            self._step("replace")
        self._real["replace"](old, new, **options)
        if self._ours(old):
            self._names[Path(new)] = self._names.pop(Path(old))

    def _unlink_file(self, path: Any, **options: Any) -> None:
        if self._ours(path) and Path(path).exists():
            self._step("unlink")
        self._real["unlink"](path, **options)
        if self._ours(path):
            self._names.pop(Path(path), None)

    def _close_file(self, file: int) -> None:
        self._open.pop(file, None)
        self._real["close"](file)


FULL = errno.ENOSPC
