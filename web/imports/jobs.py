"""The imports of one machine: a folder for each, and the command that reads it, run beside the desk.

The command is that of the command line, so that a file means the same on both. Killed at any moment, it is started
again: what it has told counts once.
"""

import logging
import os
import re
import secrets
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ingest.files.mappings import Mappings
from ingest.files.rows import FileInvalid
from tracker.disk import write
from tracker.durations import DAY_SECONDS
from web.imports.inspection import inspected
from web.imports.job import RUNNING, ImportJob, Kind, ReadingOptions

logger = logging.getLogger(__name__)

LARGEST = 512 << 20
"""Bytes of one file."""
KEPT_SECONDS, KEPT = 7 * DAY_SECONDS, 30
AT_ONCE = 2
SILENT_SECONDS = 60.0
"""A running import says so every second: after this long, its process is gone."""
LOOK_SECONDS = 1.0
LINES = 200
_ID = re.compile(r"[0-9a-f]{16}")
_SUFFIX = re.compile(r"(\.[A-Za-z0-9]{1,8}){0,2}$")


class ImportRefused(Exception):
    """The import cannot be made or started now; the message is for people, in English."""


class ImportJobs:
    """On ``folder``. ``command`` makes the words of a command of Dangol's; ``mappings`` is where columns are kept.

    Methods raise OSError where the disk fails."""

    def __init__(
        self,
        folder: Path,
        command: Callable[[Sequence[str]], Sequence[str]],
        mappings: Path,
        environment: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.folder, self.command, self.clock = folder, command, clock
        self.mappings, self.environment = Mappings(mappings), environment

    def create(self, site: str, kind: Kind, name: str, size: int, by: str) -> ImportJob:
        """Raises ImportRefused for a file that is too large."""
        if not 0 < size <= LARGEST:
            raise ImportRefused(f"a file has 1 byte to {LARGEST >> 20} MB")
        self._prune()
        now = int(self.clock() * 1000)
        job = ImportJob(
            id=secrets.token_hex(8), site=site, kind=kind, name=name[:200], by=by, at=now, size=size
        )
        (self.folder / job.id).mkdir(parents=True)
        self.file(job).touch()
        self._save(job)
        return job

    def get(self, site: str, job_id: str) -> ImportJob | None:
        """One whose process is gone has failed."""
        if not _ID.fullmatch(job_id):
            return None
        path = self.folder / job_id / "job.json"
        try:
            job = msgspec.json.decode(path.read_bytes(), type=ImportJob)
            silent = self.clock() - path.stat().st_mtime
        except (FileNotFoundError, msgspec.DecodeError):
            return None
        if job.state in RUNNING and silent > SILENT_SECONDS:
            job = msgspec.structs.replace(job, state="failed", problem="stopped")
        return job if job.site == site else None

    def all(self, site: str) -> list[ImportJob]:
        """The newest first."""
        found = [job for name in self._ids() if (job := self.get(site, name))]
        return sorted(found, key=lambda job: -job.at)

    def append(self, job: ImportJob, at: int, part: bytes) -> ImportJob:
        """Add a part of the upload, at ``at`` (bytes). Raises ImportRefused where it does not fit."""
        if job.state != "uploading" or at != job.received or at + len(part) > job.size:
            raise ImportRefused(f"the upload goes on at {job.received}")
        with self.file(job).open("r+b") as file:
            file.seek(at)
            file.write(part)
            file.truncate()
        job = msgspec.structs.replace(job, received=at + len(part))
        self._save(job)
        return job

    def start(self, job: ImportJob, options: ReadingOptions, *, importing: bool) -> ImportJob:
        """Read the file, or import it, in a thread and process of its own. Raises ImportRefused."""
        if job.state in RUNNING:
            raise ImportRefused("this import is running")
        if job.received != job.size:
            raise ImportRefused("the upload is not complete")
        if sum(1 for name in self._ids() if self._runs(name)) >= AT_ONCE:
            raise ImportRefused(f"{AT_ONCE} imports are running; wait until one has ended")
        job = msgspec.structs.replace(
            job,
            state="importing" if importing else "reading",
            options=options,
            lines=[],
            code=None,
            problem="",
            share=None,
        )
        self._save(job)
        threading.Thread(target=self._work, args=(job,), name="import", daemon=True).start()
        return job

    def remove(self, job: ImportJob) -> None:
        """Raises ImportRefused while it runs."""
        if job.state in RUNNING:
            raise ImportRefused("this import is running")
        shutil.rmtree(self.folder / job.id, ignore_errors=True)

    def file(self, job: ImportJob) -> Path:
        suffix = _SUFFIX.search(job.name)
        return self.folder / job.id / f"file{suffix[0] if suffix else ''}"

    def rejects(self, job: ImportJob) -> Path:
        return self.folder / job.id / "rejects.csv"

    def _work(self, job: ImportJob) -> None:
        try:
            if job.state == "reading":
                seen = inspected(job, self.file(job), self.mappings)
                job = msgspec.structs.replace(job, seen=seen, state="checking")
                self._save(job)
            job = self._run(job)
        except FileInvalid as error:
            text = str(error).replace(str(self.file(job)), job.name)
            job = msgspec.structs.replace(job, state="failed", problem=text)
        except Exception as error:
            logger.exception("the import of %s failed", job.name)
            job = msgspec.structs.replace(job, state="failed", problem=repr(error))
        self._save(job)

    def _run(self, job: ImportJob) -> ImportJob:
        importing, output = job.state == "importing", self.folder / job.id / "output.txt"
        words = self.command(arguments(job, self.file(job), self.rejects(job), dry_run=not importing))
        environment = {**os.environ, **(self.environment or {})}
        with output.open("wb") as out:
            process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment
            )
            while process.poll() is None:
                job = msgspec.structs.replace(job, share=_share(process.pid, self.file(job), job.size))
                self._save(job)
                try:
                    process.wait(LOOK_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
        lines = output.read_text(encoding="utf-8", errors="replace").splitlines()[:LINES]
        wrong = next((line for line in lines if line.startswith("Error: ")), "")
        failed = bool(wrong) or process.returncode not in (0, 1)
        return msgspec.structs.replace(
            job,
            state="failed" if failed else "done" if importing else "checked",
            lines=[line for line in lines if not line.startswith("Error: ")],
            code=process.returncode,
            problem=wrong.removeprefix("Error: ").replace(str(self.file(job)), job.name),
            share=None,
            rejects=self.rejects(job).exists(),
        )

    def _runs(self, job_id: str) -> bool:
        path = self.folder / job_id / "job.json"
        try:
            state = msgspec.json.decode(path.read_bytes(), type=_State).state
            return state in RUNNING and self.clock() - path.stat().st_mtime < SILENT_SECONDS
        except (FileNotFoundError, msgspec.DecodeError):
            return False

    def _ids(self) -> Iterator[str]:
        if self.folder.is_dir():
            yield from (each.name for each in self.folder.iterdir() if _ID.fullmatch(each.name))

    def _prune(self) -> None:
        """Remove what is old, and the oldest of too many: the files are about people."""
        aged = []
        for name in self._ids():
            try:
                aged.append(((self.folder / name / "job.json").stat().st_mtime, name))
            except FileNotFoundError:
                aged.append((0.0, name))
        aged.sort(reverse=True)
        for number, (at, name) in enumerate(aged):
            if not self._runs(name) and (number >= KEPT or self.clock() - at > KEPT_SECONDS):
                shutil.rmtree(self.folder / name, ignore_errors=True)

    def _save(self, job: ImportJob) -> None:
        if (self.folder / job.id).is_dir():
            write(self.folder / job.id / "job.json", msgspec.json.encode(job))


class _State(msgspec.Struct):
    state: Any


def arguments(job: ImportJob, path: Path, rejects: Path, *, dry_run: bool) -> list[str]:
    """The command's words after ``dangol``."""
    options = job.options
    words = [f"import-{job.kind}", str(path), "--site", job.site, "--rejects", str(rejects)]
    for name, value in (
        ("--encoding", options.encoding),
        ("--delimiter", options.delimiter),
        ("--timezone", options.zone),
        ("--dates", options.dates),
    ):
        words += [name, value] if value else []
    for column, field in options.mapping.items():
        words += ["--map", f"{column}={field}"]
    return [*words, "--dry-run"] if dry_run else words


def _share(pid: int, path: Path, size: int) -> float | None:
    """How much of the file the process has read, where the system tells."""
    folder = Path(f"/proc/{pid}/fd")
    try:
        for each in folder.iterdir():
            if each.is_symlink() and each.readlink() == path:
                told = (folder.parent / "fdinfo" / each.name).read_text()
                return min(1.0, int(told.split()[1]) / size)
    except (OSError, ValueError, IndexError):
        return None
    return None
