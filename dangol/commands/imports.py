"""``dangol import-events``, ``import-orders`` and ``import-log``."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import click

from dangol.commands.options import FILE, SITE, import_options, order_options
from dangol.settings import Settings

LOG_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


@click.command("import-events")
@click.argument("files", nargs=-1, required=True, type=FILE)
@import_options
@click.option("--wait/--no-wait", default=True, help="Return when the events are in the reports.")
@click.pass_obj
def import_events(
    config: Settings, /, files: tuple[Path, ...], site_id: str, dry_run: bool, wait: bool, **given: Any
) -> None:
    """Import tables of events (CSV, JSON, Parquet, Excel): session, visitor or user; item or url; time; event.

    Purchases become orders: the rows of one transaction are its lines. Exit code 1: some rows were refused.
    """
    from dangol.transfer.event_import import import_files

    if not import_files(config, files, site_id, order_options(**given), dry_run=dry_run, wait=wait):
        raise click.exceptions.Exit(1)


@click.command("import-log")
@click.argument("files", nargs=-1, required=True, type=LOG_FILE)
@click.option(
    "--format",
    "name",
    type=click.Choice(
        ["auto", "combined", "common", "vhost", "nginx", "alb", "elb", "json", "w3c", "haproxy", "custom"]
    ),
    default="auto",
    show_default=True,
    help="auto: found out from the first lines. vhost: the virtual host, then combined. nginx: its main. "
    "json: nginx, Caddy, Traefik. w3c: IIS, CloudFront. custom: see --pattern.",
)
@click.option("--pattern", default="", help="LogFormat of Apache or log_format of nginx (--format custom).")
@SITE
@click.option(
    "--host", default="", help="The site's own host, where the format has none (default: found out)."
)
@click.option(
    "--client",
    default="auto",
    show_default=True,
    metavar="[auto|connection|xff|xff-first|xff:N]",
    help="Whose address is the client's: the connection's, or that in X-Forwarded-For: the last one that is no proxy's "
    "(xff), the first one, or the one that the N-th proxy saw. auto: xff where the lines have it.",
)
@click.option("--timezone", default="", help="Of times that name none (default: the site's).")
@click.option("--errors", is_flag=True, help="Count answers with status 400 and above, too.")
@click.option("--static", is_flag=True, help="Count static files, too.")
@click.pass_obj
def import_log(
    config: Settings,
    files: tuple[str, ...],
    name: str,
    pattern: str,
    site_id: str,
    host: str,
    client: str,
    timezone: str,
    errors: bool,
    static: bool,
) -> None:
    """Import access logs of web servers and proxies: plain, gzip or zstd; - for standard input.

    The format is found out, also behind what syslog and containers write before each line. Importing a file again, or
    when it has grown, adds what is new. Static files, errors, bots and HEAD are no page views; the pages that crawlers
    and AI agents fetched are in the report of agents.
    """
    from dangol.transfer.access_log_import import LogOptions, import_logs
    from ingest.access_log.clients import CHOICES, is_choice
    from ingest.access_log.format import FormatInvalid
    from ingest.access_log.formats.detection import named_format
    from ingest.access_log.lines import LogUnreadable

    try:
        form = named_format("custom" if pattern and name == "auto" else name, pattern)
    except FormatInvalid as error:
        raise click.BadParameter(str(error), param_hint="--pattern") from error
    if not is_choice(client):
        raise click.BadParameter(f"{client!r} is none of {CHOICES}", param_hint="--client")
    try:
        zone = ZoneInfo(timezone) if timezone else None
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise click.BadParameter(f"there is no timezone {timezone!r}", param_hint="--timezone") from error
    chosen = {"errors": errors, "static": static}
    keep = frozenset(fate for fate, asked in chosen.items() if asked)
    try:
        import_logs(config, files, site_id, LogOptions(form, keep, host, client, zone))
    except LogUnreadable as error:
        raise click.ClickException(str(error)) from error


@click.command("import-orders")
@click.argument("files", nargs=-1, required=True, type=FILE)
@import_options
@click.option("--currency", default="", help="Of files that name none (default: the site's).")
@click.option("--wait/--no-wait", default=True, help="Return when the orders are in the reports.")
@click.pass_obj
def import_orders(
    config: Settings,
    /,
    files: tuple[Path, ...],
    site_id: str,
    dry_run: bool,
    wait: bool,
    currency: str,
    **given: Any,
) -> None:
    """Import orders: CSV, JSON, Parquet or Excel, one row a line of an order, or one row an order.

    Knows the exports of WooCommerce, Shopify, Cafe24, Magento, PrestaShop, Olist (its files together), UCI Online
    Retail, RetailRocket and GA4. A second import adds nothing; a file that has grown or was corrected changes what
    changed. Exit code 1: some rows were refused.
    """
    from dangol.transfer.order_import import import_order_files
    from tracker.currencies import iso_code

    if currency and not iso_code(currency):
        raise click.BadParameter(f"{currency!r} is no currency, such as EUR", param_hint="--currency")
    options = order_options(**given, currency=iso_code(currency))
    if not import_order_files(config, files, site_id, options, dry_run=dry_run, wait=wait):
        raise click.exceptions.Exit(1)


@click.command("import-items")
@click.argument("files", nargs=-1, required=True, type=FILE)
@import_options
@click.option(
    "--whole/--part",
    default=None,
    help="The file holds all that the shop sells: what has left it is unavailable (default: feeds do, others not).",
)
@click.option("--feed", default="feed", show_default=True, help="The feed that a whole file is a reading of.")
@click.pass_obj
def import_items(
    config: Settings,
    files: tuple[Path, ...],
    site_id: str,
    dry_run: bool,
    mapping: dict[str, str],
    encoding: str,
    delimiter: str,
    zone: ZoneInfo | None,
    dates: str,
    rejects: Path | None,
    whole: bool | None,
    feed: str,
) -> None:
    """Import items: feeds of Google Merchant and Facebook (XML, TSV, CSV), CSV, JSON, Parquet or Excel.

    Knows the product exports of Shopify, WooCommerce and Cafe24. An item changes as far as the file says; a second
    import changes nothing. Exit code 1: some rows were refused.
    """
    from dangol.transfer.item_file import ItemOptions
    from dangol.transfer.item_import import import_item_files
    from ingest.files.table import Reading

    options = ItemOptions(mapping, Reading(encoding, delimiter), zone, dates, feed)
    if not import_item_files(config, files, site_id, options, dry_run=dry_run, whole=whole, rejects=rejects):
        raise click.exceptions.Exit(1)


def _contacts(
    config: Settings,
    files: tuple[Path, ...],
    calls: bool,
    site_id: str,
    dry_run: bool,
    mapping: dict[str, str],
    encoding: str,
    delimiter: str,
    zone: ZoneInfo | None,
    dates: str,
    rejects: Path | None,
    wait: bool,
) -> None:
    from dangol.transfer.contact_import import import_contact_files
    from ingest.contact_files.call_import import CALLS
    from ingest.contact_files.customer_import import CUSTOMERS
    from ingest.files.import_file import FileOptions
    from ingest.files.table import Reading

    options = FileOptions(mapping, Reading(encoding, delimiter), zone, dates, rejects or Path())
    kind = CALLS if calls else CUSTOMERS
    if not import_contact_files(config, files, site_id, kind, options, dry_run=dry_run, wait=wait):
        raise click.exceptions.Exit(1)


@click.command("import-contacts")
@click.argument("files", nargs=-1, required=True, type=FILE)
@import_options
@click.option("--wait/--no-wait", default=True, help="Return when the customers are in the reports.")
@click.pass_obj
def import_contacts(config: Settings, /, files: tuple[Path, ...], **options: Any) -> None:
    """Import customers: id, e-mail, name, phone, birthday, tags, and what they agreed to.

    Knows the exports of Shopify, WooCommerce, Cafe24, Mailchimp and HubSpot. A second import adds nothing; a corrected
    file changes what changed. Who refused marketing here stays refused. Exit code 1: some rows were refused.
    """
    _contacts(config, files, calls=False, **options)


@click.command("import-calls")
@click.argument("files", nargs=-1, required=True, type=FILE)
@import_options
@click.option("--wait/--no-wait", default=True, help="Return when the calls are in the reports.")
@click.pass_obj
def import_calls(config: Settings, /, files: tuple[Path, ...], **options: Any) -> None:
    """Import calls, visits, letters and complaints: time, customer, direction, duration, agent, topic, outcome.

    A second import adds nothing. Exit code 1: some rows were refused.
    """
    _contacts(config, files, calls=True, **options)


@click.command("import-costs")
@click.argument("files", nargs=-1, required=True, type=FILE)
@import_options
@click.option(
    "--source", default="", help="Who was paid, as links are tagged (utm_source), where no file says it."
)
@click.option("--channel", default="", help="Such as paid search, where no file says it.")
@click.option("--currency", default="", help="Of files that name none (default: the site's).")
@click.pass_obj
def import_costs(
    config: Settings,
    /,
    files: tuple[Path, ...],
    site_id: str,
    dry_run: bool,
    source: str,
    channel: str,
    currency: str,
    mapping: dict[str, str],
    encoding: str,
    delimiter: str,
    zone: ZoneInfo | None,
    dates: str,
    rejects: Path | None,
) -> None:
    """Import what advertising cost: day, source, campaign and amount, for the attribution report.

    Knows the exports of Google Ads, Meta Ads, Naver Ads, Microsoft Ads and TikTok Ads by day. A second import adds
    nothing: it replaces the costs of the same day, source and campaign. Exit code 1: some rows were refused.
    """
    from dangol.transfer.cost_import import import_cost_files
    from ingest.cost_files.costs import CostOptions
    from ingest.files.import_file import FileOptions
    from ingest.files.table import Reading
    from tracker.currencies import iso_code

    if currency and not iso_code(currency):
        raise click.BadParameter(f"{currency!r} is no currency, such as EUR", param_hint="--currency")
    options = FileOptions(mapping, Reading(encoding, delimiter), zone, dates, rejects or Path())
    whole = CostOptions(options, source, channel, iso_code(currency))
    if not import_cost_files(config, files, site_id, whole, dry_run=dry_run):
        raise click.exceptions.Exit(1)


@click.command("reconcile")
@SITE
@click.pass_obj
def reconcile(config: Settings, site_id: str) -> None:
    """Ask the site's hosted shops for orders that no webhook told. The schedule does it every 15 minutes."""
    from dangol import compose
    from dangol.machine.embedded import embedded_redis

    with embedded_redis(config):
        site = compose.sites(config).get(site_id)
        if site is None:
            raise click.ClickException(f"there is no site {site_id!r}")
        told = compose.reconciliation(config).run(site)
    if not told:
        raise click.ClickException("no shop to ask: give `dangol sites connect` the shop's --url and token")
    for each in told:
        click.echo(f"{each.shop}: {each.orders} changed orders, {each.events} events")


COMMANDS = (
    import_events,
    import_orders,
    import_items,
    import_contacts,
    import_calls,
    import_costs,
    import_log,
    reconcile,
)
