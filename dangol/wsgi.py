"""What the HTTP server serves: the tracker, the API with the desk, and (in a demo) the shop, on one port.

Each function is a factory that granian calls once in every worker process.
"""

from collections.abc import Callable, Iterable
from typing import Any

from dangol import compose, logs
from dangol.health import Health
from dangol.orphans import die_with_parent
from dangol.settings import Settings, load
from tracker.app import Tracker

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Front:
    """Sends each request to the application that owns its path."""

    def __init__(self, tracker: Tracker, rest: Wsgi, shop: Wsgi | None = None) -> None:
        self._tracker, self._rest, self._shop = tracker, rest, shop

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if self._tracker.owns(path):
            return self._tracker(environ, start_response)
        if self._shop and (path == "/shop" or path.startswith("/shop/")):
            environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + "/shop"
            environ["PATH_INFO"] = path[len("/shop") :]
            return self._shop(environ, start_response)
        return self._rest(environ, start_response)


def everything() -> Wsgi:
    """Tracker, API and desk: what one machine serves."""
    settings = _start()
    collect = compose.tracker(settings)
    return Front(collect, compose.web(settings, collect))


def demo() -> Wsgi:
    """Everything, and the demo shop at /shop."""
    settings = _start()
    collect = compose.tracker(settings)
    return Front(collect, compose.web(settings, collect), compose.shop(settings))


def tracker() -> Wsgi:
    """Collection alone, with its own health pages."""
    settings = _start()
    collect = compose.tracker(settings)
    return Front(collect, Health(collect))


def web() -> Wsgi:
    """The API and the desk alone."""
    return compose.web(_start())


def _start() -> Settings:
    die_with_parent()
    settings = load()
    logs.configure(settings)
    return settings
