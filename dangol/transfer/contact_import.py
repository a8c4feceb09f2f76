"""``dangol import-contacts`` and ``import-calls``: files of customers and of calls with them, through the log."""

import time
from pathlib import Path

import click

from dangol import compose
from dangol.settings import Settings
from dangol.transfer.event_import import append_events, importing, site_of, wait_for_ingest
from ingest.contact_files.call_import import CALLS, import_calls, read_calls
from ingest.contact_files.customer_import import CUSTOMERS, import_customers, read_customers
from ingest.contact_files.fields import preset_of
from ingest.contact_files.sources import ImportStores
from ingest.contact_files.summary import ContactSummary
from ingest.files.import_file import FileKind, FileOptions, OpenFile, open_file, remember
from ingest.files.mappings import MAPPINGS, Mappings
from profiles.erasures import RedisErased

RUNS = {CUSTOMERS.name: import_customers, CALLS.name: import_calls}
READS = {CUSTOMERS.name: read_customers, CALLS.name: read_calls}


def import_contact_files(
    settings: Settings,
    paths: tuple[Path, ...],
    site_id: str,
    kind: FileKind,
    options: FileOptions,
    *,
    dry_run: bool,
    wait: bool,
) -> bool:
    """Import the files, or with ``dry_run`` only say what is in them; whether every row could be used.

    Starts the embedded Redis and an ingest worker for the while where no ``dangol up`` runs in the data folder.
    Raises FileInvalid, NoSuchSite, IngestStalled, LogUnavailable, WarehouseUnavailable.
    """
    site, mappings = site_of(settings, site_id), Mappings(settings.folder / MAPPINGS)
    whole = True
    for path in paths:
        started, summary = time.monotonic(), ContactSummary()
        file = open_file(path, kind, site, options, mappings)
        with file.rejects:
            if dry_run:
                for _ in READS[kind.name](file, summary):
                    pass
            else:
                remember(file, kind, options, mappings)
                _run(settings, file, kind, summary, wait=wait)
        _say(file, kind, summary, dry_run=dry_run)
        click.echo(f"  {time.monotonic() - started:.1f} s")
        whole = _say_refused(file) and whole
    return whole


def _run(settings: Settings, file: OpenFile, kind: FileKind, summary: ContactSummary, *, wait: bool) -> None:
    with importing(settings):
        log, profiles = compose.log(settings), compose.profiles(settings)
        stores = ImportStores(
            compose.warehouse(settings),
            profiles,
            RedisErased(profiles.client).forgotten,
            lambda events: append_events(log, events),
            int(time.time() * 1000),
        )
        try:
            RUNS[kind.name](file, stores, summary)
            if wait:
                wait_for_ingest(log)
        finally:
            log.close()


def _say(file: OpenFile, kind: FileKind, summary: ContactSummary, *, dry_run: bool) -> None:
    """One line a figure."""
    named = ", ".join(f"{file.table.names[at]!r} is {field}" for field, at in file.columns.items())
    export = preset_of(file.table.names).name if kind is CUSTOMERS else ""
    click.echo(f"{file.path.name}: {export + ', ' if export else ''}{file.table.format}\n  {named}")
    for count, text in (
        (summary.rows, "rows"),
        (summary.customers, "customers"),
        (summary.granted, "agree to marketing"),
        (summary.refused, "refuse marketing"),
        (summary.refusals_kept, "agree in the file, and refused here before: they stay refused"),
        (summary.erased, "rows of people who were erased: left out"),
        *(
            (count, f"calls with the outcome {word!r}")
            for word, count in summary.outcomes.most_common(10)
            if word
        ),
    ):
        if count or text in ("rows", "customers"):
            click.echo(f"  {count:>11,}  {text}")
    if dry_run:
        click.echo("Nothing was imported (--dry-run).")
        return
    for name, count in sorted(summary.events.items()):
        click.echo(f"  {count:>11,}  {name}: new")
    click.echo(f"  {summary.unchanged:>11,}  known already, and unchanged")


def _say_refused(file: OpenFile) -> bool:
    """What was refused, by reason; whether nothing was."""
    for reason, count in file.rejects.reasons.most_common():
        click.echo(f"  {count:>11,}  refused: {reason}")
    for each in file.rejects.examples:
        click.echo(f"  {file.path.name} line {each.line:,}: {each.reason}")
    if file.rejects.count and file.rejects.path:
        click.echo(f"  The refused rows are in {file.rejects.path}")
    return not file.rejects.count
