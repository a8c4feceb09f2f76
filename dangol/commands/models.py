"""Commands on the recommender: train, evaluate, list and roll back models."""

import json
from pathlib import Path

import click

from dangol.commands.data import FILE, SITE
from dangol.settings import Settings


@click.command()
@SITE
@click.pass_obj
def train(config: Settings, site_id: str) -> None:
    """Train a model on the warehouse now and publish it."""
    from dangol import compose
    from dangol.embedded import embedded_redis
    from dangol.secrets import ensure_default_site
    from recommender.train import train as fit

    ensure_default_site(config)
    with embedded_redis(config):
        items = compose.catalogue(config, site_id).all()
        card = fit(site_id, compose.history(config), compose.shelf(config, site_id), items=items)
    click.echo(f"model {card.version}: {card.items} items, {card.events} events of {card.profiles} visitors")


@click.command()
@click.option("--train", "past", required=True, type=FILE, help="What a model may learn from.")
@click.option("--test", "future", required=True, type=FILE, help="What it is judged by.")
@click.option(
    "--protocol", type=click.Choice(["next-item", "last-days"]), default="next-item", show_default=True
)
@click.option(
    "-k", default=20, show_default=True, type=click.IntRange(1, 100), help="How long the lists are."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def evaluate(past: Path, future: Path, protocol: str, k: int, as_json: bool) -> None:
    """Judge every kind of recommendation: train on one file, foresee the other (CSV, TSV, Parquet)."""
    from recommender.evaluate import evaluate as judge

    report = judge(past, future, protocol=protocol, k=k)  # type: ignore[arg-type]
    click.echo(json.dumps(report.json()) if as_json else report.table())


@click.command()
@SITE
@click.option("--rollback", is_flag=True, help="Let the version before the live one serve again.")
@click.pass_obj
def models(config: Settings, site_id: str, rollback: bool) -> None:
    """Every version on the shelf, and which one serves."""
    from dangol import compose

    shelf = compose.shelf(config, site_id)
    if rollback and shelf.rollback() is None:
        raise click.ClickException("there is no earlier version to go back to")
    live = shelf.live_version()
    for card in shelf.cards():
        mark = "live" if card.version == live else ""
        click.echo(f"{card.version}\t{card.items} items\t{card.events} events\t{mark}")


COMMANDS = (train, evaluate, models)
