"""Ids: of a visitor's and a customer's profile, of the owner of a session, and of a session."""

from base64 import b32encode
from functools import lru_cache
from hashlib import blake2b

OWNER_LENGTH = 8
"""Characters of a session's id that name its owner: one visitor id, or one customer's servers."""


def order_key(order: str) -> bytes:
    """The key in the id of an order."""
    return bytes.fromhex(order[2:])


def order_id(key: bytes) -> str:
    """The id under which an order is stored that several profiles may tell of."""
    return f"o:{key.hex()}"


def visitor_id(visitor: str) -> str:
    return f"v:{visitor}"


def user_id(user: str) -> str:
    return f"u:{user}"


def is_customer(profile_id: str) -> bool:
    """Whether this is a customer's profile, not an anonymous visitor's."""
    return profile_id.startswith("u:")


@lru_cache(maxsize=1 << 17)
def owner_of(site: str, who: str) -> str:
    """OWNER_LENGTH letters for one visitor id (or ``u:`` and user id) of one site."""
    raw = blake2b(f"{site}\0{who}".encode("utf-8", "surrogatepass"), digest_size=5).digest()
    return b32encode(raw).decode().lower()


def session_id(owner: str, start: int) -> str:
    """The id of the owner's session that began at ``start`` (ms)."""
    return f"{owner}{start:x}"


def hinted_id(owner: str, hint: str) -> str:
    """The id of the owner's session that its source itself named ``hint``."""
    return f"{owner}-{blake2b(hint.encode('utf-8', 'surrogatepass'), digest_size=6).hexdigest()}"
