"""``dangol backup DEST``, while everything runs: a copy from which the whole installation can be restored.

What belongs together is of one moment. In this order, so that nothing is lost or counted twice after a restore:

1. The tracker's spool: what leaves it from now on is in the log's copy.
2. For an instant nobody writes to Redis: the embedded one begins its snapshot (log and profiles together), and the
   version of the warehouse is noted. It holds all that the log's copy has committed, and nothing that this copy lacks.
3. The warehouse's files of that version. The schedule's lock ``warehouse`` keeps compaction, vacuum, retention and
   erasure away meanwhile.
4. A Redis of your own, key by key: a profile may know events that the warehouse's copy lacks, never the other way
   round. Kafka is not copied; a restore reads it again from the warehouse's positions on.
5. Models, then every other file of the data folder.

``dangol.backup.restore`` puts the same parts back.
"""

import shutil
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from dangol import compose
from dangol.archive import redis_copy
from dangol.archive.archive import UNFINISHED, Archive, below, finished, private
from dangol.machine.embedded import embedded_redis
from dangol.machine.lock import RESTORING
from dangol.settings import Settings
from recommender.jobs.lock import LOCK_SECONDS, Busy, RedisLock, locked
from tracker.redis_connection import connect
from warehouse.copying import Pinned, copy, pin

ATTEMPTS = 3
PATIENCE = 900.0
"""Seconds to wait for compaction or an erasure that is under way."""

SNAPSHOT, PROFILE_KEYS, LOG_KEYS = "redis.rdb", "profiles.keys", "log.keys"
FILES, WAREHOUSE, MODELS = "files", "warehouse", "models"
OWN = ("p:*", "dg:*")
"""The keys of profiles, offers, items, erasures: whatever of ours is not the log's."""
NOT_FILES = frozenset({"redis", "warehouse", "models", "dangol.pid", "alive", ".doctor", RESTORING})
"""In the data folder: parts of their own, and what only running processes need."""


class BackupRefused(Exception):
    """A backup cannot be made in this folder, or not now."""


class Kinds(NamedTuple):
    """The kinds of the stores. A backup can be restored only into stores of the same kinds."""

    redis: str
    log: str


def kinds(settings: Settings) -> Kinds:
    redis = "own" if settings.profiles else "embedded"
    return Kinds(redis, settings.log.partition("://")[0] or "embedded")


def log_pattern(settings: Settings) -> str:
    """The keys of a log in a Redis of your own; "" where the log is embedded or none of Redis'."""
    if not settings.log or settings.log.startswith("kafka"):
        return ""
    from tracker.log.redis.streams import RedisStreams

    return f"{RedisStreams(settings.log).name}:*"


def backup(
    settings: Settings, dest: Path, keep: int | None = None, clock: Callable[[], float] = time.time
) -> Path:
    """Make a dated folder in ``dest``, then delete all but the newest ``keep``.

    Raises BackupRefused, OSError and what the stores raise; then nothing is there that looks like a backup.
    """
    _refuse_inside(settings, dest)
    private(dest)
    with embedded_redis(settings):
        erasures = compose.erasure_log(settings)
        erasures.remember(dest)
        lock = RedisLock(connect(settings.profiles_uri, 30.0), "warehouse")
        made = _when_free(lock, lambda: _made(settings, dest, clock))
        _retire(dest, keep)
        erasures.trim(dest)
        return made


def _retire(dest: Path, keep: int | None) -> None:
    for folder in finished(dest)[keep:] if keep else ():
        draft = folder.with_name(f"{UNFINISHED}{folder.name}")
        folder.rename(draft)  # else an interruption would leave a part of it under its name
        shutil.rmtree(draft)


def _refuse_inside(settings: Settings, dest: Path) -> None:
    inside = [settings.folder, settings.models_folder.resolve()]
    if "://" not in settings.warehouse_uri:
        inside.append(Path(settings.warehouse_uri).resolve())
    for folder in inside:
        if dest.is_relative_to(folder) or folder.is_relative_to(dest):
            raise BackupRefused(
                f"{dest} and {folder} lie in each other: name a folder elsewhere, best on another disk"
            )


def _when_free(lock: RedisLock, run: Callable[[], Path]) -> Path:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return locked(run, lock, LOCK_SECONDS / 3)
        except Busy:
            if time.monotonic() > deadline:
                raise BackupRefused(
                    "compaction, an erasure or another backup takes long: try again later"
                ) from None
            time.sleep(0.5)


def _made(settings: Settings, dest: Path, clock: Callable[[], float]) -> Path:
    for attempt in range(1, ATTEMPTS + 1):
        archive = Archive(dest, int(clock() * 1000))
        try:
            _fill(settings, archive)
            return archive.finish(*kinds(settings))
        except FileNotFoundError as error:  # erased by a command, or a model was retired
            if attempt == ATTEMPTS:
                raise BackupRefused(f"files kept changing, last {error}: try again") from error
        finally:
            archive.abandon()
    raise AssertionError


def _fill(settings: Settings, archive: Archive) -> None:
    warehouse = compose.warehouse(settings)
    warehouse.ping()  # its log is in memory: to follow it takes a moment only

    def moment() -> Pinned:
        return pin(warehouse)

    _add_files(archive, settings.folder / "spool", f"{FILES}/spool")
    if pattern := log_pattern(settings):
        found, pinned = redis_copy.log_keys(connect(settings.log.partition("?")[0], 30.0), pattern, moment)
        _add_keys(archive, LOG_KEYS, found)
    else:
        pinned = moment() if not settings.embedded_redis else Pinned(-1, -1)
    if settings.embedded_redis:
        embedded = _snapshot(settings, archive, moment)
        pinned = pinned if pattern else embedded
    copy(warehouse, pinned, lambda name, opened: archive.add_lasting(f"{WAREHOUSE}/{name}", opened))
    if settings.profiles:
        _add_keys(archive, PROFILE_KEYS, redis_copy.keys(compose.profiles(settings).client, OWN))
    _add_models(archive, settings.models_folder)
    for path in sorted(settings.folder.iterdir()):
        if path.name not in {*NOT_FILES, "spool"} and not path.is_socket():
            _add_files(archive, path, f"{FILES}/{path.name}")


def _snapshot(settings: Settings, archive: Archive, moment: Callable[[], Pinned]) -> Pinned:
    folder, client = settings.folder / "redis", connect(f"unix://{settings.socket}", 60.0)
    try:
        redis_copy.forget(folder)
        pinned = redis_copy.snapshot(client, moment)
        archive.add(SNAPSHOT, lambda: (folder / redis_copy.SNAPSHOT).open("rb"))
        return pinned
    finally:
        redis_copy.forget(folder)
        client.close()


def _add_keys(archive: Archive, name: str, found: Iterable[redis_copy.Key]) -> None:
    with archive.target(name).open("xb") as file:
        redis_copy.write(file, found)
    archive.keep(name)


def _add_models(archive: Archive, folder: Path) -> None:
    """Each site's pointer first: the version it names stays in the registry while newer ones come."""
    names = [path.relative_to(folder) for path in below(folder)]
    for name in sorted(names, key=lambda name: "versions" in name.parts):
        if not any(part.startswith(".") for part in name.parts):
            add = archive.add_lasting if "versions" in name.parts else archive.add
            add(f"{MODELS}/{name.as_posix()}", lambda name=name: (folder / name).open("rb"))  # type: ignore[misc]


def _add_files(archive: Archive, path: Path, name: str) -> None:
    """A file, or all below a folder; without what goes meanwhile."""
    for each in below(path) if path.is_dir() else [path]:
        inside = name if each == path else f"{name}/{each.relative_to(path).as_posix()}"
        with suppress(FileNotFoundError):
            archive.add(inside, lambda each=each: each.open("rb"))  # type: ignore[misc]
