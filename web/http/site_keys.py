"""Who asks: a site's public write key, or its secret one."""

import hmac

import msgspec
from flask import request

from tracker import values
from tracker.http.request import header_key
from tracker.origins import admitted
from tracker.sites import Site, Sites
from web.access.audit import acting
from web.http.problem import Problem

CHALLENGE = {"WWW-Authenticate": 'Basic realm="dangol", charset="UTF-8"'}


class _KeyInBody(msgspec.Struct):
    writeKey: str | None = None  # noqa: N815 - Segment's spelling
    write_key: str | None = None


_key_in = msgspec.json.Decoder(_KeyInBody)


def offered_key() -> str | None:
    """The key of the request: Basic user name, Bearer token, ``X-API-Key``, ``?writeKey=`` or the body's writeKey."""
    headers = request.headers
    if key := header_key(headers.get("Authorization", "")) or headers.get(
        "X-API-Key", ""
    ):  # the latter is Gorse's
        return key
    for name in ("writeKey", "write_key"):
        if request.args.get(name):
            return request.args[name]
    return _key_in_body() if request.method in ("POST", "PUT") else None


def _key_in_body() -> str | None:
    raw = request.get_data(cache=True)
    if b"writeKey" not in raw and b"write_key" not in raw:
        return None
    try:
        found = values.decoded(raw, _key_in)
    except (ValueError, RecursionError):
        return None
    return found.writeKey or found.write_key


class Keys:
    """Turns the key of the current request into its site."""

    def __init__(self, sites: Sites) -> None:
        self._sites = sites

    def _fresh(self) -> Sites:
        self._sites.refresh()
        return self._sites

    def any_key(self) -> Site:
        """The site of a write key or a secret key. Raises Problem 401."""
        key = offered_key()
        site = self.site_of(key)
        if site is None:
            raise _unknown(key)
        return site

    def site_of(self, key: str | None) -> Site | None:
        """The site of a write key or a secret key."""
        sites = self._fresh()
        return (sites.by_write_key(key) or sites.by_secret_key(key)) if key else None

    def trusted(self, site: Site, key: str | None = None) -> bool:
        """Whether the request carries the site's secret key: a backend asks, which knows who is signed in."""
        return hmac.compare_digest((key or offered_key() or "").encode(), site.secret_key.encode())

    def secret_key(self) -> Site:
        """The site of a secret key. Raises Problem 401, or 403 for a write key."""
        key, sites = offered_key(), self._fresh()
        site = sites.by_secret_key(key) if key else None
        if site is not None:
            acting("secret key", site.id)
            return site
        if key and sites.by_write_key(key) is not None:
            raise Problem(403, "A write key may only track and personalize; use the site's secret key")
        raise _unknown(key)

    def admits(self, site: Site | None, origin: str) -> bool:
        """Whether a page of ``origin`` may read answers: of ``site``, or of any site before its key is known."""
        sites = [site] if site else list(self._fresh().all().values())
        return any(admitted(each.origins, origin) for each in sites)


def _unknown(key: str | None) -> Problem:
    message = "The key is not known" if key else "A key is missing: send it as `Authorization: Bearer KEY`"
    return Problem(401, message, headers=CHALLENGE)
