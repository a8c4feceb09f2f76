"""Which pages may read an answer: those of the site's origins, any when it names none."""

from flask import Response, request

from tracker.sites import Site
from web.http.site_keys import Keys


def allow(response: Response, keys: Keys, site: Site | None) -> Response:
    """``response`` made readable for the page that asks, when it belongs to the site."""
    for name, value in readable_by(keys, site, request.headers.get("Origin", "")).items():
        response.headers.add(name, value)
    return response


def readable_by(keys: Keys, site: Site | None, origin: str) -> dict[str, str]:
    """The headers that let a page of ``origin`` read an answer, where it may."""
    allowed = {"Access-Control-Allow-Origin": origin} if origin and keys.admits(site, origin) else {}
    return {"Vary": "Origin", **allowed}


def preflight(keys: Keys, methods: str) -> Response:
    """The answer to OPTIONS: the browser asks without a key, so the origin of any site will do."""
    response = allow(Response(status=204), keys, None)
    response.headers["Access-Control-Allow-Methods"] = f"{methods}, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Max-Age"] = "86400"
    return response
