"""``dangol import-log``: access logs into the warehouse, with progress, and what was counted and what not."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.secrets import signing_key
from dangol.settings import Settings
from dangol.transfer.event_import import site_of
from ingest.access_log.format import Format
from ingest.access_log.importer import Importer, ImportSummary
from ingest.access_log.page_views import ImportOptions
from ingest.enrich.channels import host_of
from profiles.erasures import RedisErased

FATES_SAID = {
    "static": "filtered: static files",
    "errors": "filtered: errors (status 400 and above)",
    "bots": "filtered: bots and referrer spam",
    "head": "filtered: HEAD",
    "method": "filtered: other methods than GET and POST",
    "malformed": "not in this format",
}


def import_logs(
    settings: Settings,
    files: tuple[str, ...],
    site_id: str,
    form: Format,
    keep: frozenset[str],
    host: str = "",
) -> None:
    """Import access logs into the warehouse and say what was counted and what filtered.

    May run beside ``dangol up``. Needs Redis, which knows who was erased. Raises NoSuchSite, LogUnreadable,
    ProfilesUnavailable, WarehouseUnavailable.
    """
    site = site_of(settings, site_id)
    own = host or next((host_of(origin) for origin in site.origins), "")
    choice = ImportOptions(form, site, signing_key(settings), keep, own, site.zone, settings.geoip)
    with embedded_redis(settings):
        importer = Importer(
            compose.warehouse(settings), choice, RedisErased(compose.profiles(settings).client)
        )
        for name in files:
            started = time.monotonic()
            with _file_bar(name) as told:
                summary = importer.file(name, told)
            _say(name, summary, time.monotonic() - started)


@contextmanager
def _file_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with lines a second and the time left, on standard error; for standard input there is nothing to go by."""
    started, size = time.monotonic(), Path(name).stat().st_size if Path(name).is_file() else 0

    def rate(lines: int | None) -> str:
        return f"{(lines or 0) / max(time.monotonic() - started, 0.001):,.0f} lines/s"

    with click.progressbar(
        length=size, label=name, item_show_func=rate, show_eta=size > 0, file=sys.stderr
    ) as bar:
        yield lambda position, lines: bar.update(position - bar.pos, lines)


def _say(name: str, summary: ImportSummary, seconds: float) -> None:
    """One line a figure: they add up to the file's lines."""
    click.echo(f"{name}: {summary.lines:,} lines in {seconds:.1f} s ({summary.lines / seconds:,.0f} lines/s)")
    click.echo(
        f"  {summary.counted:>11,}  page views counted: {summary.added:,} new, {summary.known:,} known already"
    )
    for fate, text in FATES_SAID.items():
        click.echo(f"  {summary.fates[fate]:>11,}  {text}")
    if summary.erased:
        click.echo(f"  {summary.erased:>11,}  of people who were erased: left out")
    for number, text in summary.examples:
        click.echo(f"  not in this format, line {number:,}: {text}")
    if summary.host:
        click.echo(
            f"  Visitors from other hosts than {summary.host} came from outside (--host names another)."
        )
