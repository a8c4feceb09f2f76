"""Losses: values of an event that could not be read, or that lost something when they were stored."""

import re

import msgspec

FIELDS = (
    *("order", "refund", "product", "category", "name", "session", "user", "visitor", "group"),
    *("revenue", "total", "value", "price", "quantity", "currency", "products", "timestamp"),
    *("props", "traits", "context", "consent", "text", "url", "referrer", "title"),
)
REASONS = (
    *("missing", "unreadable", "ambiguous", "currency", "decimals", "too_large", "too_small", "too_long"),
    *("negative", "not_iso", "contradiction", "no_rate", "cut", "rounded", "placeholder"),
    *("invalid", "future", "past", "number", "text", "nested", "keys", "type"),
)
EXAMPLE_CHARACTERS = 40
"""Of a raw value, kept as an example."""
_LONG_NUMBER = re.compile(r"[0-9](?:[ ./-]?[0-9]){9}")


class Loss(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``field`` (of FIELDS) of an event was lost, or a part of it, for ``reason`` (of REASONS); ``example`` shows the
    value that was sent."""

    field: str
    reason: str
    example: str = ""


def loss(field: str, reason: str, value: object = "") -> Loss:
    """The loss of ``value``. The example is cut, and shows no e-mail address and no phone or card number: what may be
    one is shown as its shape."""
    if isinstance(value, str):
        text = value[: 2 * EXAMPLE_CHARACTERS]
    elif isinstance(value, int) and value.bit_length() > 256:
        text = "a number of hundreds of digits"
    else:
        text = str(value) if isinstance(value, int | float) else type(value).__name__
    text = "".join(each if each.isprintable() else " " for each in text).strip()
    if "@" in text or _LONG_NUMBER.search(text):
        text = "".join("9" if each.isdigit() else "a" if each.isalpha() else each for each in text)
    return Loss(field, reason, text[:EXAMPLE_CHARACTERS])
