"""The processes of an installation: ``dangol up``, ``tracker``, ``web``, ``ingest``, ``scheduler``, ``messages``, and
``alive``."""

import threading
import time

import click

from dangol.settings import Settings
from dangol.signals import set_on_signals


@click.command()
@click.option("--demo", is_flag=True, help="Also serve the demo shop, with its catalogue and campaigns.")
@click.pass_obj
def up(config: Settings, demo: bool) -> None:
    """Run everything on this machine: Redis if none is given, tracker, web, ingest, scheduler, messages."""
    from dangol import log_output
    from dangol.up import up as run

    log_output.configure(config)
    run(config, lambda text: click.echo(text, nl=True), demo=demo)


def _server(name: str, text: str) -> click.Command:
    """A command that serves one of the applications of ``dangol.serving.front``."""

    @click.command(name, help=text)
    @click.pass_obj
    def serve(config: Settings) -> None:
        from dangol.secrets import ensure_default_site, signing_key
        from dangol.serving import server

        ensure_default_site(config)
        signing_key(config)
        server.serve(config, name, server.listen(config))

    return serve


@click.command(hidden=True)
@click.option("--demo", is_flag=True)
@click.option("--listening", type=int, multiple=True, help="Inherited descriptors of listening sockets.")
@click.pass_obj
def serve(config: Settings, demo: bool, listening: tuple[int, ...]) -> None:
    """Serve tracker, API and desk on one port (what `up` runs)."""
    import socket

    from dangol.serving import server

    sockets = [socket.socket(fileno=each) for each in listening] or server.listen(config)
    server.serve(config, "demo" if demo else "everything", sockets)


@click.command()
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


@click.command()
@click.pass_obj
def scheduler(config: Settings) -> None:
    """Run the schedule: training, catalogue, warehouse upkeep."""
    from dangol import log_output
    from dangol.jobs.schedule import run
    from dangol.secrets import ensure_default_site

    log_output.configure(config)
    ensure_default_site(config)
    run(config, set_on_signals(threading.Event()))


@click.command()
@click.option("--name", default="", help="A name of its own, unique on this machine.")
@click.pass_obj
def messages(config: Settings, name: str) -> None:
    """Send what is due over the channels: start as many as you need, on as many machines."""
    from dangol import log_output
    from dangol.compose.sending import run_messages
    from dangol.machine.heartbeat import Heartbeat, Rounds
    from dangol.secrets import ensure_default_site

    log_output.configure(config)
    ensure_default_site(config)
    run_messages(config, name, set_on_signals(Rounds(Heartbeat(config.folder, "messages"))))


@click.command()
@click.argument("role", type=click.Choice(["ingest", "scheduler", "messages"]))
@click.pass_obj
def alive(config: Settings, role: str) -> None:
    """Exit 1 when the process ROLE of this host makes no progress: the health check of its container."""
    from dangol.machine.heartbeat import fault

    if why := fault(config.folder, role, time.time()):
        raise click.ClickException(why)


COMMANDS = (
    up,
    _server("tracker", "Serve collection alone."),
    _server("web", "Serve the API and the desk alone."),
    serve,
    ingest,
    scheduler,
    messages,
    alive,
)
