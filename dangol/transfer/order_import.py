"""``dangol import-orders``: the shop's files of orders through the log, and what was read, told and refused."""

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path

import click

from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.machine.lock import FolderLock
from dangol.settings import Settings
from dangol.transfer.event_import import MOST_WAITING, ingesting, site_of, wait_for_ingest
from ingest.files.mappings import Mappings
from ingest.order_files.files import OrderFiles, OrderOptions
from ingest.order_files.importer import import_orders, read_only
from ingest.order_files.summary import OrderSummary
from profiles.erasures import RedisErased
from tracker.event import Event, encode
from tracker.log.port import EventLog, Record

MAPPINGS = "import-mappings.json"


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
        _say_files(files)
        _say(files.summary, notes, dry_run=dry_run)
        click.echo(f"  {time.monotonic() - started:.1f} s")
        return _say_refused(files)


def _run(settings: Settings, files: OrderFiles, *, wait: bool) -> Mapping[str, int]:
    supervised = FolderLock.held(settings.folder)
    with embedded_redis(settings), nullcontext() if supervised else ingesting(settings):
        log = compose.log(settings)
        erased = RedisErased(compose.profiles(settings).client)
        now = int(time.time() * 1000)
        try:
            notes = import_orders(
                files, compose.warehouse(settings), erased.forgotten, lambda events: _append(log, events), now
            )
            if wait:
                wait_for_ingest(log)
        finally:
            log.close()
    return notes


def _append(log: EventLog, events: Sequence[Event]) -> None:
    log.append([Record(event.key, encode(event)) for event in events])
    wait_for_ingest(log, MOST_WAITING)


def _say_files(files: OrderFiles) -> None:
    for file in files.files:
        named = ", ".join(f"{file.table.names[at]!r} is {field}" for field, at in file.columns.items())
        export = f"{file.preset.name}, " if file.preset.name else ""
        click.echo(f"{file.path.name}: {export}{file.table.format}\n  {named}")


def _say(summary: OrderSummary, notes: Mapping[str, int], *, dry_run: bool) -> None:
    """One line a figure."""
    click.echo(f"  {summary.rows:>11,}  rows")
    click.echo(
        f"  {summary.orders:>11,}  orders ({summary.cancelled:,} cancelled, {summary.refunded:,} with refunds), "
        f"{summary.credits:,} credit notes without an order"
    )
    click.echo(f"  {summary.customers:>11,}  customers, {summary.guests:,} guests without a name")
    for code, sums in sorted(summary.sums.items()):
        click.echo(
            f"  {sums.net:>11,.2f}  {code} net: {sums.orders:,.2f} ordered, {sums.returned:,.2f} given back"
        )
    for count, text in (
        (summary.other_events, "rows of other events than orders: left out"),
        (summary.unpaid, "orders not paid (pending, failed, voided): no orders"),
        (summary.empty, "returns of nobody and of no amount, such as write-offs: left out"),
        (summary.erased, "orders of people who were erased: left out"),
        *(
            (count, f"orders or lines with the status {word!r}, which is not known: taken for sales")
            for word, count in summary.states.items()
        ),
        *((count, text) for text, count in notes.items()),
    ):
        if count:
            click.echo(f"  {count:>11,}  {text}")
    if dry_run:
        click.echo("Nothing was imported (--dry-run).")
        return
    for name, count in sorted(summary.events.items()):
        click.echo(f"  {count:>11,}  {name}: new")
    click.echo(f"  {summary.unchanged:>11,}  known already, and unchanged")


def _say_refused(files: OrderFiles) -> bool:
    """What was refused, by reason; whether nothing was."""
    for file in files.files:
        for reason, count in file.rejects.reasons.most_common():
            click.echo(f"  {count:>11,}  refused: {reason}")
        for each in file.rejects.examples:
            click.echo(f"  {file.path.name} line {each.line:,}: {each.reason}")
        if file.rejects.count and file.rejects.path:
            click.echo(f"  The refused rows are in {file.rejects.path}")
    return not any(file.rejects.count for file in files.files)
