"""What the snippet costs a page: script time on the main thread of a slow device, and bytes for each view.

Chromium with its processor throttled to a sixth loads one page again and again: with nothing, with a bare ``fetch``
(the floor), with our snippet, and with Plausible's tracker from npm. Time is DevTools' ``ScriptDuration``: parsing,
running and callbacks. Needs Chromium and npm. Umami's and GoatCounter's scripts are in no package registry.
"""

import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page

from bench.results import record
from tests.support.browser import chromium
from tests.support.tracker_server import TrackerServer

LOADS = 25
THROTTLE = 6
QUIET_MS = 400
PEER = "@plausible-analytics/tracker@0.4.6"
BUDGET_MS, BUDGET_BYTES = 60, 200
BARE = "fetch('HOST/v1/p',{method:'POST',keepalive:true,body:JSON.stringify({writeKey:'wk_test',anonymousId:'a'})})"


class Load(NamedTuple):
    """One load of a page: ms of script on the main thread, bytes of the body of its view."""

    script: float
    body: int


def head_of(tracker: str) -> Mapping[str, str]:
    """What stands in the page's head, by what is measured."""
    options = "{domain: 'shop.example', endpoint: '/event', captureOnLocalhost: true}"
    plausible = f"import {{init}} from '/plausible.js'; init({options})"
    return {
        "nothing": "",
        "a bare fetch (floor)": f"<script>{BARE.replace('HOST', tracker)}</script>",
        "Dangol, a first visit": f"<script async src='{tracker}/dangol.js' data-key=wk_test></script>",
        "Dangol, a later view": f"<script async src='{tracker}/dangol.js' data-key=wk_test></script>",
        "Plausible": f"<script type=module>{plausible}</script>",
    }


@contextmanager
def pages(heads: Mapping[str, str], peer: bytes) -> Iterator[str]:
    """A site with one page for each head, at ``/0``, ``/1``, …"""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script = self.path == "/plausible.js"
            at = self.path[1:].partition("?")[0]
            head = list(heads.values())[int(at)] if at.isdigit() else ""
            body = peer if script else f"<!doctype html><title>Boots</title>{head}<h1>Boots</h1>".encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/javascript" if script else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(202)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def load(page: Page, url: str) -> Load:
    """Loads ``url`` and waits until it is quiet."""
    bodies: list[int] = []
    page.on("request", lambda request: bodies.append(len(request.post_data or "")))
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    session.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
    page.goto(url)
    page.wait_for_timeout(QUIET_MS)
    metrics = session.send("Performance.getMetrics")["metrics"]
    script = next(each["value"] for each in metrics if each["name"] == "ScriptDuration")
    session.detach()
    return Load(script * 1000, max(bodies, default=0))


def measured(browser: Browser, site: str, at: int, later: bool) -> Load:
    context = browser.new_context()
    if later:
        before = context.new_page()
        before.goto(f"{site}/{at}?before")
        before.wait_for_timeout(QUIET_MS)
        before.close()
    found = load(context.new_page(), f"{site}/{at}?utm_source=news")
    context.close()
    return found


def fetched() -> bytes:
    """Plausible's tracker as npm has it."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error", PEER]
        subprocess.run(command, cwd=folder, check=True, timeout=300)
        return (Path(folder) / "node_modules/@plausible-analytics/tracker/plausible.js").read_bytes()


def main() -> None:
    peer = fetched()
    with (
        tempfile.TemporaryDirectory() as folder,
        TrackerServer(Path(folder)) as tracker,
        chromium() as browser,
    ):
        heads = head_of(tracker.host)
        loads: dict[str, list[Load]] = {name: [] for name in heads}
        with pages(heads, peer) as site:
            for _ in range(LOADS):  # one after another, so that a busy machine is unfair to none
                for at, name in enumerate(heads):
                    loads[name].append(measured(browser, site, at, "later" in name))
                    time.sleep(0.02)
    times = {name: median(each.script for each in found) for name, found in loads.items()}
    floor, plausible = times["a bare fetch (floor)"], times["Plausible"]
    rows = [
        [
            name,
            f"{ms:.1f} ms",
            f"{ms / floor:.1f} ×",
            f"{ms / plausible:.2f} ×",
            max(load.body for load in loads[name]),
        ]
        for name, ms in times.items()
    ]
    record(
        f"The snippet on a processor throttled to 1/{THROTTLE}",
        "python -m bench.snippet",
        ["page with", "script time", "the floor's", "Plausible's", "bytes of a view's body"],
        rows,
        f"Medians of {LOADS} loads, each in a browser context of its own; the page has one line. "
        f"Budget: {BUDGET_MS} ms and {BUDGET_BYTES} bytes. Plausible's is {PEER} of npm.",
    )


if __name__ == "__main__":
    main()
