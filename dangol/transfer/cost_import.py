"""``dangol import-costs``: what advertising cost, from exports of ad accounts into the store of costs."""

import time
from collections.abc import Sequence
from pathlib import Path

import click

from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.settings import Settings
from dangol.transfer.event_import import site_of
from ingest.cost_files.costs import CostFile, CostOptions
from ingest.files.mappings import MAPPINGS, Mappings
from warehouse.attribution.cost_store import CostsKept, TooManyCosts


def import_cost_files(
    settings: Settings, paths: Sequence[Path], site_id: str, options: CostOptions, *, dry_run: bool
) -> bool:
    """Import the files, or with ``dry_run`` only say what is in them; whether every row could be used.

    The rows of all files are added up by day, source and campaign, and replace what was known of these three. Raises
    FileInvalid, NoSuchSite, Unavailable.
    """
    site, mappings = site_of(settings, site_id), Mappings(settings.folder / MAPPINGS)
    started = time.monotonic()
    files = [CostFile(path, site, options, mappings) for path in paths]
    costs = []
    for file in files:
        with file.open.rejects:
            costs += list(file.costs())
    kept = None
    if not dry_run:
        for file in files:
            file.remember()
        with embedded_redis(settings):
            try:
                kept = compose.costs(settings).put(site.id, costs)
            except TooManyCosts as error:
                raise click.ClickException(str(error)) from error
    for file in files:
        _say(file)
    _say_kept(kept, time.monotonic() - started)
    return not any(file.open.rejects.count for file in files)


def _say(file: CostFile) -> None:
    """One line a figure."""
    table, told = file.open.table, file.summary
    named = ", ".join(f"{table.names[at]!r} is {field}" for field, at in file.open.columns.items())
    export = f"{file.preset.name}, " if file.preset.name else ""
    click.echo(f"{file.open.path.name}: {export}{table.format}\n  {named}")
    click.echo(f"  {told.rows:>11,}  rows")
    if told.totals:
        click.echo(f"  {told.totals:>11,}  rows of totals: left out")
    if told.first and told.last:
        days = (told.last - told.first).days + 1
        click.echo(f"  {days:>11,}  days, from {told.first} to {told.last}")
    for code, amount in sorted(told.sums.items()):
        click.echo(f"  {amount:>11,.2f}  {code} spent")
    for reason, count in file.open.rejects.reasons.most_common():
        click.echo(f"  {count:>11,}  refused: {reason}")
    for each in file.open.rejects.examples:
        click.echo(f"  {file.open.path.name} line {each.line:,}: {each.reason}")
    if file.open.rejects.count and file.open.rejects.path:
        click.echo(f"  The refused rows are in {file.open.rejects.path}")


def _say_kept(kept: CostsKept | None, seconds: float) -> None:
    if kept is None:
        click.echo("Nothing was imported (--dry-run).")
        return
    for name, count in kept._asdict().items():
        click.echo(f"  {count:>11,}  {name}")
    click.echo(f"  {seconds:.1f} s")
