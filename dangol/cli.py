"""The command line. Each command is a few lines: what it does lives in the stages."""

import os
import sys
import threading
import time
from contextlib import closing
from typing import Any

import click

from dangol import __version__, settings
from dangol.commands import audit, backups, data, models, offers, users
from dangol.commands import sites as of_sites
from dangol.commands.errors import is_clear
from dangol.commands.noted import note_commands
from dangol.settings import Settings
from dangol.signals import set_on_signals


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


@main.command()
@click.option("--demo", is_flag=True, help="Also serve the demo shop, with its catalogue and campaigns.")
@click.pass_obj
def up(config: Settings, demo: bool) -> None:
    """Run everything on this machine: Redis if none is given, tracker, web, ingest, scheduler."""
    from dangol import log_output
    from dangol.machine.up import up as run

    log_output.configure(config)
    run(config, lambda text: click.echo(text, nl=True), demo=demo)


def _server(name: str, application: str, text: str) -> None:
    """Add a command that serves one of the applications of ``dangol.serving.front``."""

    @main.command(name, help=text)
    @click.pass_obj
    def serve(config: Settings) -> None:
        from dangol.secrets import ensure_default_site, signing_key
        from dangol.serving import server

        ensure_default_site(config)
        signing_key(config)
        server.serve(config, application, server.listen(config))


_server("tracker", "tracker", "Serve collection alone.")
_server("web", "web", "Serve the API and the desk alone.")


@main.command(hidden=True)
@click.option("--demo", is_flag=True)
@click.option("--listening", type=int, multiple=True, help="Inherited descriptors of listening sockets.")
@click.pass_obj
def serve(config: Settings, demo: bool, listening: tuple[int, ...]) -> None:
    """Serve tracker, API and desk on one port (what `up` runs)."""
    import socket

    from dangol.serving import server

    sockets = [socket.socket(fileno=each) for each in listening] or server.listen(config)
    server.serve(config, "demo" if demo else "everything", sockets)


@main.command()
@click.option(
    "--name", default="", help="A name of its own, unique on this machine: takes over at once after a crash."
)
@click.pass_obj
def ingest(config: Settings, name: str) -> None:
    """Run one ingest worker: start as many as you need, on as many machines."""
    from dangol import compose, log_output
    from dangol.machine.heartbeat import Heartbeat, Rounds
    from dangol.secrets import ensure_default_site

    log_output.configure(config)
    ensure_default_site(config)
    rounds = Rounds(Heartbeat(config.folder, "ingest"))
    compose.worker(config, name).run(set_on_signals(rounds))


@main.command()
@click.pass_obj
def scheduler(config: Settings) -> None:
    """Run the schedule: training, catalogue, warehouse upkeep."""
    from dangol import log_output
    from dangol.jobs.schedule import run
    from dangol.secrets import ensure_default_site

    log_output.configure(config)
    ensure_default_site(config)
    run(config, set_on_signals(threading.Event()))


@main.group()
def sites() -> None:
    """List, add and change sites, and their keys."""


@sites.command("list")
@click.pass_obj
def list_sites(config: Settings) -> None:
    """Every site with its public write key."""
    from dangol.secrets import ensure_default_site
    from tracker.sites import Sites

    ensure_default_site(config)
    for site in Sites(config.sites_file).all().values():
        click.echo(f"{site.id}\t{site.write_key}\t{site.timezone}\t{' '.join(site.origins) or 'any origin'}")


@sites.command("add")
@click.argument("site_id")
@click.option("--timezone", default="UTC", help="Where the site's days begin.")
@click.option(
    "--origin", "origins", multiple=True, help="An origin that may use the write key (default: any)."
)
@click.pass_obj
def add_site(config: Settings, site_id: str, timezone: str, origins: tuple[str, ...]) -> None:
    """Add a site and print its keys."""
    import msgspec

    from tracker.sites import Sites, new_site

    known = Sites(config.sites_file)
    if known.get(site_id):
        raise click.ClickException(f"there is a site {site_id!r} already")
    site = msgspec.structs.replace(new_site(site_id, timezone=timezone), origins=origins)
    known.save(site)
    click.echo(f"write key   {site.write_key}\nsecret key  {site.secret_key}")


@main.command("demo-traffic")
@click.option("--visitors", default=300, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--days", default=14, show_default=True, type=click.IntRange(1, 365), help="Spread over so many days."
)
@click.pass_obj
def demo_traffic(config: Settings, visitors: int, seed: int, days: int) -> None:
    """Play seeded visitors over HTTP into a running Dangol, marked as demo data; return once they are counted.

    In the end each of them looks at the offers that the shop now has for them, and some click."""
    from dangol import compose
    from dangol.commands.import_events import wait_for_ingest
    from dangol.demo.traffic import answer_offers, play
    from dangol.secrets import ensure_default_site

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


@main.command()
@click.option("--quiet", is_flag=True, help="Say only what is wrong.")
@click.option("--deep", is_flag=True, help="Read every file of the warehouse, instead.")
@click.option("--repair", is_flag=True, help="Restore what can be; ingest must not run.")
@click.pass_obj
def doctor(config: Settings, quiet: bool, deep: bool, repair: bool) -> None:
    """Check settings, log, profiles, warehouse and models; exit 1 when something is wrong.

    What works and could be safer (a Kafka topic with one replica) is a warning, and no fault."""
    if deep or repair:
        from dangol.doctor import repair as mending

        found = mending.repaired(config, click.echo) if repair else mending.examined(config)
        for damage in found:
            click.echo(f"BAD  {damage}")
        if not found and not quiet:
            click.echo("ok   the warehouse is as it was written")
        sys.exit(1 if found else 0)
    from dangol.doctor.doctor import examine

    findings = examine(config)
    for finding in findings:
        if not (quiet and finding.ok and not finding.weak):
            mark = "BAD " if not finding.ok else "WARN" if finding.weak else "ok  "
            click.echo(f"{mark} {finding.what}: {finding.says}")
    sys.exit(0 if all(finding.ok for finding in findings) else 1)


@main.command()
@click.argument("role", type=click.Choice(["ingest", "scheduler"]))
@click.pass_obj
def alive(config: Settings, role: str) -> None:
    """Exit 1 when the process ROLE of this host does not get on: the health check of its container."""
    from dangol.machine.heartbeat import fault

    if why := fault(config.folder, role, time.time()):
        raise click.ClickException(why)


for command in of_sites.COMMANDS:
    sites.add_command(command)
for command in (
    *backups.COMMANDS,
    *data.COMMANDS,
    *models.COMMANDS,
    *offers.COMMANDS,
    audit.audit,
    users.users,
):
    main.add_command(command)
note_commands(main)
