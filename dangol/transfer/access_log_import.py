"""``dangol import-log``: access logs into the warehouse, with progress, and what was counted and what not."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import click

from dangol import compose
from dangol.machine.embedded import embedded_redis
from dangol.secrets import signing_key
from dangol.settings import Settings
from dangol.transfer.event_import import site_of
from ingest.access_log.format import Format
from ingest.access_log.importer import Importer, ImportSummary
from ingest.access_log.memory import keep_memory_small
from ingest.access_log.page_views import ImportOptions
from ingest.enrich.channels import host_of
from profiles.erasures import RedisErased
from tracker.sites import Site

FATES_SAID = {
    "static": "filtered: static files",
    "errors": "filtered: errors (status 400 and above)",
    "bots": "filtered: bots and referrer spam",
    "head": "filtered: HEAD",
    "method": "filtered: other methods than GET and POST",
    "comment": "comments, and parts of longer lines",
    "malformed": "not in this format",
}


class LogOptions(NamedTuple):
    """How to read logs (``ImportOptions``). ``zone``: of times that name none, None for the site's."""

    form: Format
    keep: frozenset[str] = frozenset()
    host: str = ""
    client: str = "auto"
    zone: tzinfo | None = None


def import_logs(settings: Settings, files: tuple[str, ...], site_id: str, options: LogOptions) -> None:
    """Import access logs into the warehouse and say what was counted and what filtered.

    May run beside ``dangol up``. Needs Redis, which knows who was erased. Raises NoSuchSite, LogUnreadable,
    ProfilesUnavailable, WarehouseUnavailable.
    """
    keep_memory_small()
    site = site_of(settings, site_id)
    choice = ImportOptions(
        form=options.form,
        site=site,
        key=signing_key(settings),
        keep=options.keep,
        host=options.host or next((host_of(origin) for origin in site.origins), ""),
        zone=options.zone or site.zone,
        geoip=settings.geoip,
        client=options.client,
    )
    with embedded_redis(settings):
        importer = Importer(
            compose.warehouse(settings), choice, RedisErased(compose.profiles(settings).client)
        )
        for name in files:
            started = time.monotonic()
            with _file_bar(name) as told:
                summary = importer.file(name, told)
            _say(name, summary, time.monotonic() - started)
            _say_clients(summary, options.client)
            _say_dates(summary, site, settings.public_url or settings.url)


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
    """One line a figure: they add up to the file's lines, but for the part of them that agents fetched."""
    click.echo(f"{name}: {summary.lines:,} lines in {seconds:.1f} s ({summary.lines / seconds:,.0f} lines/s)")
    click.echo(f"  read as {summary.format}")
    click.echo(
        f"  {summary.counted:>11,}  page views counted: {summary.added:,} new, {summary.known:,} known already"
    )
    for fate, text in FATES_SAID.items():
        if summary.fates[fate] or fate != "comment":
            click.echo(f"  {summary.fates[fate]:>11,}  {text}")
    if summary.fetches:
        click.echo(
            f"  {summary.fetches:>11,}  of these are pages that crawlers and AI agents fetched: see their report"
        )
    if summary.erased:
        click.echo(f"  {summary.erased:>11,}  of people who were erased: left out")
    for number, text in summary.examples:
        click.echo(f"  not in this format, line {number:,}: {text}")
    if summary.host:
        click.echo(
            f"  Visitors from other hosts than {summary.host} came from outside (--host names another)."
        )


def _say_clients(summary: ImportSummary, client: str) -> None:
    """Warn where most views seem to come from one client that is none."""
    if summary.shared is None:
        return
    shared = f"come from {summary.shared}, which seems to be a proxy" if summary.shared else "name no client"
    if summary.forwards and client in ("connection", "xff-first"):
        remedy = "Import it with --client xff: the lines have the addresses that proxies forwarded."
    elif summary.forwards:
        remedy = "If X-Forwarded-For has the visitors, --client xff-first or xff:N says which address is the client's."
    else:
        remedy = (
            "Its visitors cannot be told apart. Let the server log X-Forwarded-For (then --client xff), or take the "
            "client's address from it (nginx: real_ip_header; Apache: mod_remoteip)."
        )
    click.echo(f"  Warning: most page views {shared}. {remedy}", err=True)


def _say_dates(summary: ImportSummary, site: Site, base: str) -> None:
    """The days that the views are of, with the report that shows them."""
    if not summary.last:
        return
    first, last = (
        datetime.fromtimestamp(ms / 1000, site.zone).date() for ms in (summary.first, summary.last)
    )
    link = f"{base}/desk?" + urlencode({"from": first, "to": last})
    click.echo(f"  The page views of site {site.id} are from {first} to {last}: {link}")
