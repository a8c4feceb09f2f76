"""Commands that copy an installation and make it again from a copy: docs/backup.md."""

from pathlib import Path

import click

from dangol.settings import Settings

FOLDER = click.Path(file_okay=False, path_type=Path, resolve_path=True)


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--keep", type=click.IntRange(1), help="Afterwards delete all but the newest so many backups.")
@click.option(
    "--verify", is_flag=True, help="Make none: compare the newest one's files with their checksums."
)
@click.option(
    "--forget", is_flag=True, help="Make none: the folder is gone for good; do not note erasures there."
)
@click.pass_obj
def backup(config: Settings, folder: Path, keep: int | None, verify: bool, forget: bool) -> None:
    """Copy the whole installation into a new dated folder in FOLDER, while it runs.

    It holds personal data and secrets. Settings (environment, dangol.toml) and Kafka are not in it: docs/backup.md.
    """
    from dangol import compose
    from dangol.archive import archive
    from dangol.backup import backup as backups
    from dangol.machine.embedded import embedded_redis

    if verify:
        source = archive.newest(folder)
        click.echo(f"{source}: {len(archive.verified(source).files):,} files, all as they were")
        return
    if forget:
        with embedded_redis(config):
            known = compose.erasure_log(config).forget(folder)
        click.echo("forgotten" if known else f"no backup was made into {folder}")
        return
    made = backups.backup(config, folder, keep=keep)
    click.echo(str(made))


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True))
@click.option(
    "--force", is_flag=True, help="DELETE what is in the data folder, and put the backup in its place."
)
@click.option(
    "--erasures",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The erasure log, where it does not lie beside the backup.",
)
@click.pass_obj
def restore(config: Settings, source: Path, force: bool, erasures: Path | None) -> None:
    """Make the installation again from the backup SOURCE, or from the newest one in that folder.

    Dangol must not run. Who was erased since the backup stays erased, who withdrew consent stays so.
    """
    from dangol.backup import restore as restoring

    done = restoring.restore(config, source, force=force, erasures=erasures)
    if not done.source:
        click.echo("the restore that was interrupted is complete now")
        return
    click.echo(f"restored from {done.source}: {done.erased} erasures and {done.consents} consents done again")


COMMANDS = (backup, restore)
