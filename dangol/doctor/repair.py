"""``dangol doctor --deep`` and ``--repair``: finds damage of the warehouse, and restores what can be restored.

A repair rewrites the commit log of the tables. So it refuses to run while ingest, the scheduler or the supervisor
run. It takes rows first from files that still hold them (``warehouse.tables.repair``), then from the event log
(``ingest.rebuild.lost_rows``), and reports what neither has. Rows of erased people are left out.
"""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing, suppress

import pyarrow as pa

from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.machine.lock import FolderLock
from dangol.settings import Settings
from profiles.erasures import RedisErased
from profiles.ids import user_id, visitor_id
from recommender.jobs.lock import LOCK_SECONDS, Busy, RedisLock, locked
from tracker.log.port import EventLog, LogUnavailable
from tracker.redis_connection import connect
from warehouse.tables import repair
from warehouse.tables.damage import Damage
from warehouse.tables.integrity import Mask, Seen, deep, look
from warehouse.tables.rows import arrow
from warehouse.tables.schema import ALIASES
from warehouse.tables.table import Table, WarehouseUnavailable
from web.health.warehouse_damage import SOURCES

SETTLED = 60.0
"""Seconds after which no writer can still commit a file (warehouse.delta.ATTEMPTS)."""
JOINING = 20.0
"""Seconds after which the partitions of a dead worker are free."""


class InUse(Exception):
    """A process that writes to the warehouse is running: stop it first."""


def tables(settings: Settings) -> tuple[Table, Table, Table]:
    warehouse = compose.warehouse(settings)
    return warehouse.events, warehouse.aliases, warehouse.scores


def looked(settings: Settings) -> list[Damage]:
    """The damage that a quick check finds. Raises WarehouseUnavailable."""
    return [*_gone(settings), *(each for table in tables(settings) for each in look(table))]


def examined(settings: Settings) -> list[Damage]:
    """The damage that reading every file finds. Raises WarehouseUnavailable, ProfilesUnavailable, LogUnavailable."""
    settled = SETTLED if FolderLock.held(settings.folder) or not settings.embedded_redis else 0.0
    with embedded_redis(settings):
        out = _kept_out(settings)
        found = [
            *_gone(settings),
            *(each for table in tables(settings) for each in deep(table, out, settled)),
        ]
        compose.damage(settings).say("deep", found)
    return found


def _gone(settings: Settings) -> list[Damage]:
    """The damage when the whole table is missing although ingest has committed events: ingest writes to it before it
    commits."""
    events = tables(settings)[0]
    with suppress(WarehouseUnavailable, LogUnavailable):  # which others tell
        if events.refresh() is None:
            with closing(compose.log(settings)) as log:
                if any(known.done for known in log.backlog(compose.INGEST_GROUP).values()):
                    return [Damage(events.name, "commit", "_delta_log", "is gone, and so is the whole table")]
    return []


def repaired(settings: Settings, say: Callable[[str], None]) -> list[Damage]:
    """Repair the tables; what could not be restored. Raises InUse, NotOnDisk, and what ``examined`` raises."""
    if FolderLock.held(settings.folder):
        raise InUse(f"Dangol is running in {settings.folder}: stop `dangol up` first")
    with embedded_redis(settings):
        if not settings.embedded_redis:
            with closing(compose.log(settings)) as log:
                _nobody_reads(log)
        with closing(connect(settings.profiles_uri, 30.0)) as client:
            lock = RedisLock(client, "warehouse")
            try:
                return locked(lambda: _repair(settings, say), lock, LOCK_SECONDS / 3)
            except Busy:
                raise InUse(
                    "the scheduler works on the warehouse: stop it, or wait until it is done"
                ) from None


def _repair(settings: Settings, say: Callable[[str], None]) -> list[Damage]:
    lost, out = _gone(settings), _kept_out(settings)
    for table in tables(settings):
        for done in repair.begin(table):
            say(done)
        for damage in repair.salvage(table):
            say(
                f"{damage.table}/{damage.path} {damage.says}: {_number(damage.rows)} rows are not in it any more"
            )
            lost.append(damage)
        for damage in repair.take_in(table, out):
            say(f"{damage.table}/{damage.path} {damage.says}: {damage.rows:,} added")
        repair.finish(table)
    lost = _still_lost(lost, _from_log(settings, say))
    left = [each for table in tables(settings) for each in deep(table, out)]
    for source in SOURCES:
        compose.damage(settings).say(source, left)
    return [*lost, *left]


def _from_log(settings: Settings, say: Callable[[str], None]) -> Counter[str]:
    """Add the events that the log holds and the tables do not; how many were added, by day."""
    events, aliases, _ = tables(settings)
    known, named = Seen(events, events.files()[1]), Seen(aliases, aliases.files()[1])
    restored, unknown = Counter[str](), 0
    for part in compose.restoring(settings).run():
        rows = known.unknown(arrow(part.rows))
        names = named.unknown(pa.Table.from_pylist([each._asdict() for each in part.aliases], schema=ALIASES))
        if len(names):
            aliases.append(names, ())
        if len(rows):
            events.append(rows, ())
            restored.update(str(day) for day in rows["day"].to_pylist())
        unknown += part.unknown
    if restored:
        say(f"{restored.total():,} events added from the event log")
    if unknown:
        say(f"{unknown:,} events of the log are in no profile any more: not compared")
    return restored


def _still_lost(lost: Sequence[Damage], restored: Counter[str]) -> list[Damage]:
    """The lost rows that were not restored. The log has no scores."""
    found = []
    for damage in lost:
        here = 0 if damage.table == "scores" else restored[damage.day]
        back = here if damage.rows is None else min(damage.rows, here)
        restored[damage.day] -= back
        left = None if damage.rows is None else damage.rows - back
        if left or (left is None and not back):
            says = f"{damage.says}; it could not be restored"
            found.append(Damage(damage.table, damage.kind, damage.path, says, damage.site, damage.day, left))
    return found


def _number(rows: int | None) -> str:
    return "an unknown number of" if rows is None else f"{rows:,}"


def _kept_out(settings: Settings) -> Mask:
    """Which rows must not be added: those of erased people, and those that ingest will still write itself."""
    erased = RedisErased(compose.profiles(settings).client)
    waiting = compose.restoring(settings).waiting()

    def out(rows: pa.Table) -> pa.ChunkedArray:
        if "received" not in rows.column_names:  # aliases or scores: of whom, and when
            names = ("old", "new") if "old" in rows.column_names else ("profile",)
            columns = [rows[name].to_pylist() for name in ("site", "ts", *names)]
            hit = [erased.cutoffs(site).cover(site, ids, ts) for site, ts, *ids in zip(*columns, strict=True)]
            return pa.chunked_array([pa.array(hit, pa.bool_())])
        columns = [
            rows[name].to_pylist() for name in ("site", "id", "profile", "visitor", "user", "received")
        ]
        hit = []
        for site, name, profile, visitor, user, received in zip(*columns, strict=True):
            ids = [profile, *([visitor_id(visitor)] if visitor else []), *([user_id(user)] if user else [])]
            hit.append((site, name) in waiting or erased.cutoffs(site).cover(site, ids, received))
        return pa.chunked_array([pa.array(hit, pa.bool_())])

    return out


def _nobody_reads(log: EventLog) -> None:
    """Check that no ingest worker runs: a consumer that is alone in the group gets every partition. Raises InUse."""
    member, everything = (
        log.consumer(compose.INGEST_GROUP, compose.member("doctor")),
        frozenset(log.backlog("")),
    )
    deadline = time.monotonic() + JOINING
    try:
        while frozenset(member.owned()) != everything:
            if time.monotonic() > deadline:
                raise InUse("ingest workers are running: stop them all first")
            member.poll(1, 0.2)
    finally:
        member.close()
