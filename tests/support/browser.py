"""A real Chromium for the tests that need one, and where their screenshots go."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.machine import ROOT

ARTEFACTS = Path(os.environ.get("DANGOL_TEST_ARTEFACTS", ROOT / "artifacts"))
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def program() -> str:
    """Where the system's Chromium is."""
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    return path


@contextmanager
def unattended(url: str) -> Iterator[None]:
    """Chromium on a page, without a debugger, under which it shows no prerendered page and keeps none that was left."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [program(), *QUIET, "--headless=new", f"--user-data-dir={profile}", url]
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, headless; skips the test where there is none."""
    path = program()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a file; mark them with ``pytest.mark.browser``."""
    with chromium() as browser:
        yield browser


def keep(page: Page, name: str, *, full: bool = False) -> None:
    """Keep a screenshot as an artefact of this run."""
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=full)
