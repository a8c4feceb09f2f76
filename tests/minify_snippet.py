"""Makes tracker/browser/*.min.js from what is read: `.venv/bin/python tests/minify_snippet.py`."""

from pathlib import Path

import minify  # tdewolff-minify

FOLDER = Path(__file__).resolve().parent.parent / "tracker" / "browser"
NAMES = ("snippet", "slots", "matomo")


def minified(name: str) -> str:
    source = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
    return minify.string("application/javascript", source) + "\n"


if __name__ == "__main__":
    for name in NAMES:
        (FOLDER / f"{name}.min.js").write_text(minified(name), encoding="utf-8")
