"""``dangol import-items``: files of items into the catalogue, and what was read, changed and refused."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import click

from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.settings import Settings
from dangol.transfer.event_import import site_of
from dangol.transfer.item_file import ItemFile, ItemOptions, ItemRow
from ingest.files.mappings import MAPPINGS, Mappings
from ingest.files.rejects import Rejects
from ingest.files.rows import FileInvalid
from recommender.feeds.sync import FeedSync, Leaving

BATCH = 500
ROWS_LIMIT = 5_000_000


@dataclass
class ItemSummary:
    """What one file held and did. ``broken``: where and why it could not be read on, "" when it was read whole."""

    rows: int = 0
    items: int = 0
    unavailable: int = 0
    groups: set[str] = field(default_factory=set)
    currencies: Counter[str] = field(default_factory=Counter)
    fates: Counter[str] = field(default_factory=Counter)
    leaving: Leaving | None = None
    broken: str = ""

    def count(self, row: ItemRow) -> None:
        """Count one row of the file."""
        self.rows += 1
        if row.change is None:
            return
        self.items += 1
        known = row.change.known
        self.unavailable += known.get("available") is False
        if group := known.get("group"):
            self.groups.add(group)
        if currency := known.get("price_currency"):
            self.currencies[currency] += 1


def read_items(file: ItemFile, rejects: Rejects, sync: FeedSync | None, whole: bool) -> ItemSummary:
    """Read the file, and with ``sync`` make its changes. ``whole``: items that it does not hold any more are
    unavailable from now on, unless it breaks off or has become suspiciously small.

    Raises FileInvalid where nothing can be read, CatalogueUnavailable, CatalogueFull.
    """
    summary = ItemSummary()
    rows = file.rows()
    while True:
        batch: list[ItemRow] = []
        try:
            batch.extend(islice(rows, BATCH))
        except FileInvalid as error:
            summary.broken = str(error)
        if summary.rows > ROWS_LIMIT:
            summary.broken = f"more than {ROWS_LIMIT:,} rows"
        for each in batch:
            summary.count(each)
            if each.change is None:
                rejects.add(each.row, each.reason)
        if sync is not None:
            _make(batch, rejects, sync, summary)
        if summary.broken or len(batch) < BATCH:
            break
    if sync is not None:
        summary.fates = sync.fates
        if whole and not summary.broken:
            summary.leaving = sync.leave()
    return summary


def _make(batch: Sequence[ItemRow], rejects: Rejects, sync: FeedSync, summary: ItemSummary) -> None:
    changes = {each.change.index: each for each in batch if each.change is not None}
    for each in batch:
        if each.change is None and each.id:
            sync.meet(each.id)
    for refused in sync.take([each.change for each in changes.values() if each.change]):
        row = changes[refused.index]
        rejects.add(row.row, refused.message)
        summary.items -= 1


def import_item_files(
    settings: Settings,
    paths: Sequence[Path],
    site_id: str,
    options: ItemOptions,
    *,
    dry_run: bool,
    whole: bool | None,
    rejects: Path | None,
) -> bool:
    """Import the files, or with ``dry_run`` only say what is in them; whether every row could be used.

    ``whole``: the files hold all that the shop sells; None: as their format says. Raises FileInvalid, NoSuchSite,
    CatalogueUnavailable, CatalogueFull.
    """
    site = site_of(settings, site_id)
    good = True
    for path in paths:
        started = time.monotonic()
        file = ItemFile(path, site, options, Mappings(settings.folder / MAPPINGS))
        is_whole = file.whole if whole is None else whole
        if not is_whole:
            file = ItemFile(path, site, options._replace(feed=""), Mappings(settings.folder / MAPPINGS))
        named = ", ".join(f"{file.names[at]!r} is {name}" for name, at in file.columns.items())
        click.echo(f"{path.name}: {file.format}" + (f"\n  {named}" if named else ""))
        beside = rejects or path.with_name(f"{path.name}.rejects.csv")
        with Rejects(None if dry_run else beside, file.names) as refused:
            if dry_run:
                summary = read_items(file, refused, None, is_whole)
            else:
                file.remember()
                with embedded_redis(settings):
                    sync = FeedSync(compose.item_store(settings, site.id), options.feed)
                    summary = read_items(file, refused, sync, is_whole)
            _say(file, summary, refused, dry_run=dry_run)
        click.echo(f"  {time.monotonic() - started:.1f} s")
        good = good and not refused.count and not summary.broken
    return good


def _say(file: ItemFile, summary: ItemSummary, refused: Rejects, *, dry_run: bool) -> None:
    """One line a figure."""
    click.echo(f"  {summary.rows:>11,}  rows")
    click.echo(
        f"  {summary.items:>11,}  items, {summary.unavailable:,} of them unavailable; "
        f"{len(summary.groups):,} groups of variants"
    )
    if left_out := file.left_out():
        click.echo(f"  columns left out: {', '.join(left_out[:40])}" + (" …" if len(left_out) > 40 else ""))
    for currency, count in summary.currencies.most_common():
        click.echo(
            f"  {count:>11,}  prices in {currency}, not in the site's currency: no filter compares them"
        )
    for fate in ("new", "changed", "unchanged"):
        if not dry_run:
            click.echo(f"  {summary.fates[fate]:>11,}  {fate}")
    if summary.leaving and summary.leaving.suspicious:
        click.echo(
            "  The feed has less than half of the items that it had: those that are missing stay available."
        )
    elif summary.leaving:
        click.echo(f"  {summary.leaving.left:>11,}  not in the feed any more: unavailable")
    for reason, count in refused.reasons.most_common():
        click.echo(f"  {count:>11,}  refused: {reason}")
    for each in refused.examples:
        click.echo(f"  line {each.line:,}: {each.reason}")
    if refused.count and refused.path:
        click.echo(f"  The refused rows are in {refused.path}")
    if summary.broken:
        click.echo(f"  The file breaks off: {summary.broken}")
    if dry_run:
        click.echo("Nothing was imported (--dry-run).")
