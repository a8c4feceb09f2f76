"""``dangol demo-traffic``."""

from contextlib import closing

import click

from dangol.settings import Settings


@click.command("demo-traffic")
@click.option("--visitors", default=300, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--days",
    default=28,
    show_default=True,
    type=click.IntRange(1, 365),
    help="Spread over so many days before today, and today.",
)
@click.pass_obj
def demo_traffic(config: Settings, visitors: int, seed: int, days: int) -> None:
    """Send simulated visitors over HTTP to a running Dangol, marked as demo data; return once they are counted.

    In their visits they see what the campaigns that are live now would have shown them then, and some click."""
    from dangol import compose
    from dangol.demo.installation import past_offers
    from dangol.demo.traffic import play
    from dangol.secrets import ensure_default_site
    from dangol.transfer.event_import import wait_for_ingest

    site = ensure_default_site(config)
    with (
        closing(past_offers(config, site)) as offers,
        click.progressbar(length=visitors, label="visitors") as bar,
    ):
        played = play(config.url, site, visitors, seed, offers=offers, days=days, progress=bar.update)
    with closing(compose.log(config)) as log:
        wait_for_ingest(log)
    what = f"{played.sessions:,} visits, {played.events:,} events, {played.orders:,} orders"
    click.echo(f"{played.visitors:,} visitors: {what}, {played.offers:,} offers seen")
    if played.robots:
        robots = "1 robot" if played.robots == 1 else f"{played.robots:,} robots"
        click.echo(f"{robots}, which no report of visitors counts")
