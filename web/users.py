"""Who may sign in to the desk, as what, and which sites they see: one JSON file that every process reads."""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import BoundedSemaphore
from typing import Literal, get_args

import msgspec
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

Role = Literal["viewer", "marketer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what the one before may: read; change campaigns, segments and funnels; see keys, users and changes."""

PASSWORD_LIMIT = 1_000
NAME_LIMIT = 100
AT_ONCE = 2
"""Passwords checked at the same time: each takes 64 MiB, and strangers may send as many as they like."""


class UsersInvalid(Exception):
    """The users file cannot be read, or a name cannot be a user's; says why."""


class User(msgspec.Struct, frozen=True, kw_only=True):
    """``digest`` is argon2id's; no ``sites`` means all of them."""

    name: str
    digest: str
    role: Role = "viewer"
    sites: tuple[str, ...] = ()

    def may(self, role: Role) -> bool:
        """Whether they have this role or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def sees(self, site: str) -> bool:
        return not self.sites or site in self.sites


class Users:
    """All users by name. ``get`` and ``all`` pick up what another process changed."""

    def __init__(self, path: Path, hasher: PasswordHasher | None = None) -> None:
        self._path, self._hasher = path, hasher or PasswordHasher()
        self._stamp, self._users = -1, dict[str, User]()
        self._checks = BoundedSemaphore(AT_ONCE)
        self._nobody = self._hasher.hash(secrets.token_urlsafe(9))

    def all(self) -> Mapping[str, User]:
        """Raises UsersInvalid."""
        try:
            stamp = self._path.stat().st_mtime_ns
            if stamp != self._stamp:
                users = msgspec.json.decode(self._path.read_bytes(), type=list[User])
                self._users, self._stamp = {user.name: user for user in users}, stamp
        except FileNotFoundError:
            self._users, self._stamp = {}, -1
        except (msgspec.DecodeError, OSError) as error:
            raise UsersInvalid(f"{self._path}: {error}") from error
        return self._users

    def get(self, name: str) -> User | None:
        return self.all().get(name)

    def signed_in(self, name: str, password: str) -> User | None:
        """The user, when the password is theirs; as slow for a name that is nobody's."""
        user = self.get(name)
        right = self._right(user.digest if user else self._nobody, password)
        return user if right else None

    def put(self, name: str, password: str, role: Role = "viewer", sites: tuple[str, ...] = ()) -> User:
        """Add or replace a user. Raises UsersInvalid."""
        if not 0 < len(name) <= NAME_LIMIT or not name.isprintable() or name != name.strip():
            raise UsersInvalid(
                f"a user's name has 1 to {NAME_LIMIT} printable characters, none blank at its ends"
            )
        user = User(name=name, digest=self._hasher.hash(password[:PASSWORD_LIMIT]), role=role, sites=sites)
        with self._changing() as users:
            users[name] = user
        return user

    def set_password(self, name: str, password: str) -> bool:
        """Whether there is such a user; their old sessions end."""
        user = self.get(name)
        return user is not None and bool(self.put(name, password, user.role, user.sites))

    def remove(self, name: str) -> bool:
        with self._changing() as users:
            return users.pop(name, None) is not None

    def _right(self, digest: str, password: str) -> bool:
        with self._checks:
            try:
                return self._hasher.verify(digest, password[:PASSWORD_LIMIT])
            except (VerificationError, InvalidHashError):
                return False

    @contextmanager
    def _changing(self) -> Iterator[dict[str, User]]:
        """The users, to change; written back whole, one process at a time, readable by the owner only."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._stamp = -1
            users = dict(self.all())
            yield users
            draft = self._path.with_suffix(".tmp")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(list(users.values()))))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            self._stamp = -1
