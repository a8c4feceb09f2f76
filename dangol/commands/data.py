"""Commands on events and people: import, dead letters, export, erase."""

import json
from pathlib import Path

import click

from dangol.commands.logs import import_log
from dangol.settings import Settings

SITE = click.option("--site", "site_id", default="default", show_default=True)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("import-events")
@click.argument("files", nargs=-1, required=True, type=FILE)
@SITE
@click.option("--wait/--no-wait", default=True, help="Return when the events are in the reports.")
@click.pass_obj
def import_events(config: Settings, files: tuple[Path, ...], site_id: str, wait: bool) -> None:
    """Import tables of events (CSV, TSV, Parquet): session, visitor or user; item or url; time; event."""
    from dangol.commands.import_events import import_files

    import_files(config, files, site_id, wait=wait)


@click.group()
def deadletters() -> None:
    """What could not be decoded or applied: list, show, replay."""


@deadletters.command("list")
@click.pass_obj
def list_letters(config: Settings) -> None:
    """One line each: id and reason."""
    from dangol import compose

    for letter in compose.deadletters(config).list():
        click.echo(f"{letter.id}\t{letter.reason}")


@deadletters.command("show")
@click.argument("letter_id")
@click.pass_obj
def show_letter(config: Settings, letter_id: str) -> None:
    """One letter whole."""
    from dangol import compose
    from ingest.dead_letters import describe

    letter = compose.deadletters(config).show(letter_id)
    if letter is None:
        raise click.ClickException(f"there is no dead letter {letter_id!r}")
    click.echo(json.dumps(describe(letter), indent=2, ensure_ascii=False))


@deadletters.command("replay")
@click.argument("letter_ids", nargs=-1)
@click.pass_obj
def replay_letters(config: Settings, letter_ids: tuple[str, ...]) -> None:
    """Append letters to the log again: the ones named, or all."""
    from dangol import compose
    from dangol.machine.embedded import embedded_redis

    with embedded_redis(config):
        log = compose.log(config)
        count = compose.deadletters(config).replay(log, letter_ids or None)
        log.close()
    click.echo(f"{count} replayed")


@click.command()
@click.option("--visitor", help="An anonymous visitor's id.")
@click.option("--user", help="A customer's id.")
@SITE
@click.pass_obj
def export(config: Settings, visitor: str | None, user: str | None, site_id: str) -> None:
    """Everything known of one person, as JSON: profile, visits, events, offers, segments, consent."""
    import msgspec

    from dangol import compose
    from dangol.commands.export import export as whole
    from dangol.machine.embedded import embedded_redis

    if bool(visitor) == bool(user):
        raise click.UsageError("give --visitor or --user")
    with embedded_redis(config):
        found = whole(
            compose.profiles(config),
            compose.warehouse(config),
            compose.deadletters(config),
            site_id,
            visitor,
            user,
        )
    if found is None:
        raise click.ClickException(f"nobody is known by {visitor or user!r}")
    click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())


@click.command()
@click.argument("person")
@SITE
@click.pass_obj
def erase(config: Settings, person: str, site_id: str) -> None:
    """Forget a person, by customer id or visitor id (`u:` or `v:` in front says which): everywhere, for good.

    Takes half a minute at least: whatever a worker had in its hands is waited for.
    """
    from dangol import compose
    from dangol.machine.embedded import embedded_redis

    with embedded_redis(config):
        erasure = compose.erasure(config)
        request = erasure.ask(site_id, person)
        if request is None:
            raise click.ClickException(f"nobody is known by {person!r}")
        click.echo(f"erasing {', '.join(request.ids)} …")
        erasure.finish(request)
    click.echo("erased")


@click.command("rebuild-profiles")
@click.option("--site", "site_id", default="", help="Only this site (default: every one).")
@click.pass_obj
def rebuild_profiles(config: Settings, site_id: str) -> None:
    """Make the profiles anew from the warehouse and put them in place of the live ones. Workers may go on."""
    from dangol import compose
    from dangol.commands.import_events import site_of
    from dangol.machine.embedded import embedded_redis

    with embedded_redis(config):
        sites = [site_of(config, site_id)] if site_id else list(compose.sites(config).all().values())
        failed = []
        for site in sites:
            try:
                done = compose.rebuild(config, site).run()
            except Exception as error:  # the other sites' profiles can still be made
                failed.append(f"{site.id}: {error}")
                continue
            click.echo(
                f"{site.id}: {done.written} rebuilt, {done.older} left that know more than the warehouse, "
                f"{done.waiting} left since workers have events of theirs in hand: run it again for these"
            )
    if failed:
        raise click.ClickException("not rebuilt: " + "; ".join(failed))


COMMANDS = (import_events, import_log, deadletters, export, erase, rebuild_profiles)
