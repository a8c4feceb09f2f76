"""``dangol import-events`` and ``import-log``."""

from pathlib import Path

import click

from dangol.commands.options import FILE, SITE
from dangol.settings import Settings

LOG_FILE = click.Path(exists=True, dir_okay=False, allow_dash=True)


@click.command("import-events")
@click.argument("files", nargs=-1, required=True, type=FILE)
@SITE
@click.option("--wait/--no-wait", default=True, help="Return when the events are in the reports.")
@click.pass_obj
def import_events(config: Settings, files: tuple[Path, ...], site_id: str, wait: bool) -> None:
    """Import tables of events (CSV, TSV, Parquet): session, visitor or user; item or url; time; event."""
    from dangol.transfer.event_import import import_files

    import_files(config, files, site_id, wait=wait)


@click.command("import-log")
@click.argument("files", nargs=-1, required=True, type=LOG_FILE)
@click.option(
    "--format",
    "name",
    type=click.Choice(["combined", "common", "vhost", "custom"]),
    default="combined",
    show_default=True,
    help="vhost: the virtual host, then common or combined. custom: see --pattern.",
)
@click.option("--pattern", default="", help="LogFormat of Apache or log_format of nginx (--format custom).")
@SITE
@click.option(
    "--host", default="", help="The site's own host, where the format has none (default: found out)."
)
@click.option("--errors", is_flag=True, help="Count answers with status 400 and above, too.")
@click.option("--static", is_flag=True, help="Count static files, too.")
@click.option("--bots", is_flag=True, help="Keep bots, marked as such: reports leave them out.")
@click.pass_obj
def import_log(
    config: Settings,
    files: tuple[str, ...],
    name: str,
    pattern: str,
    site_id: str,
    host: str,
    errors: bool,
    static: bool,
    bots: bool,
) -> None:
    """Import access logs of Apache or nginx: plain, gzip or zstd; - for standard input.

    Importing a file again, or when it has grown, adds what is new. Static files, errors, bots and HEAD are filtered.
    """
    from dangol.transfer.access_log_import import import_logs
    from ingest.access_log.format import FormatInvalid, named
    from ingest.access_log.lines import LogUnreadable

    try:
        form = named(name, pattern)
    except FormatInvalid as error:
        raise click.BadParameter(str(error), param_hint="--pattern") from error
    chosen = {"errors": errors, "static": static, "bots": bots}
    keep = frozenset(fate for fate, asked in chosen.items() if asked)
    try:
        import_logs(config, files, site_id, form, keep, host)
    except LogUnreadable as error:
        raise click.ClickException(str(error)) from error


COMMANDS = (import_events, import_log)
