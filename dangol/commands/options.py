"""Options and arguments that several commands share."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

if TYPE_CHECKING:
    from ingest.order_files.files import OrderOptions

SITE = click.option("--site", "site_id", default="default", show_default=True)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def import_options(command: Any) -> Any:
    """The options of every import of files."""
    for option in reversed(_IMPORT):
        command = option(command)
    return command


def order_options(
    mapping: Mapping[str, str],
    encoding: str,
    delimiter: str,
    zone: ZoneInfo | None,
    dates: str,
    rejects: Path | None,
    currency: str = "",
) -> "OrderOptions":
    """What ``import_options`` gives to a command of orders or events."""
    from ingest.files.table import Reading
    from ingest.order_files.files import OrderOptions

    return OrderOptions(mapping, Reading(encoding, delimiter), zone, dates, currency, rejects or Path())


def _mapping(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    pairs = [each.rpartition("=") for each in given]
    if wrong := [each for each, (column, mark, _) in zip(given, pairs, strict=True) if not (mark and column)]:
        raise click.BadParameter(f"{wrong[0]!r} is not COLUMN=FIELD")
    return {column: field.strip() for column, _, field in pairs}


def _zone(_context: click.Context, _option: click.Parameter, name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (KeyError, ValueError, OSError):
        raise click.BadParameter(f"there is no timezone {name[:100]!r}") from None


_IMPORT = (
    SITE,
    click.option("--dry-run", is_flag=True, help="Only say what is in the files, and what would be refused."),
    click.option(
        "--map",
        "mapping",
        multiple=True,
        callback=_mapping,
        metavar="COLUMN=FIELD",
        help="What a column is (repeatable; kept for files with this header). COLUMN= leaves it out.",
    ),
    click.option("--encoding", default="", help="Such as utf-8, cp949, cp1252 (default: found out)."),
    click.option(
        "--delimiter", default="", help="The character between fields, or tab (default: found out)."
    ),
    click.option(
        "--timezone",
        "zone",
        default="",
        callback=_zone,
        help="Of times that name none (default: the site's).",
    ),
    click.option(
        "--dates",
        default="",
        type=click.Choice(["", "dmy", "mdy", "ymd"]),
        metavar="dmy|mdy|ymd",
        help="How days and months stand, where the column does not show it.",
    ),
    click.option(
        "--rejects",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Where refused rows are written (default: FILE.rejects.csv).",
    ),
)
