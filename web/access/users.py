"""Who may sign in to the desk, as what, and which sites they see: one JSON file that every process reads."""

import fcntl
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, get_args

import msgspec

from tracker.disk import write
from web.access.passwords import PasswordInvalid, Passwords, check_password

Role = Literal["viewer", "marketer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what the one before may: read; change campaigns, segments and funnels; see keys, users and changes."""

NAME_LIMIT = 100

Reason = Literal["file", "name", "taken", "password", "set elsewhere", "last admin"]


class UsersInvalid(Exception):
    """The users file cannot be read, or will not be changed like that; says why, and which ``reason`` it is."""

    def __init__(self, message: str, reason: Reason = "file") -> None:
        super().__init__(message)
        self.reason = reason


class User(msgspec.Struct, frozen=True, kw_only=True):
    """``digest`` is argon2id's; no ``sites`` means all of them. ``epoch`` grows at each sign-out: a session of an
    earlier one is over, wherever its cookie is kept."""

    name: str
    digest: str
    role: Role = "viewer"
    sites: tuple[str, ...] = ()
    epoch: int = 0

    def may(self, role: Role) -> bool:
        """Whether they have this role or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)

    def sees(self, site: str) -> bool:
        return not self.sites or site in self.sites

    def manages(self, other: "User") -> bool:
        """Whether they may change ``other``: an administrator of some sites has nothing to say about those of more."""
        within = not self.sites or (bool(other.sites) and set(other.sites) <= set(self.sites))
        return self.may("admin") and within

    @property
    def rules(self) -> bool:
        """Administrator of all sites: without one, nobody could let anybody in."""
        return self.role == "admin" and not self.sites


class Users:
    """All users by name. ``get`` and ``all`` pick up what another process changed. ``fixed`` are those whose
    passwords the settings say: they are neither changed nor removed here."""

    def __init__(self, path: Path, passwords: Passwords | None = None, fixed: Collection[str] = ()) -> None:
        self._path, self._passwords, self._fixed = path, passwords or Passwords(), fixed
        self._stamp, self._users = -1, dict[str, User]()

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
        right = self._passwords.matches(user.digest if user else None, password)
        return user if right else None

    def put(self, name: str, password: str, role: Role = "viewer", sites: tuple[str, ...] = ()) -> User:
        """Add or replace a user. Raises UsersInvalid."""
        user = self._made(name, password, role, sites)
        with self._changing() as users:
            users[name] = user
        return user

    def add(self, name: str, password: str, role: Role = "viewer", sites: tuple[str, ...] = ()) -> User:
        """A user of a new name, with a password that is none of the worst. Raises UsersInvalid."""
        self._check_password(name, password)
        user = self._made(name, password, role, sites)
        with self._changing() as users:
            if name in users:
                raise UsersInvalid(f"there is a user {name!r} already", "taken")
            users[name] = user
        return user

    def change(self, name: str, role: Role, sites: tuple[str, ...]) -> bool:
        """Another role or other sites; whether there is such a user. Raises UsersInvalid."""
        with self._changing() as users:
            user = users.get(name)
            if user is not None:
                users[name] = msgspec.structs.replace(user, role=role, sites=sites)
                _check_ruled(users, user)
        return user is not None

    def set_password(self, name: str, password: str) -> bool:
        """Whether there is such a user; their old sessions end."""
        user = self.get(name)
        return user is not None and bool(self.put(name, password, user.role, user.sites))

    def end_sessions(self, name: str) -> None:
        """Every session of this user is over, on every device. Raises UsersInvalid."""
        with self._changing() as users:
            if user := users.get(name):
                users[name] = msgspec.structs.replace(user, epoch=user.epoch + 1)

    def renew(self, name: str, password: str) -> bool:
        """``set_password`` for people: raises UsersInvalid for a password that is easily guessed or set elsewhere."""
        self._check_fixed(name)
        self._check_password(name, password)
        return self.set_password(name, password)

    def remove(self, name: str) -> bool:
        """Whether there was such a user. Raises UsersInvalid for the last administrator."""
        self._check_fixed(name)
        with self._changing() as users:
            user = users.pop(name, None)
            if user is not None:
                _check_ruled(users, user)
        return user is not None

    def _made(self, name: str, password: str, role: Role, sites: tuple[str, ...]) -> User:
        if not 0 < len(name) <= NAME_LIMIT or not name.isprintable() or name != name.strip():
            message = f"a user's name has 1 to {NAME_LIMIT} printable characters, none blank at its ends"
            raise UsersInvalid(message, "name")
        return User(name=name, digest=self._passwords.digest(password), role=role, sites=sites)

    def _check_fixed(self, name: str) -> None:
        if name in self._fixed:
            message = f"{name} and the password come from the settings (DANGOL_ADMIN_PASSWORD)"
            raise UsersInvalid(message, "set elsewhere")

    def _check_password(self, name: str, password: str) -> None:
        try:
            check_password(name, password)
        except PasswordInvalid as error:
            raise UsersInvalid(str(error), "password") from error

    @contextmanager
    def _changing(self) -> Iterator[dict[str, User]]:
        """The users, to change; written back whole, one process at a time, readable by the owner only."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._stamp = -1
            users = dict(self.all())
            yield users
            write(self._path, msgspec.json.format(msgspec.json.encode(list(users.values()))))
            self._stamp = -1


def _check_ruled(users: Mapping[str, User], changed: User) -> None:
    if changed.rules and not any(user.rules for user in users.values()):
        raise UsersInvalid("there must be an administrator of all sites", "last admin")
