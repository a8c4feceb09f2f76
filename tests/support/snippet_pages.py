"""Pages with the snippet, in a real browser: the shop, the tracker, and what the two saw."""

import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.tracker_server import TrackerServer
from tracker.event import Event

LOADER = "if(typeof dangol!='function')window.dangol=function(){(dangol.q=dangol.q||[]).push(arguments)};"
"""What a page has inline: it queues the calls until the snippet is there."""


class Shop:
    """A customer's site on its own port, so the tracker is another origin. Pages are made by the test."""

    def __init__(self, tracker: TrackerServer) -> None:
        self.tracker = tracker
        self.headers: dict[str, str] = {}
        self.pages: dict[str, str] = {}
        self.statuses: dict[str, int] = {}
        self.requested: list[str] = []
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                shop.requested.append(self.path)
                page = shop.pages.get(self.path.partition("?")[0], shop.page())
                self.send_response(shop.statuses.get(self.path, 200))
                kind = "text/javascript" if self.path.endswith(".js") else "text/html"
                for name, value in {"Content-Type": f"{kind}; charset=utf-8", **shop.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def page(self, more: str = "", init: str = "'wk_test',{timeout:1e4}", title: str = "Shop") -> str:
        return f"""<!doctype html><title>{title}</title><h1>{title}</h1><div id=slot>kept</div>
            <script>
            {LOADER}
            dangol('init',{init});
            {more}
            </script><script async src="{self.tracker.host}/dangol.js"></script>"""

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def eventually(check: Callable[[], Any], seconds: float = 8.0) -> Any:
    deadline = time.monotonic() + seconds
    while not (value := check()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert value, "did not happen in time"
    return value


def names(events: list[Event]) -> list[str]:
    return [event.name or event.type for event in events]


def answer(tracker: TrackerServer, slots: Mapping[str, Any]) -> None:
    """What /v1/personalize says from now on."""
    (tracker.folder / "answer.json").write_bytes(json.dumps({"slots": slots}).encode())


BANNER = {"title": "Ten % off", "link": "#offer"}


def offered(content: dict[str, Any], campaign: str = "c", **more: Any) -> dict[str, Any]:
    return {"offer": {"campaign": campaign, "variant": "v", "content": content}, "token": "t", **more}
