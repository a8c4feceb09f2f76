"""The installation's key for addresses and links: made once, and kept in the Redis of the profiles.

It is no setting and does not change with the signing key: with another key no suppressed address would be recognised,
and no link in a mail that was sent would work. Every host reads the same one.
"""

import secrets
import threading

from messages.permission.suppression import SuppressionUnavailable
from tracker.redis_connection import connect, redis_errors

KEY = "dg:address-key"


class KeptKey:
    """Calling it gives the key: 32 bytes. Raises SuppressionUnavailable."""

    def __init__(self, url: str, timeout: float = 1.0) -> None:
        self._redis = connect(url, timeout)
        self._known: bytes | None = None
        self._lock = threading.Lock()

    def __call__(self) -> bytes:
        known = self._known
        if known is None:
            with self._lock, redis_errors("read the key of addresses", SuppressionUnavailable):
                self._redis.set(KEY, secrets.token_bytes(32), nx=True)
                known = self._known = bytes(self._redis.get(KEY) or b"")
            if not known:
                self._known = None
                raise SuppressionUnavailable("the key of addresses was removed just now")
        return known
