"""Which pages may read an answer: those of the site's origins, any when it names none."""

from flask import Response, request

from tracker.sites import Site
from web.auth import Keys


def allow(response: Response, keys: Keys, site: Site | None) -> Response:
    """``response`` made readable for the page that asks, when it belongs to the site."""
    origin = request.headers.get("Origin", "")
    response.headers.add("Vary", "Origin")
    if origin and keys.admits(site, origin):
        response.headers["Access-Control-Allow-Origin"] = origin
    return response


def preflight(keys: Keys, methods: str) -> Response:
    """The answer to OPTIONS: the browser asks without a key, so the origin of any site will do."""
    response = allow(Response(status=204), keys, None)
    response.headers["Access-Control-Allow-Methods"] = f"{methods}, OPTIONS"
    response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
    response.headers["Access-Control-Max-Age"] = "86400"
    return response
