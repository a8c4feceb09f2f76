"""Search terms: by what a profile can be found, and what an agent's words may mean. Both are made here, to agree.

E-mail addresses, telephone numbers and orders are found whole, by a digest; names word by word.
"""

import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import Literal, NamedTuple

from profiles.fold.orders import named_order_key
from profiles.model import Profile

By = Literal["id", "e-mail", "phone", "order", "name", "similar name"]
"""What of a person the words agreed with, the surest first."""

NAMES = ("name", "firstName", "lastName", "first_name", "last_name", "nickname", "company")
PHONES = ("phone", "mobile", "phoneNumber", "phone_number", "mobilePhone", "telephone")
DIGEST_BYTES = 7
PHONE_DIGITS = 9
"""The last digits of a number, the same with a country's prefix and with a leading 0."""
LAST_DIGITS = 4
"""What people say of a number when they are asked."""
ORDERS_FOUND = 50
"""The newest orders of a person by which they are found."""
WORDS_KEPT, WORD_CHARACTERS = 8, 40
TEXT_LIMIT = 200


class Terms(NamedTuple):
    """``exact``: digests of what is found whole. ``words``: those of the name."""

    exact: frozenset[bytes] = frozenset()
    words: frozenset[str] = frozenset()


NONE = Terms()


class Sought(NamedTuple):
    """What an agent's text may mean: a digest with what it is one of, and the words of a name in order."""

    exact: tuple[tuple[By, bytes], ...]
    words: tuple[str, ...]


def terms_of(profile: Profile) -> Terms:
    """The terms of one account."""
    exact = {_digest(kind, value) for kind, value in _whole(profile)}
    newest = islice(reversed(profile.orders), ORDERS_FOUND)
    exact.update(_digest("order", key.hex()) for key in newest)
    return Terms(frozenset(exact), frozenset(_words_of(profile)))


def source_of(profile: Profile) -> int:
    """A number that changes when ``terms_of`` may: much cheaper than the terms themselves."""
    traits = profile.traits
    said = tuple(str(traits[name]) for name in (*NAMES, *PHONES, "email") if name in traits)
    return hash((said, len(profile.orders), next(reversed(profile.orders), b"")))


def sought(text: str) -> Sought:
    """What ``text`` may mean."""
    text = " ".join(text.split())[:TEXT_LIMIT]
    exact: list[tuple[By, bytes]] = []
    if text:
        exact.append(("order", _digest("order", named_order_key(text).hex())))
    if "@" in text:
        exact.append(("e-mail", _digest("email", _email(text))))
        return Sought(tuple(exact), ())
    if text and " " not in text:
        exact.append(("e-mail", _digest("mailbox", _plain(text))))
    digits = _digits(text)
    if len(digits) >= LAST_DIGITS and not any(each.isalpha() for each in text):
        kind = "phone" if len(digits) > LAST_DIGITS else "last digits"
        exact.append(("phone", _digest(kind, digits[-PHONE_DIGITS:])))
        return Sought(tuple(exact), ())
    return Sought(tuple(exact), tuple(islice(_words(text), WORDS_KEPT)))


def _whole(profile: Profile) -> Iterator[tuple[str, str]]:
    email = profile.traits.get("email")
    if isinstance(email, str) and email.strip():
        plain = _email(email)
        yield "email", plain
        yield "mailbox", plain.rpartition("@")[0] or plain
    for name in PHONES:
        digits = _digits(str(profile.traits.get(name) or ""))
        if len(digits) > LAST_DIGITS:
            yield "phone", digits[-PHONE_DIGITS:]
        if len(digits) >= LAST_DIGITS:
            yield "last digits", digits[-LAST_DIGITS:]


def _words_of(profile: Profile) -> Iterator[str]:
    """The words of the names, and those of one name written as one where scripts leave the space out: 김 민준 is found
    by 김민준, too."""
    for name in NAMES:
        told = profile.traits.get(name)
        if not isinstance(told, str):
            continue
        words = list(islice(_words(told[:TEXT_LIMIT]), WORDS_KEPT))
        yield from words
        if 1 < len(words) <= 3 and not told.isascii():
            yield "".join(words)[:WORD_CHARACTERS]


def _words(text: str) -> Iterator[str]:
    plain = _plain(text)
    for word in "".join(each if each.isalnum() else " " for each in plain).split():
        yield word[:WORD_CHARACTERS]


def _email(text: str) -> str:
    return _plain(text.strip().removeprefix("mailto:").strip("<>"))


def _plain(text: str) -> str:
    """In any case and any form of the same letters; without accents on Latin letters, as people type them."""
    split = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(each for each in split if not 0x300 <= ord(each) <= 0x36F)
    return unicodedata.normalize("NFC", bare)


def _digits(text: str) -> str:
    """Of any script; letters in between (an extension) end the number."""
    return "".join(str(unicodedata.digit(each)) for each in text[:40] if each.isdigit())


@lru_cache(maxsize=1 << 12)
def _digest(kind: str, value: str) -> bytes:
    """DIGEST_BYTES of what is found whole; a digest also hides it in the index."""
    said = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
    return blake2b(said, digest_size=DIGEST_BYTES).digest()
