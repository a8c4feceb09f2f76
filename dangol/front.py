"""What the HTTP server serves: the tracker, the API with the desk, and (in a demo) the shop, on one port.

Each function is a factory that granian calls once in every worker process.
"""

import gc
import sys
from asyncio import AbstractEventLoop
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask

from dangol import compose, logs
from dangol.bridge import Bridge, Short, Wsgi
from dangol.health import Health
from dangol.orphans import die_with_parent
from dangol.settings import Settings, load
from tracker.app import Tracker
from tracker.rsgi import Exchange, Scope

TURN_SECONDS = 0.001
"""After which a thread that computes lets others have a turn. A request asks for some ten turns: with Python's usual
5 ms it would wait for 50 where a new model is being made ready beside it."""


class Front:
    """An RSGI application: sends each request to the tracker where it owns the path, else over the bridge."""

    def __init__(
        self,
        tracker: Tracker | None,
        rest: Wsgi,
        threads: int,
        short: Short | None = None,
        end: Callable[[], None] = lambda: None,
    ) -> None:
        """``end`` is called when everything has been answered."""
        self._tracker, self._rest, self._end = tracker, Bridge(rest, threads, short), end
        gc.collect()
        gc.freeze()  # what stays as long as the process need not be looked at by every collection

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        if self._tracker and self._tracker.owns(scope.path):
            await self._tracker(scope, exchange)
        else:
            await self._rest(scope, exchange)

    def __rsgi_del__(self, _: AbstractEventLoop) -> None:
        """The server has stopped: every request under way has its answer."""
        self._rest.close()
        self._end()
        if self._tracker:
            self._tracker.close()


def everything() -> Front:
    """Tracker, API and desk: what one machine serves."""
    settings = _start()
    collect = compose.tracker(settings)
    rest = compose.web(settings, collect)
    return Front(collect, rest, settings.threads, *_beside(rest))


def demo() -> Front:
    """Everything, and the demo shop at /shop."""
    settings = _start()
    collect = compose.tracker(settings)
    rest = compose.web(settings, collect)
    both = _with_shop(rest, compose.shop(settings))
    return Front(collect, both, settings.threads, *_beside(rest))


def tracker() -> Front:
    """Collection alone, with its own health pages."""
    settings = _start()
    collect = compose.tracker(settings)
    return Front(collect, Health(collect), settings.threads)


def web() -> Front:
    """The API and the desk alone."""
    settings = _start()
    rest = compose.web(settings)
    return Front(None, rest, settings.threads, *_beside(rest))


def _beside(rest: Flask) -> tuple[Short, Callable[[], None]]:
    """What answers in place of the application, and what it still has to write in the end."""
    return rest.extensions["shortcut"], rest.extensions["decisions"].close


def _with_shop(rest: Wsgi, shop: Wsgi) -> Wsgi:
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/shop" or path.startswith("/shop/"):
            environ["SCRIPT_NAME"] += "/shop"
            environ["PATH_INFO"] = path[len("/shop") :]
            return shop(environ, start_response)
        return rest(environ, start_response)

    return application


def _start() -> Settings:
    die_with_parent()
    sys.setswitchinterval(TURN_SECONDS)
    settings = load()
    logs.configure(settings)
    return settings
