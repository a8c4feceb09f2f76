"""Makes tracker/snippet.min.js from tracker/snippet.js: `.venv/bin/python tests/minify_snippet.py`."""

from pathlib import Path

import minify  # tdewolff-minify

FOLDER = Path(__file__).resolve().parent.parent / "tracker"


def minified() -> str:
    source = (FOLDER / "snippet.js").read_text(encoding="utf-8")
    return minify.string("application/javascript", source) + "\n"


if __name__ == "__main__":
    (FOLDER / "snippet.min.js").write_text(minified(), encoding="utf-8")
