"""The secrets of one installation, made once and kept in the data folder, readable by its owner only."""

import os
import secrets
from pathlib import Path

import msgspec
from werkzeug.security import check_password_hash, generate_password_hash

from dangol.settings import Settings
from tracker.sites import Site, Sites, new_site


def kept(path: Path, fresh: str) -> str:
    """The text in ``path``; ``fresh`` is written there first when the file is not there. Safe between processes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(fd, "w") as file:
        file.write(fresh)
        file.flush()
        os.fsync(file.fileno())
    return fresh


def signing_key(settings: Settings) -> bytes:
    """The key that signs desk logins and offer tokens."""
    return (settings.signing_key or kept(settings.folder / "signing.key", secrets.token_urlsafe(48))).encode()


class AdminPassword:
    """The password of the desk's user ``admin``: the setting, else one generated once and kept as a hash."""

    def __init__(self, settings: Settings) -> None:
        self._given = settings.admin_password
        self._path = settings.folder / "admin.hash"

    def first(self) -> str | None:
        """A new password to show once, or None when there is one already."""
        if self._given or self._path.exists():
            return None
        password = secrets.token_urlsafe(9)
        digest = generate_password_hash(password)
        return password if kept(self._path, digest) == digest else None

    def reset(self) -> str:
        """Forget the old password and make a new one."""
        self._path.unlink(missing_ok=True)
        return self.first() or ""

    def version(self) -> str:
        """Changes when the password does."""
        return self._given or (self._path.read_text() if self._path.exists() else "")

    def matches(self, password: str) -> bool:
        if self._given:
            return secrets.compare_digest(self._given.encode(), password.encode())
        try:
            return check_password_hash(self._path.read_text().strip(), password)
        except FileNotFoundError:
            return False


def ensure_default_site(settings: Settings) -> Site:
    """The site ``default`` with the keys of the settings, made or brought up to date."""
    sites = Sites(settings.sites_file)
    old = sites.get("default") or new_site("default")
    site = msgspec.structs.replace(
        old,
        write_key=settings.write_key or old.write_key,
        secret_key=settings.secret_key or old.secret_key,
        timezone=settings.timezone,
        currency=settings.currency,
        count_headless=settings.count_headless,
    )
    if site != sites.get("default"):
        sites.save(site)
    return site
