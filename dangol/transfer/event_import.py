"""``dangol import-events``: files through the log and the real ingest, with progress, until reports show them."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import click

from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.machine.lock import FolderLock
from dangol.secrets import ensure_default_site
from dangol.settings import Settings
from ingest.events_file import read, rows
from tracker.event import encode
from tracker.log.port import EventLog, Record
from tracker.sites import Site, Sites
from warehouse.delta import Warehouse
from warehouse.feeds.stored_ids import stored_ids

MOST_WAITING = 100_000  # events in the log that ingest has not committed, before reading on
STALLED = 300.0  # seconds without progress after which waiting gives up


class NoSuchSite(Exception):
    """There is no site of this id."""


class IngestStalled(Exception):
    """Events wait in the log and nothing consumes them."""


def import_files(settings: Settings, files: tuple[Path, ...], site_id: str, *, wait: bool) -> None:
    """Append every event of ``files`` and, when ``wait``, return once ingest has committed them all.

    Starts the embedded Redis and an ingest worker for the while where no ``dangol up`` runs in the data folder.
    Raises FileInvalid, NoSuchSite, IngestStalled, LogUnavailable.
    """
    site = site_of(settings, site_id)
    supervised = FolderLock.held(settings.folder)
    with embedded_redis(settings), nullcontext() if supervised else ingesting(settings):
        log, warehouse = compose.log(settings), compose.warehouse(settings)
        total, left_out = 0, 0
        for path in files:
            added, without_id = _append(log, path, site, warehouse)
            total, left_out = total + added, left_out + without_id
        if wait:
            wait_for_ingest(log)
        log.close()
    click.echo(f"{total} events {'imported' if wait else 'appended to the log'}")
    if left_out:
        click.echo(f"{left_out} rows left out: their only ids are placeholders such as NULL or undefined")


def site_of(settings: Settings, site_id: str) -> Site:
    """The site of this id. Raises NoSuchSite."""
    ensure_default_site(settings)
    site = Sites(settings.sites_file).get(site_id)
    if site is None:
        raise NoSuchSite(f"there is no site {site_id!r}; `dangol sites list` names them")
    return site


def _append(log: EventLog, path: Path, site: Site, warehouse: Warehouse) -> tuple[int, int]:
    """Append what is not in the warehouse yet; how many events that was, and how many rows have no id. Ingest remembers
    an event's id for a day only, and a file may be imported again after years."""
    added, left_out = 0, rows(path)
    with click.progressbar(length=left_out, label=path.name, show_pos=True) as bar:
        for batch in read(path, site, int(time.time() * 1000)):
            times = [event.ts for event in batch]
            known = stored_ids(warehouse, site.id, [event.id for event in batch], min(times), max(times) + 1)
            records = [Record(event.key, encode(event)) for event in batch if event.id not in known]
            if records:
                log.append(records)
            added += len(records)
            left_out -= len(batch)
            bar.update(len(batch))
            wait_for_ingest(log, MOST_WAITING)
        bar.update(left_out)
    return added, left_out


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
