"""Ids that clients send as JSON numbers, taken exactly: 10000001.0 is 10000001, and no digit of a long one is lost."""

from collections.abc import Collection
from decimal import Decimal, InvalidOperation

import msgspec

from tracker import values

DIGITS = 300
"""A number that is written with more is no id: it would exceed the limit of every one."""
_NUMBER = frozenset(b"-0123456789")
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def with_exact_ids(raw: bytes, names: Collection[str]) -> bytes:
    """``raw``, a JSON object, with the numbers among its members ``names`` as texts; ``raw`` itself where there are
    none, or where it is no object that can be read."""
    try:
        members = values.decoded(raw, _members)
    except (ValueError, RecursionError):
        return raw
    exact: dict[str, object] = {}
    for name in names:
        number = bytes(members.get(name, b"")).strip()
        if number[:1] and number[0] in _NUMBER:
            exact[name] = digits(number.decode())
    return msgspec.json.encode({**members, **exact}) if exact else raw


def digits(number: str) -> str:
    """A JSON number in digits, without an exponent and without zeros that say nothing.

    >>> digits("10000001.0"), digits("1e3"), digits("1.50")
    ('10000001', '1000', '1.5')
    """
    try:
        exact = Decimal(number)
    except InvalidOperation:
        return number
    if not exact:
        return "0"
    if len(number) > DIGITS or abs(exact.adjusted()) > DIGITS:
        return number
    text = f"{exact:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
