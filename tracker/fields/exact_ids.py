"""Ids that arrive as numbers or texts, as exact texts: two ids never become one."""

from decimal import Decimal
from hashlib import blake2b
from typing import Literal

ID_CHARACTERS = 200
EXACT_FLOATS = 2**53
"""Up to it a float holds every whole number; beyond, its digits may not be those that were sent."""

IdReason = Literal["", "missing", "unreadable", "cut", "rounded"]
"""What is wrong with an id: absent or blank; no number and no text; too long, so that it ends in a digest; a number
that was rounded on its way."""


def exact_id(value: object, limit: int = ID_CHARACTERS) -> tuple[str, IdReason]:
    """``value`` as the text of an id of at most ``limit`` characters, "" for none, and what is wrong with it.

    A number is written in digits: 10000001.0 is the id 10000001. A text stays as it is, without spaces around it; one
    that is too long ends in a digest of the whole.
    """
    if isinstance(value, str):
        return _bounded(value.strip(), limit)
    if value is None:
        return "", "missing"
    if isinstance(value, int) and not isinstance(value, bool):
        return _bounded(str(value) if value.bit_length() < 4096 else hex(value), limit)
    if isinstance(value, float) and abs(value) < float("inf"):
        if value.is_integer():
            text, reason = _bounded(str(int(value)), limit)
            return text, reason or ("rounded" if abs(value) > EXACT_FLOATS else "")
        return _bounded(f"{Decimal(repr(value)):f}", limit)
    return "", "unreadable"


def _bounded(text: str, limit: int) -> tuple[str, IdReason]:
    if len(text) <= limit:
        return text, "" if text else "missing"
    digest = blake2b(text.encode(errors="surrogatepass"), digest_size=12).hexdigest()
    return f"{text[: limit - len(digest) - 1]}~{digest}", "cut"
