"""The command line: every command of ``dangol.commands``, with clear errors and a record in the audit log."""

import os
from typing import Any

import click

from dangol import __version__, settings
from dangol.command_audit import audit_commands
from dangol.commands import (
    audit,
    backups,
    coupons,
    dead_letters,
    demo,
    doctor,
    imports,
    models,
    offers,
    processes,
    profiles,
    sites,
    users,
)
from dangol.user_errors import is_clear


class Commands(click.Group):
    """Turns the errors that are the user's to mend into one line and exit code 1."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """The program itself. Its child processes, and theirs, import nothing from the folder that it is started in."""
        os.environ["PYTHONSAFEPATH"] = "1"
        return super().__call__(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Exception as error:
            if is_clear(error):
                raise click.ClickException(str(error)) from error
            raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="dangol")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Dangol (단골, a shop's regular): know your visitors, offer each what fits, see what it was worth."""
    os.umask(0o077)  # what we store is about people: for nobody else on this machine
    ctx.obj = settings.load()


for command in (
    *processes.COMMANDS,
    *backups.COMMANDS,
    *imports.COMMANDS,
    *profiles.COMMANDS,
    *models.COMMANDS,
    *offers.COMMANDS,
    *coupons.COMMANDS,
    audit.audit,
    dead_letters.deadletters,
    demo.demo_traffic,
    doctor.doctor,
    sites.sites,
    users.users,
):
    main.add_command(command)
audit_commands(main)
