"""Losses: values of an event that could not be read, or that lost something when they were stored."""

import re

import msgspec

EXAMPLE_CHARACTERS = 40
"""Of a raw value, kept as an example."""
_LONG_NUMBER = re.compile(r"[0-9](?:[ ./-]?[0-9]){9}")


class Loss(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """``field`` of an event was lost, or a part of it, for ``reason``; ``example`` shows the value. Field and reason
    are words of ours, the value is the sender's."""

    field: str
    reason: str
    example: str = ""


def loss(field: str, reason: str, value: object = "") -> Loss:
    """The loss of ``value``. The example is cut; it shows no e-mail address and no phone or card number: what may
    contain one is shown as its shape."""
    text = (
        value
        if isinstance(value, str)
        else str(value)
        if isinstance(value, int | float)
        else type(value).__name__
    )
    text = "".join(each if each.isprintable() else " " for each in text[:EXAMPLE_CHARACTERS]).strip()
    if "@" in text or _LONG_NUMBER.search(text):
        text = "".join("9" if each.isdigit() else "a" if each.isalpha() else each for each in text)
    return Loss(field, reason, text)
