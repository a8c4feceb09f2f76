"""``dangol restore SRC``: an installation as a backup holds it, without the people who were erased since.

Nothing is touched before every checksum of the backup was compared. Then, in ``.restore`` inside the data folder:

1. The parts are laid out as an installation of their own, with its own Redis.
2. What the erasure log says since the backup is done to it: people are erased from profiles, history and dead letters,
   what was said about consent is appended to the log.
3. When all of that is on the disk a plan is written, and the parts are moved to their places. An interruption before
   the plan leaves the data folder as it was; after it, the next ``dangol restore`` goes on with the moving.

A Redis of your own and object storage know no such moving: they must be empty, and are filled before 2 and in 3. Kafka
stays as it is; the group of ingest is set back to the positions of the restored warehouse.
"""

import functools
import logging
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from dangol import compose
from dangol.archive import redis_copy
from dangol.archive.archive import ERASURES, Manifest, newest, private, verified
from dangol.archive.erasure_file import Consented, Erased, Line, pruned, since, unknown
from dangol.backup import moving
from dangol.backup.backup import (
    FILES,
    LOG_KEYS,
    MODELS,
    OWN,
    PROFILE_KEYS,
    SNAPSHOT,
    WAREHOUSE,
    kinds,
    log_pattern,
)
from dangol.backup.moving import DONE, Move, Plan
from dangol.machine import redis_child
from dangol.machine.lock import RESTORING, FolderLock
from dangol.settings import Settings
from profiles.store.port import ProfilesUnavailable
from tracker.event import encode
from tracker.log.port import Record
from tracker.redis_connection import connect

logger = logging.getLogger("dangol.backup.restore")

HELD = ("dg:lock:*",)
"""What processes held when the backup was made."""
HOUSEKEEPING = frozenset({"dangol.pid", RESTORING, DONE})


class RestoreRefused(Exception):
    """It would overwrite something, or bring back what must not come back."""


class Restored(msgspec.Struct, frozen=True):
    """What came of it: the backup's folder ("" where an interrupted restore was ended), people erased again, consent
    events said again."""

    source: str
    erased: int = 0
    consents: int = 0


def restore(
    settings: Settings, source: Path, *, force: bool = False, erasures: Path | None = None
) -> Restored:
    """Put the backup in ``source``, or the newest one in that folder, in place.

    ``erasures`` is the erasure log, if not the one beside the backup. Raises BackupInvalid, RestoreRefused,
    DataFolderUnusable and what the stores raise; the data folder is unchanged then.
    """
    settings.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with FolderLock(settings.folder, restoring=True):
        work = settings.folder / RESTORING
        if moving.planned(work):
            moving.carry_out(work)
            return Restored("")
        folder = newest(source)
        manifest = verified(folder)
        _refuse_other_kinds(settings, manifest)
        began = work.exists()
        _wait_for_killed(_staged(settings, work).socket)
        _refuse_running(settings)
        _refuse_full(settings, force=force, began=began)
        lines = _lines(settings, folder, manifest.at, erasures, began=began)
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(mode=0o700)
        staged = _lay_out(settings, folder, manifest, work)
        _do_again(settings, staged, lines)
        moving.write(_plan(settings, staged), work)
        moving.carry_out(work)
    erased = sum(isinstance(line, Erased) for line in lines)
    return Restored(str(folder), erased, len(lines) - erased)


def _refuse_other_kinds(settings: Settings, manifest: Manifest) -> None:
    wanted = kinds(settings)
    if (manifest.redis, manifest.log) != wanted:
        raise RestoreRefused(
            f"the backup is of profiles in {manifest.redis} Redis and a log of kind {manifest.log}, the settings name "
            f"{wanted.redis} and {wanted.log}: set DANGOL_PROFILES and DANGOL_LOG as they were"
        )


def _refuse_running(settings: Settings) -> None:
    """What the lock of the data folder does not tell. Brokers tell of workers on Kafka themselves."""
    if redis_child.answers(settings.socket):
        raise RestoreRefused(f"a Redis still runs on {settings.socket}: stop Dangol first")
    if pattern := log_pattern(settings):
        client = connect(settings.log.partition("?")[0], 60.0)
        if redis_copy.occupied(client, (pattern.replace("*", "members:*"),)):
            raise RestoreRefused("an ingest worker still runs: stop Dangol everywhere, and wait ten seconds")


def _refuse_full(settings: Settings, *, force: bool, began: bool) -> None:
    found = [path.name for path in settings.folder.iterdir() if path.name not in HOUSEKEEPING]
    full = [f"{settings.folder} ({', '.join(sorted(found)[:5])} …)"] if found else []
    full += [str(path) for path in _elsewhere(settings).values() if path.exists() and any(path.iterdir())]
    # What an interrupted restore had put into a Redis of your own may be overwritten.
    own = () if began else _own_stores(settings)
    full += ["the Redis of the settings" for client, keys in own if redis_copy.occupied(client, keys)]
    if full and not force:
        raise RestoreRefused(
            f"not empty: {', '.join(full)}. Restore into an empty place, or give --force to DELETE what is there"
        )
    if "://" in settings.warehouse_uri and _has_tables(settings):
        raise RestoreRefused(
            f"{settings.warehouse_uri} is not empty: name an empty place in DANGOL_WAREHOUSE"
        )


def _has_tables(settings: Settings) -> bool:
    return compose.warehouse(settings).events.refresh() is not None


def _elsewhere(settings: Settings) -> dict[str, Path]:
    """The parts in local folders outside the data folder."""
    found = {}
    if settings.warehouse and "://" not in settings.warehouse:
        found[WAREHOUSE] = Path(settings.warehouse).resolve()
    if settings.models:
        found[MODELS] = Path(settings.models).resolve()
    return found


def _own_stores(settings: Settings) -> Iterator[tuple[object, Sequence[str]]]:
    """Clients of the Redis that are your own, each with the patterns of our keys."""
    if settings.profiles:
        yield connect(settings.profiles_uri, 60.0), OWN
    if pattern := log_pattern(settings):
        yield connect(settings.log.partition("?")[0], 60.0), (pattern,)


def _lines(settings: Settings, folder: Path, at: int, erasures: Path | None, *, began: bool) -> list[Line]:
    """What happened since the backup, as far as its folder and what is still here know."""
    path = erasures or folder.parent / ERASURES
    try:
        lines = since(path, at)
    except FileNotFoundError as error:
        raise RestoreRefused(
            f"there is no {path}: people who were erased since the backup would come back. "
            "Give --erasures FILE, the erasures.log of the folder that the backup was made into"
        ) from error
    except OSError as error:
        raise RestoreRefused(f"the erasure log is unusable: {error}") from error
    if (settings.profiles and not began) or (settings.folder / "redis").exists():
        try:
            with _running(settings):
                lines += unknown(compose.erasure_log(settings).lines(), at)
        except (ProfilesUnavailable, redis_child.RedisBroken) as error:
            logger.warning("what is here cannot tell of erasures, the log beside the backup does: %s", error)
    return sorted(pruned(lines), key=lambda line: line.at)


def _staged(settings: Settings, work: Path) -> Settings:
    data = work / "data"
    return msgspec.structs.replace(
        settings, data=str(data), warehouse=str(data / WAREHOUSE), models=str(data / MODELS)
    )


def _wait_for_killed(socket: Path, seconds: float = 15.0) -> None:
    """The Redis of a restore that was killed ends by itself, but not at once."""
    deadline = time.monotonic() + seconds
    while redis_child.answers(socket):
        if time.monotonic() > deadline:
            raise RestoreRefused(f"the Redis of an interrupted restore still runs on {socket}: end it first")
        time.sleep(0.1)


def _lay_out(settings: Settings, folder: Path, manifest: Manifest, work: Path) -> Settings:
    """The settings of an installation made of the backup's files."""
    staged = _staged(settings, work)
    data = staged.folder
    for name in manifest.files:
        part, _, inside = name.partition("/")
        target = {
            FILES: data / inside,
            WAREHOUSE: data / WAREHOUSE / inside,
            MODELS: data / MODELS / inside,
            # A snapshot is what an append-only file begins with.
            SNAPSHOT: data / "redis" / "appendonly.aof",
        }.get(part)
        if target:
            private(target.parent)
            shutil.copyfile(folder / name, target)
            target.chmod(0o600)
    stores = list(_own_stores(settings))
    for client, patterns in stores:
        redis_copy.delete(client, patterns)
    for name, (client, _) in zip(
        [n for n in (PROFILE_KEYS, LOG_KEYS) if n in manifest.files], stores, strict=True
    ):
        with (folder / name).open("rb") as file:
            redis_copy.restore(client, redis_copy.read(file))
    return staged


def _do_again(settings: Settings, staged: Settings, lines: Sequence[Line]) -> None:
    with _running(staged):
        erasure, log = compose.erasure(staged, settle_seconds=0.0), compose.log(staged)
        redis_copy.delete(compose.profiles(staged).client, HELD)
        for line in lines:
            if isinstance(line, Erased):
                erasure.again(line.site, line.ids, line.at)
        while erasure.erased.pending():
            erasure.run()
        said = [line.event for line in lines if isinstance(line, Consented)]
        if said:
            log.append([Record(event.key, encode(event)) for event in said])
        compose.erasure_log(staged).put(lines)
        log.close()
        if settings.log.startswith("kafka"):
            from tracker.log.kafka.rewind import rewind

            rewind(settings.log, compose.INGEST_GROUP, functools.partial(compose.stored, staged))


@contextmanager
def _running(staged: Settings) -> Iterator[None]:
    """With the embedded Redis of the staged installation, where it has one."""
    folder, socket = staged.folder / "redis", staged.socket
    with ExitStack() as stack:
        if staged.embedded_redis:
            child = redis_child.start(folder, socket)
            stack.callback(child.wait)
            stack.callback(child.terminate)
            redis_child.wait_ready(child, folder, socket)
        yield


def _plan(settings: Settings, staged: Settings) -> Plan:
    moves, elsewhere = [], _elsewhere(settings)
    for path in sorted(staged.folder.iterdir()):
        if path.name == WAREHOUSE and "://" in settings.warehouse_uri:
            moves.append(Move(str(path), settings.warehouse_uri))
        elif path.name in elsewhere:
            final = elsewhere[path.name]
            beside = final.with_name(f".{final.name}{RESTORING}")
            shutil.rmtree(beside, ignore_errors=True)
            beside.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, beside)
            moves.append(Move(str(beside), str(final)))
        else:
            moves.append(Move(str(path), str(settings.folder / path.name)))
    coming = {move.final for move in moves}
    old = [path for path in settings.folder.iterdir() if path.name not in HOUSEKEEPING]
    gone = [str(path) for path in old if str(path) not in coming]
    return Plan(moves, gone)
