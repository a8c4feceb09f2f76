"""``dangol import-events``: files through the log and the real ingest, until reports show them."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click

from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.machine.lock import FolderLock
from dangol.secrets import ensure_default_site
from dangol.settings import Settings
from dangol.transfer.import_report import say_files, say_orders, say_refused
from ingest.events_file import EVENTS, EventRows
from ingest.files.mappings import MAPPINGS, Mappings
from ingest.order_files.files import OrderFiles, OrderOptions
from ingest.order_files.importer import import_orders
from profiles.erasures import RedisErased
from tracker.event import Event, encode
from tracker.log.port import EventLog, Record
from tracker.sites import Site, Sites
from warehouse.feeds.stored_ids import stored_ids

MOST_WAITING = 100_000  # events in the log that ingest has not committed, before reading on
STALLED = 300.0  # seconds without progress after which waiting gives up


class NoSuchSite(Exception):
    """There is no site of this id."""


class IngestStalled(Exception):
    """Events wait in the log and nothing consumes them."""


def import_files(
    settings: Settings,
    paths: tuple[Path, ...],
    site_id: str,
    options: OrderOptions,
    *,
    dry_run: bool,
    wait: bool,
) -> bool:
    """Import event files, each by itself, or with ``dry_run`` only say what is in them. Returns whether every row could
    be used.

    Starts the embedded Redis and an ingest worker for the while where no ``dangol up`` runs in the data folder.
    Raises FileInvalid, NoSuchSite, IngestStalled, LogUnavailable.
    """
    site, whole = site_of(settings, site_id), True
    with importing(settings, ingest=not dry_run):
        log = compose.log(settings)
        total = 0
        for path in paths:
            with OrderFiles([path], site, options, Mappings(settings.folder / MAPPINGS), EVENTS) as files:
                total += EventImport(settings, files, log, dry_run=dry_run).run()
                whole = say_refused(files) and whole
        if wait and not dry_run:
            wait_for_ingest(log)
        log.close()
    click.echo(
        f"{total} events in the files; nothing was imported (--dry-run)"
        if dry_run
        else f"{total} events {'imported' if wait else 'appended to the log'}"
    )
    return whole


class EventImport:
    """One file into the log: what is not in the warehouse yet. Ingest remembers an event's id for a day only, and a
    file may be imported again after years."""

    def __init__(self, settings: Settings, files: OrderFiles, log: EventLog, *, dry_run: bool) -> None:
        self._files, self._log, self._dry_run = files, log, dry_run
        self._warehouse = compose.warehouse(settings)
        self._erased = RedisErased(compose.profiles(settings).client)
        self._added = 0

    def run(self) -> int:
        """How many events are new. Says what the file holds."""
        say_files(self._files)
        if not self._dry_run:
            self._files.remember()
        now = int(time.time() * 1000)
        rows = EventRows(self._files, now, self._erased.forgotten, self._append)
        import_orders(self._files, self._warehouse, self._erased.forgotten, self._tell, now, rows.add)
        rows.flush()
        say_orders(self._files.summary)
        for count, text in (
            (rows.nobody, "rows left out: their only ids are placeholders such as NULL or undefined"),
            (rows.erased, "events of people who were erased: left out"),
        ):
            if count:
                click.echo(f"  {count:>11,}  {text}")
        return self._added

    def _append(self, events: Sequence[Event]) -> None:
        times = [event.ts for event in events]
        ids = [event.id for event in events]
        known = stored_ids(self._warehouse, self._files.site.id, ids, min(times), max(times) + 1)
        self._tell([event for event in events if event.id not in known])

    def _tell(self, events: Sequence[Event]) -> None:
        self._added += len(events)
        if events and not self._dry_run:
            append_events(self._log, events)


def site_of(settings: Settings, site_id: str) -> Site:
    """The site of this id. Raises NoSuchSite."""
    ensure_default_site(settings)
    site = Sites(settings.sites_file).get(site_id)
    if site is None:
        raise NoSuchSite(f"there is no site {site_id!r}; `dangol sites list` names them")
    return site


def append_events(log: EventLog, events: Sequence[Event]) -> None:
    """Append, and wait where ingest is far behind. Raises LogUnavailable, IngestStalled."""
    log.append([Record(event.key, encode(event)) for event in events])
    wait_for_ingest(log, MOST_WAITING)


def wait_for_ingest(log: EventLog, most: int = 0) -> None:
    """Return when at most ``most`` events wait for ingest. Raises IngestStalled."""
    least, since = log.lag(compose.INGEST_GROUP), time.monotonic()
    while least > most:
        time.sleep(0.1)
        now = log.lag(compose.INGEST_GROUP)
        if now < least:
            least, since = now, time.monotonic()
        elif time.monotonic() - since > STALLED:
            raise IngestStalled(f"{now} events wait in the log; is an ingest worker running?")


@contextmanager
def importing(settings: Settings, *, ingest: bool = True) -> Iterator[None]:
    """The embedded Redis and an ingest worker, for the while, where no ``dangol up`` runs in the data folder."""
    supervised = FolderLock.held(settings.folder)
    with embedded_redis(settings), ingesting(settings) if ingest and not supervised else nullcontext():
        yield


@contextmanager
def ingesting(settings: Settings) -> Iterator[None]:
    """An ingest worker in this process, for the while."""
    stop = threading.Event()
    worker = threading.Thread(target=compose.worker(settings).run, args=(stop,), name="ingest")
    worker.start()
    try:
        yield
    finally:
        stop.set()
        worker.join()
