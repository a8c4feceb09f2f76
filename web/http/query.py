"""Parameters of a query string."""

from flask import request

from web.http.problem import Problem

DIGITS = 12


def whole(name: str, default: int, least: int, most: int) -> int:
    """The whole number ``?name=``. Raises Problem 400 when it is none or out of bounds."""
    text = request.args.get(name, "")
    if not text:
        return default
    plain = text.isascii() and text.isdigit() and len(text) <= DIGITS
    if not plain or not least <= int(text) <= most:
        raise Problem(400, f"{name} is a whole number from {least} to {most}", name)
    return int(text)
