"""The scripts that browsers load: compressed once at start, revalidated by their hashes.

``*.min.js`` are made from what is read (``snippet.js``, ``slots/*.js``, ``matomo.js``) by ``python
tests/minify_snippet.py``; a test compares them.
"""

import gzip
from collections.abc import Iterator
from hashlib import sha256
from importlib.resources import files
from typing import NamedTuple

import brotli

from tracker.durations import HOUR_SECONDS

SECONDS_FRESH = HOUR_SECONDS
"""Pages load a new snippet within the hour; until then the browser's cache serves it."""


class Snippet(NamedTuple):
    plain: bytes
    gzipped: bytes
    brotli: bytes
    etag: str

    def encoded(self, accepted: str) -> tuple[str, bytes]:
        """The smallest form that an Accept-Encoding header allows: its name, "" for the plain one, and its bytes."""
        names = set(_allowed(accepted))
        if "br" in names:
            return "br", self.brotli
        return ("gzip", self.gzipped) if "gzip" in names else ("", self.plain)


def _allowed(accepted: str) -> Iterator[str]:
    """The encodings of an Accept-Encoding header, without those that it refuses."""
    for each in accepted.lower().split(",")[:20]:
        name, _, quality = each.replace(" ", "").partition(";q=")
        if quality.strip("0.") or not quality:
            yield name


FILES = {
    "/dangol.js": "snippet",
    "/dangol-slots.js": "slots",
    "/dangol-consent.js": "consent",
    "/dangol-events.js": "events",
    "/dangol-debug.js": "debug",
    "/dangol-signup.js": "signup",
    "/matomo.js": "matomo",
    "/piwik.js": "matomo",
}
"""Path → the script that is served there."""


def load(name: str = "snippet") -> Snippet:
    plain = files("tracker.browser").joinpath(f"{name}.min.js").read_bytes()
    packed = gzip.compress(plain, 9, mtime=0), brotli.compress(plain, mode=brotli.MODE_TEXT)
    return Snippet(plain, *packed, f'"{sha256(plain).hexdigest()[:20]}"')


def headers(snippet: Snippet) -> list[tuple[str, str]]:
    """The headers of every response; a 304 has ETag and Vary, too."""
    return [
        ("Content-Type", "text/javascript; charset=utf-8"),
        ("Cache-Control", f"public, max-age={SECONDS_FRESH}, stale-while-revalidate=86400"),
        ("ETag", snippet.etag),
        ("Vary", "Accept-Encoding"),
        ("Cross-Origin-Resource-Policy", "cross-origin"),
        ("X-Content-Type-Options", "nosniff"),
    ]
