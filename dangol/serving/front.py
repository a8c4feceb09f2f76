"""What the HTTP server serves: the tracker, the API with the desk, and (in a demo) the shop, on one port.

Each function is a factory that granian calls once in every worker process.
"""

import gc
import logging
import multiprocessing
import os
import sys
import threading
from asyncio import AbstractEventLoop, wrap_future
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, NamedTuple

from dangol import compose, log_output
from dangol.serving.bridge import Bridge, Short, Wsgi
from dangol.serving.health import Health
from dangol.settings import Settings, load
from dangol.signals import die_with_parent
from tracker.app import Tracker
from tracker.http.rsgi import Exchange, Scope

if TYPE_CHECKING:
    from web.app import WebApplication

_logger = logging.getLogger(__name__)

TURN_SECONDS = 0.001
"""After which a thread that computes lets others have a turn. A request asks for some ten turns: with Python's usual
5 ms it would wait for 50 where a new model is being made ready beside it."""


class Rest(NamedTuple):
    """What answers beside the tracker: a WSGI application, what answers in its place, and what to call at the end."""

    application: Wsgi
    short: Short | None = None
    end: Callable[[], None] = lambda: None


class Front:
    """An RSGI application: sends each request to the tracker where it owns the path, else over the bridge.

    Collection answers at once. The rest takes a second to be made: whoever asks for it before then waits.
    """

    def __init__(self, tracker: Tracker | None, make: Callable[[], Rest], threads: int) -> None:
        self._tracker, self._make, self._threads = tracker, make, threads
        self._bridge: Bridge | None = None
        self._end: Callable[[], None] = lambda: None
        self._made: Future[Bridge] = Future()
        self._made.set_running_or_notify_cancel()  # whoever waits for it and leaves does not cancel it for others

    def __rsgi_init__(self, loop: AbstractEventLoop) -> None:
        """Make the rest when the loop runs: a server that is told to stop before then may wait for itself for ever."""
        loop.call_soon(threading.Thread(target=self._build, name="building").start)

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        if self._tracker and self._tracker.owns(scope.path):
            await self._tracker(scope, exchange)
        else:
            await (self._bridge or await self._built())(scope, exchange)

    def __rsgi_del__(self, _: AbstractEventLoop) -> None:
        """The server has stopped: every request under way has its answer."""
        self._made.result().close()
        self._end()
        if self._tracker:
            self._tracker.close()

    async def _built(self) -> Bridge:
        return await wrap_future(self._made)

    def _build(self) -> None:
        gc.disable()  # nearly all that is made now stays: to look at it again and again takes a tenth of the time
        try:
            rest = self._make()
        except BaseException:
            _logger.exception("the server cannot start")
            os._exit(1)  # half a server is none; whoever keeps this process running starts it anew
        self._end = rest.end
        bridge = self._bridge = Bridge(rest.application, self._threads, rest.short)
        gc.collect()
        gc.freeze()  # what stays as long as the process need not be looked at by every collection
        gc.enable()
        self._made.set_result(bridge)


def everything() -> Front:
    """Tracker, API and desk: what one machine serves."""
    settings = _start()
    collect = compose.tracker(settings)
    return Front(collect, lambda: _rest(compose.web(settings, collect)), settings.threads)


def demo() -> Front:
    """Everything, and the demo shop at /shop."""
    settings = _start()
    collect = compose.tracker(settings)

    def both() -> Rest:
        rest = _rest(compose.web(settings, collect))
        return rest._replace(application=_with_shop(rest.application, compose.shop(settings)))

    return Front(collect, both, settings.threads)


def tracker() -> Front:
    """Collection alone, with its own health pages."""
    settings = _start()
    collect = compose.tracker(settings)
    return Front(
        collect,
        lambda: Rest(Health(collect, compose.sites(settings), settings.trust_proxy)),
        settings.threads,
    )


def web() -> Front:
    """The API and the desk alone."""
    settings = _start()
    return Front(None, lambda: _rest(compose.web(settings)), settings.threads)


def _rest(application: "WebApplication") -> Rest:
    return Rest(application.flask, application.fast_path, application.close)


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
    parent = multiprocessing.parent_process()
    if parent and parent.pid:
        die_with_parent(parent.pid)
    sys.setswitchinterval(TURN_SECONDS)
    settings = load()
    log_output.configure(settings)
    return settings
