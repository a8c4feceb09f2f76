"""One supervisor for each data folder: a lock file that the kernel releases when its holder ends."""

import fcntl
import os
from pathlib import Path
from typing import Self

RESTORING = ".restore"
"""In the data folder while ``dangol restore`` works, or after it was interrupted."""


class DataFolderUnusable(Exception):
    """The data folder cannot be written, or another Dangol is running in it."""


class FolderLock:
    """Held while ``dangol up`` runs. The pid in the file is for people; a stale one means nothing."""

    def __init__(self, folder: Path, *, restoring: bool = False) -> None:
        """``restoring``: to end a restore that was interrupted; nothing else may begin before."""
        self.path, self._restoring = folder / "dangol.pid", restoring
        self.abandoned = False
        """Whether the last holder was killed: what it ran may still be ending."""
        self._fd = -1

    def __enter__(self) -> Self:
        """Raises DataFolderUnusable with one clear line."""
        if not self._restoring and (self.path.parent / RESTORING).exists():
            raise DataFolderUnusable(
                f"a restore into {self.path.parent} is under way or was interrupted: "
                "run the same `dangol restore` again to end it"
            )
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataFolderUnusable(f"cannot write to {self.path.parent}: {error.strerror}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode(errors="replace").strip()
            os.close(fd)
            raise DataFolderUnusable(
                f"Dangol is already running in {self.path.parent} (pid {holder or 'unknown'}); "
                "stop it or set DANGOL_DATA to another folder"
            ) from None
        self.abandoned = os.fstat(fd).st_size > 0
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._fd = fd
        return self

    def __exit__(self, *_: object) -> None:
        os.ftruncate(self._fd, 0)
        os.close(self._fd)

    @classmethod
    def held(cls, folder: Path) -> bool:
        """Whether a supervisor runs in ``folder`` now."""
        try:
            with (folder / "dangol.pid").open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False
