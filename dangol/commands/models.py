"""Commands on the recommender: train, tune, evaluate, list and roll back models."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dangol.commands.options import FILE, SITE
from dangol.settings import Settings

if TYPE_CHECKING:
    from recommender.data.interactions import Interactions

PROTOCOL = click.Choice(["next-item", "last-days"])


@click.command()
@SITE
@click.pass_obj
def train(config: Settings, site_id: str) -> None:
    """Train a model on the warehouse now and publish it, if it is not worse than the one that serves."""
    from dangol.jobs.training import Training
    from dangol.machine.embedded import embedded_redis
    from dangol.secrets import ensure_default_site

    ensure_default_site(config)
    with embedded_redis(config):
        card = Training(config).run(site_id)
    click.echo(f"model {card.version}: {card.items} items, {card.events} events of {card.profiles} visitors")
    if not card.accepted:
        click.echo(card.verdict if card.reason == "not shown" else f"refused: {card.verdict}")


@click.command()
@SITE
@click.option("--minutes", default=10.0, show_default=True, type=click.FloatRange(0.01), help="Time budget.")
@click.option(
    "--from", "path", type=FILE, help="A file to tune on instead of the warehouse (CSV, TSV, Parquet)."
)
@click.option("--dry-run", is_flag=True, help="Search and print, but keep the parameters as they are.")
@click.pass_obj
def tune(config: Settings, site_id: str, minutes: float, path: Path | None, dry_run: bool) -> None:
    """Search the recommender's parameters on the site's newest sessions; the next training uses what was found.

    Writes params.toml and the table of all trials, tuning.md, beside the site's models.
    """
    from dangol import compose
    from recommender.offline import tune as search
    from recommender.offline.interaction_file import load

    registry = compose.model_registry(config, site_id)
    start = registry.params.read()
    rows = load(path) if path else _history(config, site_id, start.window_days)
    click.echo(f"{len(rows)} events; {minutes:g} minutes")

    def show(trial: search.Trial) -> None:
        click.echo(f"{trial.seconds:7.1f} s  {search.quality(trial):.4f}  {search.named(trial)}")

    best, trials = search.tune(rows, start, minutes * 60, report=show)
    if not trials:
        raise click.ClickException("too few sessions to hold some out; collect more, then tune again")
    click.echo(f"\n{search.table(trials)}")
    if not dry_run:
        registry.params.write(best)
        (registry.folder / "tuning.md").write_text(search.table(trials) + "\n")
        click.echo(f"\nwritten: {registry.params.path}; the next training uses it")


@click.command()
@click.option("--train", "past", type=FILE, help="What a model may learn from.")
@click.option("--test", "future", type=FILE, help="What it is judged by.")
@click.option("--warehouse", is_flag=True, help="Judge on the site's own last days instead of files.")
@SITE
@click.option("--days", default=7.0, show_default=True, type=click.FloatRange(0.01), help="With --warehouse.")
@click.option("--protocol", type=PROTOCOL, default="next-item", show_default=True)
@click.option(
    "-k", default=20, show_default=True, type=click.IntRange(1, 100), help="How long the lists are."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.pass_obj
def evaluate(
    config: Settings,
    past: Path | None,
    future: Path | None,
    warehouse: bool,
    site_id: str,
    days: float,
    protocol: Any,
    k: int,
    as_json: bool,
) -> None:
    """Evaluate every kind of recommendation: train on one file, predict the other (CSV, TSV, Parquet).

    With --warehouse: train on all but the site's last days, predict those.
    """
    from dangol import compose
    from recommender.offline import evaluate as judge

    if warehouse == bool(past or future) or bool(past) != bool(future):
        raise click.UsageError("give either --train and --test, or --warehouse")
    if warehouse:
        params = compose.model_registry(config, site_id).params.read()
        known, unknown = judge.split(_history(config, site_id, params.window_days), days)
        if not len(known) or not len(unknown):
            raise click.ClickException(
                f"site {site_id}: nothing before or nothing within the last {days:g} days"
            )
        report = judge.compare(known, unknown, params, protocol, k)
    else:
        assert past is not None
        assert future is not None
        report = judge.evaluate(past, future, protocol=protocol, k=k)
    click.echo(report.summary(), err=True)
    click.echo(json.dumps(report.json()) if as_json else report.table())


@click.command()
@SITE
@click.option("--rollback", is_flag=True, help="Let the version before the live one serve again.")
@click.pass_obj
def models(config: Settings, site_id: str, rollback: bool) -> None:
    """Every version in the registry: its size, its evaluation, which one serves, why one was refused."""
    from dangol import compose

    registry = compose.model_registry(config, site_id)
    if rollback and registry.rollback() is None:
        raise click.ClickException("there is no earlier version to go back to")
    click.echo(_training(config, site_id), nl=False, err=True)
    live = registry.live_version()
    for card in registry.cards():
        refused = "not used" if card.reason == "not shown" else "refused"
        mark = "live" if card.version == live else "" if card.accepted else refused
        size = f"{card.items} items\t{card.events} events"
        click.echo(f"{card.version}\t{size}\t{mark}\t{card.verdict}")


def _training(config: Settings, site_id: str) -> str:
    """A line on a training that runs or failed; none where Redis does not answer."""
    from dangol import compose
    from tracker.unavailable import Unavailable

    try:
        run = compose.runs(config).read(site_id)
    except Unavailable:
        return ""
    if run and run.state == "running":
        return f"training: {run.stage}, {run.share:.0%}\n".replace("%", " %")
    return f"the last training failed: {run.message}\n" if run and run.state == "failed" else ""


def _history(config: Settings, site_id: str, days: int) -> "Interactions":
    from dangol import compose
    from recommender.data.interactions import read

    return read(compose.history(config).interactions(site_id, days))


COMMANDS = (train, tune, evaluate, models)
