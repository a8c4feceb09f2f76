"""An offer in a page that a Python server renders (WSGI, standard library only).

DANGOL (http://127.0.0.1:8000) and DANGOL_SECRET_KEY are read from the environment. See docs/offers.md.
"""

import json
import os
import re
import urllib.request
import uuid
from collections.abc import Callable, Iterable
from html import escape
from typing import Any

SECONDS = float(os.environ.get("DANGOL_SECONDS", "0.2"))
OWN = "<section><h1>Our own headline</h1></section>"


def visitor(environ: dict[str, Any]) -> tuple[str, str]:
    """The visitor's id, and the Set-Cookie header where it is new. ("", "") for who does not want to be tracked."""
    if environ.get("HTTP_SEC_GPC") == "1" or environ.get("HTTP_DNT") == "1":
        return "", ""
    known = re.search(r"(?:^|; )dangol_v=([\w.~-]{1,100})(?:;|$)", environ.get("HTTP_COOKIE", ""))
    if known:
        return known[1], ""
    made = str(uuid.uuid4())
    secure = "; Secure" if environ["wsgi.url_scheme"] == "https" else ""
    return made, f"dangol_v={made}; Max-Age=34128000; Path=/; SameSite=Lax{secure}"


def requested(who: str, slot: str, url: str) -> dict[str, Any]:
    """The slot's answer; {} when there is none in time."""
    body = {"visitor": who, "page": {"url": url}, "slots": [{"id": slot, "kind": "offer"}]}
    headers = {"Authorization": f"Bearer {os.environ['DANGOL_SECRET_KEY']}"}
    request = urllib.request.Request(
        os.environ["DANGOL"] + "/v1/personalize", json.dumps(body).encode(), headers
    )
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as response:
            return json.load(response)["slots"][slot]
    except (OSError, ValueError, KeyError):
        return {}


def section(answer: dict[str, Any], slot: str) -> str:
    """The offer as HTML, or the page's own content."""
    offer = answer.get("offer")
    if not offer or "title" not in offer["content"]:
        return OWN
    told = {
        "offer": {"campaign": offer["campaign"], "variant": offer["variant"]},
        "slot": slot,
        "token": answer["token"],
    }
    link = str(offer["content"].get("link", "/"))
    link = link if link.startswith(("/", "https://")) else "/"
    return (
        f'<section data-dangol-offer="{escape(json.dumps(told))}">'
        f'<h1>{escape(str(offer["content"]["title"]))}</h1><a href="{escape(link)}">Have a look</a>'
        "<button data-dangol-dismiss>Close</button></section>"
    )


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    who, cookie = visitor(environ)
    url = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}{environ['PATH_INFO']}"
    page = section(requested(who, "hero", url) if who else {}, "hero")
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "private, no-store")]
    start_response("200 OK", headers + ([("Set-Cookie", cookie)] if cookie else []))
    return [f"<!doctype html><title>Shop</title><main>{page}</main>".encode()]


if __name__ == "__main__":
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIServer, make_server

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    make_server("127.0.0.1", int(os.environ["PORT"]), app, Server).serve_forever()
