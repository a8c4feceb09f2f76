"""Makes tracker/browser/*.min.js from what is read: `.venv/bin/python tests/minify_snippet.py`."""

from pathlib import Path

import minify  # tdewolff-minify

FOLDER = Path(__file__).resolve().parent.parent / "tracker" / "browser"
NAMES = ("snippet", "slots", "consent", "events", "debug", "matomo", "signup")
PARTS = {"slots": ("slots/responses", "slots/content", "slots/places", "slots/declared")}
"""A script that is read in several files, in their order. They share one scope."""
HINT = "//# allFunctionsCalledOnLoad\n"
"""Chromium compiles all functions beside the page while it loads the file, not one by one on the page's time."""


def source(name: str) -> str:
    parts = [(FOLDER / f"{part}.js").read_text(encoding="utf-8") for part in PARTS.get(name, (name,))]
    return parts[0] if len(parts) == 1 else "export default core => {\n" + "\n".join(parts) + "};\n"


def minified(name: str) -> str:
    return HINT + minify.string("application/javascript", source(name)) + "\n"


if __name__ == "__main__":
    for name in NAMES:
        (FOLDER / f"{name}.min.js").write_text(minified(name), encoding="utf-8")
