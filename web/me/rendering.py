"""The visitor's pages as responses: nobody else frames, caches or is told of them."""

from flask import Response, make_response, render_template, request

from web.access.security import HEADERS


def render_me(template: str, **view: object) -> Response:
    # Addresses are relative: Dangol may be served below a folder of the shop's domain.
    root = "../" * (request.path.count("/") - 1)
    response = make_response(render_template(template, root=root, **view))
    for name, value in {**HEADERS, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}.items():
        response.headers[name] = value
    return response
