"""``dangol deadletters``: list, show, replay."""

import json

import click

from dangol.settings import Settings


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
