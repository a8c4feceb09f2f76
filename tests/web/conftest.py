import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.web_stage import close_stages

AXE = Path(__file__).parent.parent / "support" / "node" / "axe" / "package.json"


@pytest.fixture(autouse=True)
def closed_stages() -> Iterator[None]:
    yield
    close_stages()


@pytest.fixture(scope="module")
def axe() -> str:
    """The source of axe-core, installed once into the user's cache."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("axe-core needs npm: apt-get install npm")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "dangol-tests"
    folder = cache / f"axe-{hashlib.sha256(AXE.read_bytes()).hexdigest()[:12]}"
    source = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not source.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(AXE, folder)
        command = [npm, "install", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
        if done.returncode:
            pytest.skip(f"axe-core could not be installed: {done.stderr[-300:]}")
    return source.read_text(encoding="utf-8")
