"""Options and arguments that several commands share."""

from pathlib import Path

import click

SITE = click.option("--site", "site_id", default="default", show_default=True)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
