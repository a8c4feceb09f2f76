"""What the snippet costs a page: script time on the main thread of a slow device, and bytes for each view.

Chromium with its processor throttled to a sixth loads one page again and again: with nothing, with a bare ``fetch``
(the floor), with our snippet, and with Plausible's tracker from npm. Time is what a trace shows of scripts on the
page's main thread: parsing, running, callbacks, and microtasks, which DevTools' ``ScriptDuration`` leaves out. Needs
Chromium and npm. Umami's and GoatCounter's scripts are in no package registry.
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

LOADS = 15
THROTTLE = 6
QUIET_MS = 400
PEER = "@plausible-analytics/tracker@0.4.6"
BUDGET_MS, BUDGET_BYTES = 60, 200
BARE = "fetch('HOST/v1/p',{method:'POST',keepalive:true,body:JSON.stringify({writeKey:'wk_test',anonymousId:'a'})})"


SCRIPT = {
    "EvaluateScript",
    "FunctionCall",
    "RunMicrotasks",
    "v8.compile",
    "v8.compileModule",
    "v8.evaluateModule",
}
"""Names of spans in a trace, as DevTools shows them in yellow."""


class Load(NamedTuple):
    """One load of a page: ms of script on the main thread, bytes of the body of its view."""

    script: float
    body: int


class Trace:
    """What the processes of ``page``'s browser do from now on."""

    def __init__(self, page: Page) -> None:
        self._page, self._events, self._complete = page, list[dict[str, Any]](), list[bool]()
        assert page.context.browser is not None
        self._session = page.context.browser.new_browser_cdp_session()
        self._session.on("Tracing.dataCollected", lambda part: self._events.extend(part["value"]))
        self._session.on("Tracing.tracingComplete", lambda _: self._complete.append(True))
        categories = {"includedCategories": ["devtools.timeline"]}
        self._session.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": categories})

    def script(self) -> float:
        """Milliseconds of scripts on the main threads of pages."""
        self._session.send("Tracing.end")
        while not self._complete:
            self._page.wait_for_timeout(20)
        self._session.detach()
        mains = {
            (each["pid"], each["tid"])
            for each in self._events
            if each["name"] == "thread_name" and each["args"]["name"] == "CrRendererMain"
        }
        end = total = 0.0
        spans = [e for e in self._events if e["name"] in SCRIPT and (e["pid"], e["tid"]) in mains]
        for span in sorted(spans, key=lambda each: float(each["ts"])):  # one inside another counts once
            start, until = max(span["ts"], end), span["ts"] + span.get("dur", 0)
            total, end = total + max(0, until - start), max(end, until)
        return total / 1000


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


def load(page: Page, url: str, sends: bool) -> Load:
    """Loads ``url`` and waits until it is quiet, and until its view was answered where it ``sends`` one."""
    bodies: list[int] = []
    answered: list[str] = []
    page.on("request", lambda request: bodies.append(len(request.post_data or "")))
    page.on(
        "response", lambda response: answered.extend([response.url] if response.request.post_data else [])
    )
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
    trace = Trace(page)
    page.goto(url)
    while sends and not answered:
        page.wait_for_timeout(50)
    page.wait_for_timeout(QUIET_MS)
    script = trace.script()
    session.detach()
    return Load(script, max(bodies, default=0))


def measured(browser: Browser, site: str, at: int, later: bool, sends: bool) -> Load:
    context = browser.new_context()
    if later:
        before = context.new_page()
        before.goto(f"{site}/{at}?before")
        before.wait_for_timeout(QUIET_MS)
        before.close()
    found = load(context.new_page(), f"{site}/{at}?utm_source=news", sends)
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
                    loads[name].append(measured(browser, site, at, "later" in name, name != "nothing"))
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
