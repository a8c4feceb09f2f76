"""Which origins belong to a site: the one rule for collecting with its write key and for reading API answers."""

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import urlsplit

_PORTS = {"http": 80, "https": 443}
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")  # an app's pages have one of their own
_HOST = re.compile(
    r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*|(?=[^:]*:)[0-9a-f:.]+"
)

CHARACTERS = 512
"""Most characters of an origin. A host name has at most 253, and Punycode is slow."""


class Origin(NamedTuple):
    """``scheme`` "" and ``port`` None mean any; only a site's entry may leave them out."""

    scheme: str
    host: str
    port: int | None


def admitted(origins: Sequence[str], origin: str) -> bool:
    """Whether a page of ``origin`` (the request's header) belongs to a site with these ``origins``; empty means any.

    An entry is an origin, a host, or ``host:port``. A host without scheme matches every scheme, and without port every
    port. Upper case, default ports, a trailing slash and Unicode names make no difference. ``null`` belongs to no
    site.
    """
    if not origins:
        return True
    page = parsed(origin)
    if page is None or not page.scheme:
        return False
    return any(_belongs(page, known) for entry in origins if (known := parsed(entry)))


def _belongs(page: Origin, known: Origin) -> bool:
    any_port = not known.scheme and known.port is None
    return (
        known.host == page.host
        and known.scheme in ("", page.scheme)
        and (any_port or known.port == page.port)
    )


@lru_cache(1024)
def parsed(text: str) -> Origin | None:
    """An origin, or a host with or without port; None for anything else: a path, a wildcard, ``null``."""
    if len(text) > CHARACTERS:
        return None
    scheme, separator, rest = text.strip().rpartition("://")
    try:
        parts = urlsplit(f"//{rest.removesuffix('/')}")
        host, port = ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        return None
    scheme = scheme.lower()
    plain = (
        parts.netloc == rest.removesuffix("/") and "@" not in parts.netloc and not parts.netloc.endswith(":")
    )
    if not plain or not _HOST.fullmatch(host) or host == "null" or bool(scheme) != bool(separator):
        return None
    if scheme and not _SCHEME.fullmatch(scheme):
        return None
    return Origin(scheme, host, _PORTS.get(scheme) if port is None else port)


def ascii_host(host: str) -> str:
    """As browsers send it: lower case, Unicode labels in Punycode (UTS #46, nontransitional)."""
    labels = unicodedata.normalize("NFKC", host).lower().replace("。", ".").split(".")
    return ".".join(
        label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels
    )
