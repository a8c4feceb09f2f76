"""``dangol import-orders``: the shop's files of orders through the log, and what was read, told and refused."""

import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click

from dangol import compose
from dangol.settings import Settings
from dangol.transfer.event_import import append_events, importing, site_of, wait_for_ingest
from dangol.transfer.import_report import say_files, say_orders, say_refused, say_told
from ingest.files.mappings import MAPPINGS, Mappings
from ingest.order_files.files import OrderFiles, OrderOptions
from ingest.order_files.importer import import_orders, read_only
from profiles.erasures import RedisErased


def import_order_files(
    settings: Settings,
    paths: tuple[Path, ...],
    site_id: str,
    options: OrderOptions,
    *,
    dry_run: bool,
    wait: bool,
) -> bool:
    """Import the files, or with ``dry_run`` only say what is in them; whether every row could be used.

    Starts the embedded Redis and an ingest worker for the while where no ``dangol up`` runs in the data folder.
    Raises FileInvalid, NoSuchSite, IngestStalled, LogUnavailable, WarehouseUnavailable.
    """
    site = site_of(settings, site_id)
    started = time.monotonic()
    with OrderFiles(paths, site, options, Mappings(settings.folder / MAPPINGS)) as files:
        notes: Mapping[str, int] = {}
        if dry_run:
            read_only(files)
        else:
            files.remember()
            notes = _run(settings, files, wait=wait)
        say_files(files)
        click.echo(f"  {files.summary.rows:>11,}  rows in {time.monotonic() - started:.1f} s")
        if files.summary.other_events:
            click.echo(f"  {files.summary.other_events:>11,}  rows of other events than orders: left out")
        say_orders(files.summary)
        if dry_run:
            click.echo("Nothing was imported (--dry-run).")
        else:
            say_told(files.summary, notes)
        return say_refused(files)


def _run(settings: Settings, files: OrderFiles, *, wait: bool) -> Mapping[str, int]:
    with importing(settings):
        log = compose.log(settings)
        erased = RedisErased(compose.profiles(settings).client)
        now = int(time.time() * 1000)
        try:
            notes = import_orders(
                files, compose.warehouse(settings), erased.forgotten, partial(append_events, log), now
            )
            if wait:
                wait_for_ingest(log)
        finally:
            log.close()
    return notes
