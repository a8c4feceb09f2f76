"""The desk served to a browser, and a browser that is signed in."""

import threading

from playwright.sync_api import Browser, BrowserContext, Page
from werkzeug.serving import make_server

from tests.support.web_stage import PASSWORD, Stage

WAIT = 60_000
SERIOUS = ("serious", "critical")


class Served:
    """A desk with a season in it, on a port of its own."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.server = make_server("127.0.0.1", 0, stage.app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)

    def __enter__(self) -> "Served":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def signed_in(browser: Browser, desk: Served, **options: object) -> tuple[BrowserContext, Page]:
    context = browser.new_context(base_url=desk.url, **{"locale": "en-GB", **options})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on("console", lambda said: page.faults.append(said.text) if said.type == "error" else None)
    page.goto("/desk/login")
    page.fill("#user", "admin")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/desk")
    return context, page
