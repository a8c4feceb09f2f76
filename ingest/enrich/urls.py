"""URLs cut into what reports ask of them. Each distinct URL is parsed once; ordinary ones by one expression."""

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

PATH_LIMIT = 500
HOST_LIMIT = 253
"""Characters of a name in the DNS. Work on a host's labels takes time that grows with the square of their number."""

# Where it matches, urlsplit would cut in the same places: a plain host, nothing that it strips or refuses.
_ORDINARY = re.compile(
    r"https?://(?:www\.)?(?!www\.)([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::[0-9]*)?"
    r"(/[^?#\x00-\x20\x7f-\x9f]*)?(?:\?([^#\x00-\x20\x7f-\x9f]*))?(?:#([^\x00-\x20\x7f-\x9f]*))?"
)


class Url(NamedTuple):
    """``host`` without ``www.`` and port, "" for what is none; ``path`` decoded, "/" for a bare host; ``query`` and
    ``fragment`` as they were sent."""

    host: str = ""
    path: str = ""
    query: str = ""
    fragment: str = ""


_NOTHING = Url()


@lru_cache(maxsize=1 << 14)
def parse(url: str) -> Url:
    """The parts of a URL; of what is none, empty parts. Queries and fragments are not pages."""
    if not url:
        return _NOTHING
    ordinary = _ORDINARY.fullmatch(url)
    if ordinary is not None:
        host, path, query, fragment = ordinary.groups("")
    else:
        try:
            parts = urlsplit(url)
        except ValueError:
            return _NOTHING
        host, path = (parts.hostname or "").removeprefix("www."), parts.path
        query, fragment = parts.query, parts.fragment
    if len(host) > HOST_LIMIT:
        host = ""
    return Url(host, unquote(path)[:PATH_LIMIT] or "/", query, fragment)
