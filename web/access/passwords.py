"""Passwords of the desk: which are accepted, how they are stored (argon2id), and whether one is right."""

import secrets
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

PASSWORD_LEAST, PASSWORD_LIMIT = 10, 1_000
AT_ONCE = 2
"""Passwords checked at the same time: each takes 64 MiB, and strangers may send as many as they like."""


class PasswordInvalid(ValueError):
    """The password is easily guessed; says why."""


class Passwords:
    """Makes and checks the digests of passwords."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._checks = BoundedSemaphore(AT_ONCE)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(9))

    def digest(self, password: str) -> str:
        return self._hasher.hash(password[:PASSWORD_LIMIT])

    def matches(self, digest: str | None, password: str) -> bool:
        """Whether ``digest`` was made of ``password``. Without one (no such user) it takes as long and is False."""
        with self._checks:
            try:
                return self._hasher.verify(digest or self._nobody, password[:PASSWORD_LIMIT])
            except (VerificationError, InvalidHashError):
                return False


def check_password(name: str, password: str) -> None:
    """Raises PasswordInvalid. Length is what counts (NIST SP 800-63B); a name or one repeated character has none."""
    if not PASSWORD_LEAST <= len(password) <= PASSWORD_LIMIT or len(set(password)) < 4:
        raise PasswordInvalid(f"a password has at least {PASSWORD_LEAST} characters, not all alike")
    if name.lower() in password.lower() and len(password) < len(name) + PASSWORD_LEAST:
        raise PasswordInvalid("a password is more than the user's name")
