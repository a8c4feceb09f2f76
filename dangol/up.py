"""``dangol up``: the whole loop on one machine, from one command."""

import functools
import os
import socket
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from hashlib import sha256
from pathlib import Path

from dangol import compose
from dangol.machine import redis_child
from dangol.machine.lock import FolderLock
from dangol.machine.supervisor import GRACE, Spec, StartFailed, Supervisor, spawn
from dangol.secrets import ensure_admin, ensure_default_site, signing_key
from dangol.serving.server import PortTaken, listen
from dangol.settings import Settings
from tracker.sites import Site

Say = Callable[[str], None]


def up(settings: Settings, say: Say, *, demo: bool = False) -> None:
    """Start everything, say where it is, and keep it running until SIGINT or SIGTERM.

    Raises DataFolderUnusable, PortTaken, RedisMissing, RedisBroken or StartFailed; nothing is left running then.
    """
    supervisor = Supervisor()
    supervisor.catch_signals()
    with FolderLock(settings.folder) as lock, ExitStack() as held:
        if lock.abandoned:
            wait_for_port(supervisor, settings)
        listening = [held.enter_context(each) for each in listen(settings)]
        site = ensure_default_site(settings)
        signing_key(settings)
        password = ensure_admin(settings, compose.users(settings))
        try:
            _start(settings, supervisor, listening, demo=demo)
            if supervisor.ready(lambda: answers(settings)):
                if demo:
                    _furnish(settings, site, say)
                say(welcome(settings, site, password, demo=demo))
                supervisor.run()
                say("stopping …")
        finally:
            held.close()  # from here on nobody may come in
            supervisor.stop()


def _start(
    settings: Settings, supervisor: Supervisor, listening: Sequence[socket.socket], *, demo: bool
) -> None:
    if settings.embedded_redis:
        folder, path = settings.folder / "redis", settings.socket
        wait_until_free(supervisor, path)
        child = supervisor.start(Spec("redis", lambda: redis_child.start(folder, path), base=True))
        redis_child.wait_ready(child.process, folder, path)
    inherited = [each.fileno() for each in listening]
    for name, arguments in processes(settings, inherited, demo=demo):
        start = functools.partial(
            spawn, command(*arguments), os.environ, inherited if "serve" in arguments else ()
        )
        supervisor.start(Spec(name, start))


def wait_until_free(supervisor: Supervisor, path: Path, timeout: float = 15.0) -> None:
    """A Redis whose supervisor was killed is still writing its last words: wait for it to go."""
    try:
        supervisor.ready(lambda: not redis_child.answers(path), timeout)
    except StartFailed:
        raise StartFailed(f"another redis-server answers on {path}; stop it first") from None


def wait_for_port(supervisor: Supervisor, settings: Settings, timeout: float = GRACE) -> None:
    """A server whose supervisor was killed is still answering what it took: wait for it to go."""

    def free() -> bool:
        try:
            for each in listen(settings):
                each.close()
        except PortTaken:
            return False
        return True

    with suppress(StartFailed):  # whoever listens says so
        supervisor.ready(free, timeout)


def processes(
    settings: Settings, listening: Sequence[int], *, demo: bool
) -> list[tuple[str, tuple[str, ...]]]:
    """Name and arguments of every process of our own that ``up`` keeps running."""
    folder = sha256(str(settings.folder).encode()).hexdigest()[:8]  # two installations may share a log
    ingest = [
        (
            f"ingest {number}" if settings.ingest_workers > 1 else "ingest",
            ("ingest", "--name", f"{folder}-{number}"),
        )
        for number in range(1, settings.ingest_workers + 1)
    ]
    serve = ("serve", *(f"--listening={each}" for each in listening), *(["--demo"] if demo else []))
    sending = ("messages", ("messages", "--name", folder))
    return [*ingest, ("scheduler", ("scheduler",)), sending, ("web", serve)]


def command(*arguments: str) -> Sequence[str]:
    return (sys.executable, "-m", "dangol", *arguments)


def answers(settings: Settings) -> bool:
    """Whether /readyz says yes."""
    try:
        with urllib.request.urlopen(f"{settings.url}/readyz", timeout=5) as answer:  # noqa: S310 our own address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _furnish(settings: Settings, site: Site, say: Say) -> None:
    """Give the demo shop its catalogue and campaigns, as a shop's backend would: over HTTP."""
    from dangol.demo.furnish import furnish

    try:
        furnish(settings.url, site.secret_key)
    except OSError as error:
        say(f"the demo shop's catalogue could not be sent: {error}")


def welcome(settings: Settings, site: Site, password: str | None, *, demo: bool) -> str:
    """What ``up`` says when everything answers."""
    base = settings.public_url or settings.url
    if settings.admin_password:
        login = "admin, with the password in DANGOL_ADMIN_PASSWORD"
    elif password:
        login = f"admin / {password}   (shown once; `dangol users password admin` makes a new one)"
    else:
        login = "admin, with the password shown at the first start (`dangol users password admin` makes a new one)"
    shop = f"  shop     {base}/shop/\n" if demo else ""
    traffic = "\n  Play visitors into it:  dangol demo-traffic --visitors 300 --seed 1\n" if demo else ""
    return f"""
Dangol is ready.

{shop}  desk     {base}/desk
  login    {login}

  Paste into every page of your site:

{snippet(base, site.write_key)}
{traffic}
  Ctrl-C stops everything; the data stays in {settings.folder}
"""


def snippet(base: str, write_key: str) -> str:
    """The two lines a site embeds."""
    loader = "if(typeof dangol!='function')window.dangol=function(){(dangol.q=dangol.q||[]).push(arguments)};"
    return f"""    <script>{loader}
      dangol('init','{write_key}')</script>
    <script async src="{base}/dangol.js"></script>"""
