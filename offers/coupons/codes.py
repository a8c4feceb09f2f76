"""Coupon codes: how they are written, compared and made."""

import secrets
from collections.abc import Iterable

from tracker.refusal import Invalid

CODE_CHARACTERS = 64
POOL_LIMIT = 200_000
"""Codes of one pool."""
LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that look alike: 0 and O, 1 and I."""
RANDOM_CHARACTERS = 10
"""50 bits: with a whole pool issued, one guess in 5,000 million is right."""


class CouponsInvalid(Invalid):
    """A pool or code that cannot be used. ``field`` is its place."""


def plain(code: object) -> str:
    """A code as it is compared: shops and customers write it with blanks around and in either case. "" for none."""
    return code.strip().upper() if isinstance(code, str) else ""


def checked(codes: Iterable[object]) -> list[str]:
    """The codes as written, in their order, each once. Raises CouponsInvalid naming the first that is none."""
    found: dict[str, str] = {}
    for index, each in enumerate(codes):
        code = each.strip() if isinstance(each, str) else ""
        if not code or len(code) > CODE_CHARACTERS or not code.isprintable():
            raise CouponsInvalid(f"codes[{index}]", f"a code is a text of 1 to {CODE_CHARACTERS} characters")
        found.setdefault(plain(code), code)
        if len(found) > POOL_LIMIT:
            raise CouponsInvalid("codes", f"{POOL_LIMIT:,} codes is the most a pool may have")
    return list(found.values())


def new_codes(count: int, prefix: str = "") -> list[str]:
    """``count`` random codes that nobody guesses. Raises CouponsInvalid."""
    if not 1 <= count <= POOL_LIMIT:
        raise CouponsInvalid("count", f"between 1 and {POOL_LIMIT:,}")
    made: dict[str, None] = {}
    while len(made) < count:
        made[plain(prefix) + "".join(secrets.choice(LETTERS) for _ in range(RANDOM_CHARACTERS))] = None
    return checked(made)
