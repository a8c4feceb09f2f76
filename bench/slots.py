"""How soon a page shows another hero: an offer of ours beside a visual experiment of GrowthBook's (npm), in one run.

Chromium with a slow network and processor loads the same page for the first time, again and again. The time is from the
navigation until the new words are drawn. Ours are decided by a running installation; GrowthBook's rules come from a
file, as from its CDN, and its SDK decides in the page. Needs Chromium and npm.
"""

import gzip
import json
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any

from playwright.sync_api import Browser

from bench.results import record
from tests.support.browser import chromium
from tests.support.installation import WRITE, Installation, eventually
from tests.support.node_modules import bundled, installed

LOADS = 15
THROTTLE = 4
NETWORK = {"offline": False, "latency": 150, "downloadThroughput": 200_000, "uploadThroughput": 90_000}
"""Lighthouse's slow 4G: ms, and bytes a second."""
WORDS = "Warm boots for you"
HERO = f"<h2>{WORDS}</h2><p>Light soles, honest leather.</p>"
SDK = """
import { GrowthBook } from '@growthbook/growthbook';
let gb = new GrowthBook({ apiHost: location.origin, clientKey: 'rules', attributes: { id: crypto.randomUUID() },
    url: location.href, trackingCallback: () => fetch('/seen', { method: 'POST', keepalive: true, body: 'x' }) });
gb.init({ timeout: 5000 });
"""
RULES = {
    "features": {},
    "experiments": [
        {
            "key": "hero",
            "status": "running",
            "hashAttribute": "id",
            "coverage": 1,
            "weights": [0, 1],
            "phase": "0",
            "meta": [{"key": "0"}, {"key": "1"}],
            "variations": [
                {"domMutations": [], "css": ""},
                {
                    "domMutations": [
                        {"selector": "#hero", "action": "set", "attribute": "html", "value": HERO}
                    ]
                },
            ],
            "urlPatterns": [{"include": True, "type": "simple", "pattern": "/*"}],
        }
    ],
}
PAGE = "<!doctype html><meta charset=utf-8><title>Boots</title>{head}<section id=hero><h2>Welcome</h2></section>{foot}"
DRAWN = "words => document.querySelector('#hero').innerText.includes(words)"


def heads(dangol: str) -> Mapping[str, tuple[str, str]]:
    """What stands in the page's head, and behind the hero, by what is measured: as each one's manual says."""
    queue = "if(typeof dangol!='function')window.dangol=function(){(dangol.q=dangol.q||[]).push(arguments)};"
    calls = f"{queue}dangol('init','{WRITE}');dangol('slot','hero','#hero',{{timeout:1e4}})"
    snippet = f"<script>{calls}</script><script async src='{dangol}/dangol.js'></script>"
    return {"Dangol": (snippet, ""), "GrowthBook": ("<script async src=/growthbook.js></script>", "")}


@contextmanager
def site(parts: Mapping[str, tuple[str, str]], sdk: bytes) -> Iterator[str]:
    """A page for each, at its name, and GrowthBook's files."""
    files: dict[str, tuple[str, bytes]] = {
        f"/{name}": ("text/html", PAGE.format(head=head, foot=foot).encode())
        for name, (head, foot) in parts.items()
    }
    files["/growthbook.js"] = ("text/javascript", sdk)
    files["/api/features/rules"] = ("application/json", json.dumps(RULES).encode())

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = files.get(self.path.partition("?")[0], ("text/plain", b""))
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if body is sdk:
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def swapped(browser: Browser, url: str) -> float:
    """Milliseconds until the new words are drawn."""
    context = browser.new_context()
    page = context.new_page()
    session = context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.emulateNetworkConditions", NETWORK)
    session.send("Emulation.setCPUThrottlingRate", {"rate": THROTTLE})
    page.goto(url, wait_until="commit")
    page.wait_for_function(DRAWN, arg=WORDS, polling="raf", timeout=30_000)
    took = float(page.evaluate("performance.now()"))
    context.close()
    return took


def main() -> None:
    sdk = gzip.compress(bundled(installed("frameworks"), SDK, "--minify").encode(), 9)
    with (
        tempfile.TemporaryDirectory() as folder,
        Installation(Path(folder)) as running,
        chromium() as browser,
    ):
        creative = {"id": "a", "kind": "html", "content": HERO}
        campaign = {"name": "Hero", "status": "live", "slot": "hero", "caps": [], "creatives": [creative]}
        assert running.call("PUT", "/v1/campaigns/hero", campaign)[0] == 200
        asked = {"visitor": "v", "slots": [{"id": "hero", "kind": "offer"}]}
        eventually(lambda: running.call("POST", "/v1/personalize", asked, WRITE)[1]["slots"]["hero"]["offer"])
        parts = heads(running.url)
        took: dict[str, list[float]] = {name: [] for name in parts}
        with site(parts, sdk) as url:
            for _ in range(LOADS):  # one after another, so that a busy machine is unfair to none
                for name in parts:
                    took[name].append(swapped(browser, f"{url}/{name}"))
                    time.sleep(0.05)
    medians = {name: median(each) for name, each in took.items()}
    rows = [
        [name, f"{ms:.0f} ms", f"{max(took[name]):.0f} ms", f"{ms / medians['GrowthBook']:.2f} ×"]
        for name, ms in medians.items()
    ]
    record(
        f"Another hero on a first visit, slow 4G and 1/{THROTTLE} of the processor",
        "python -m bench.slots",
        ["page with", "drawn after", "slowest", "GrowthBook's"],
        rows,
        f"Medians of {LOADS} loads, each in a browser context of its own. GrowthBook's SDK is that of npm, minified, "
        f"{len(sdk):,} bytes as gzip; its rules are a file of the page's own host, ours are decided by another port.",
    )


if __name__ == "__main__":
    main()
