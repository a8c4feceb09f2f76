"""``dangol demo-traffic``."""

from contextlib import closing

import click

from dangol.settings import Settings


@click.command("demo-traffic")
@click.option("--visitors", default=300, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--days", default=14, show_default=True, type=click.IntRange(1, 365), help="Spread over so many days."
)
@click.pass_obj
def demo_traffic(config: Settings, visitors: int, seed: int, days: int) -> None:
    """Send simulated visitors over HTTP to a running Dangol, marked as demo data; return once they are counted.

    At the end each of them sees the offers that the shop now has for them, and some click."""
    from dangol import compose
    from dangol.demo.traffic import answer_offers, play
    from dangol.secrets import ensure_default_site
    from dangol.transfer.event_import import wait_for_ingest

    site = ensure_default_site(config)
    with click.progressbar(length=visitors, label="visitors") as bar:
        played = play(
            config.url,
            site.write_key,
            visitors,
            seed,
            secret_key=site.secret_key,
            days=days,
            progress=bar.update,
        )
    with closing(compose.log(config)) as log:
        wait_for_ingest(log)
        seen = answer_offers(config.url, site.write_key, visitors, seed)
        wait_for_ingest(log)
    what = f"{played.sessions:,} visits, {played.events:,} events, {played.orders:,} orders, {seen:,} offers seen"
    click.echo(f"{played.visitors:,} visitors: {what}")
