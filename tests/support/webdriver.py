"""Three browsers behind one interface: Chromium by Playwright, Firefox by Marionette, WebKitGTK by WebDriver.

Marionette is what geckodriver speaks to Firefox: JSON over a socket, and no further program.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Error as PlaywrightError

from tests.support.browser import chromium
from tests.support.machine import free_port

NAMES = ("chromium", "firefox", "webkit")
SECONDS = 30
PREFERENCES = """
user_pref("marionette.port", %d);
user_pref("app.update.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
"""
MINIBROWSER = "webkit2gtk-4.*/MiniBrowser"

Command = Callable[[str, dict[str, Any]], Any]
"""(name of a WebDriver command, its parameters) → its value."""


class CommandFailed(Exception):
    """What the browser said to a command that it could not follow."""


class Tabs:
    """A browser's tabs. Navigation does not wait for the page."""

    def __init__(self, command: Command) -> None:
        self._command = command

    def open(self) -> str:
        """A new tab's handle."""
        return str(self._command("NewWindow", {"type": "tab"})["handle"])

    def select(self, tab: str) -> None:
        self._command("SwitchToWindow", {"handle": tab})

    def goto(self, url: str, tab: str = "") -> None:
        if tab:
            self.select(tab)
        self._command("Navigate", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """What ``script``, a function's body, returns in the current tab."""
        return self._command("ExecuteScript", {"script": script, "args": list(arguments)})

    def until(self, script: str, seconds: float = SECONDS) -> Any:
        """What ``script`` returns once that is true; the page may still be on its way."""
        deadline = time.monotonic() + seconds
        while not (value := self._run_on_the_way(script)):
            assert time.monotonic() < deadline, f"never true: {script}"
            time.sleep(0.05)
        return value

    def _run_on_the_way(self, script: str) -> Any:
        try:
            return self.run(script)
        except (CommandFailed, PlaywrightError):  # the page went away meanwhile
            return None


class ChromiumTabs(Tabs):
    def __init__(self, context: Any) -> None:
        self._context = context
        self._tabs = {"0": context.new_page()}
        self._current = "0"

    def open(self) -> str:
        handle = str(len(self._tabs))
        self._tabs[handle] = self._context.new_page()
        return handle

    def select(self, tab: str) -> None:
        self._current = tab

    def goto(self, url: str, tab: str = "") -> None:
        self.select(tab or self._current)
        self.until(f"setTimeout(() => {{ location.href = {json.dumps(url)} }}); return true")

    def run(self, script: str, *arguments: Any) -> Any:
        return self._tabs[self._current].evaluate(
            f"list => (function () {{ {script} }})(...list)", list(arguments)
        )


@contextmanager
def tabs(name: str) -> Iterator[Tabs]:
    """A browser without any history; skips the test where it is not installed."""
    opened: dict[str, Callable[[], Any]] = {"chromium": _chromium, "firefox": _firefox, "webkit": _webkit}
    with opened[name]() as browser:
        yield browser


@contextmanager
def _chromium() -> Iterator[Tabs]:
    with chromium() as browser:
        context = browser.new_context()
        yield ChromiumTabs(context)
        context.close()


@contextmanager
def _firefox() -> Iterator[Tabs]:
    path = shutil.which("firefox-esr") or shutil.which("firefox")
    if path is None:
        pytest.skip("no Firefox here: apt-get install firefox-esr")
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        Path(profile, "user.js").write_text(PREFERENCES % port)
        command = [path, "--headless", "--marionette", "--no-remote", "--profile", profile]
        with _running(command, HOME=profile), _connected(port) as connection:
            send = partial(_marionette, connection, connection.makefile("rb"))
            send("NewSession", {"pageLoadStrategy": "none"})
            yield Tabs(send)


@contextmanager
def _connected(port: int) -> Iterator[socket.socket]:
    """A connection to Firefox's Marionette, behind its greeting."""
    deadline = time.monotonic() + 2 * SECONDS
    while True:
        try:
            connection = socket.create_connection(("127.0.0.1", port), SECONDS)
            break
        except OSError:
            assert time.monotonic() < deadline, "Firefox does not listen"
            time.sleep(0.1)
    with connection:
        _message(connection.makefile("rb", buffering=0))
        yield connection


def _marionette(connection: socket.socket, reader: Any, name: str, parameters: dict[str, Any]) -> Any:
    told = json.dumps([0, 1, f"WebDriver:{name}", parameters]).encode()
    connection.sendall(b"%d:%s" % (len(told), told))
    _, _, error, value = _message(reader)
    if error is not None:
        raise CommandFailed(error)
    return value.get("value") if isinstance(value, dict) and set(value) == {"value"} else value


def _message(reader: Any) -> Any:
    """``LENGTH:JSON``"""
    length = b""
    while (byte := reader.read(1)) != b":":
        assert byte, "Firefox is gone"
        length += byte
    body = b""
    while len(body) < int(length):
        body += reader.read(int(length) - len(body))
    return json.loads(body)


@contextmanager
def _webkit() -> Iterator[Tabs]:
    driver, screen = shutil.which("WebKitWebDriver"), shutil.which("Xvfb")
    folders = (Path("/usr/libexec"), *Path("/usr/lib").glob("*-linux-gnu"))
    browser = next((path for folder in folders for path in folder.glob(MINIBROWSER)), None)
    if driver is None or screen is None or browser is None:
        pytest.skip("no WebKitGTK here: apt-get install webkit2gtk-driver xvfb")
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home, _screen(screen) as display:
        sandbox = {"WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS": "1"}  # there are no namespaces in a container
        with _running(
            [driver, f"--port={port}"], HOME=home, XDG_RUNTIME_DIR=home, DISPLAY=display, **sandbox
        ):
            options = {"binary": str(browser), "args": ["--automation"]}
            wanted = {"webkitgtk:browserOptions": options, "pageLoadStrategy": "none"}
            session = _first_session(port, {"capabilities": {"alwaysMatch": wanted}})
            base = f"http://127.0.0.1:{port}/session/{session}"
            yield Tabs(partial(_webdriver, base))
            _http("DELETE", base)


PATHS = {
    "NewWindow": "/window/new",
    "SwitchToWindow": "/window",
    "Navigate": "/url",
    "ExecuteScript": "/execute/sync",
}


def _webdriver(base: str, name: str, parameters: dict[str, Any]) -> Any:
    return _http("POST", base + PATHS[name], parameters)


def _first_session(port: int, wanted: dict[str, Any]) -> str:
    deadline = time.monotonic() + SECONDS
    while True:
        try:
            return str(_http("POST", f"http://127.0.0.1:{port}/session", wanted)["sessionId"])
        except ConnectionError:
            assert time.monotonic() < deadline, "WebKitWebDriver does not listen"
            time.sleep(0.1)


def _http(method: str, url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return json.load(response)["value"]
    except urllib.error.HTTPError as error:
        with error:
            raise CommandFailed(error.read().decode()) from error
    except urllib.error.URLError as error:
        raise ConnectionError(str(error.reason)) from error


@contextmanager
def _screen(path: str) -> Iterator[str]:
    """The name of a display of this test's own: Xvfb takes one that is free, and says which."""
    ours, theirs = os.pipe()
    command = [path, "-displayfd", str(theirs), "-nolisten", "tcp", "-screen", "0", "1024x768x24"]
    with os.fdopen(ours) as told, _running(command, pass_fds=(theirs,)):
        os.close(theirs)
        yield f":{told.readline().strip()}"


@contextmanager
def _running(command: list[str], pass_fds: tuple[int, ...] = (), **environment: str) -> Iterator[None]:
    """A program in a process group of its own, which ends with the test."""
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=pass_fds,
        start_new_session=True,
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)
