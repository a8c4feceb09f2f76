"""The secrets of one installation, made once and kept in the data folder, readable by its owner only."""

import secrets
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from dangol.settings import SIGNING_KEY_LEAST, Settings
from tracker.disk import create
from tracker.sites import Site, Sites, new_site, rotated

if TYPE_CHECKING:  # a tracker needs no password hashing
    from web.access.users import Users

ADMIN = "admin"


class SecretUnusable(Exception):
    """A secret that anybody could guess, or that cannot be read; the message says which, and what to do."""


def kept(path: Path, fresh: str) -> str:
    """The secret in ``path``; ``fresh`` is written there first when the file is not there. Safe between processes.

    Raises SecretUnusable for what is no secret: an empty file, say, that a full disk or an editor left.
    """
    try:
        create(path, fresh.encode())
        secret = path.read_text(encoding="ascii").strip()
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except (OSError, ValueError) as error:
        raise SecretUnusable(f"{path} cannot be read: {error}") from error
    if len(secret) < SIGNING_KEY_LEAST:
        raise SecretUnusable(
            f"{path} holds {len(secret)} characters, fewer than {SIGNING_KEY_LEAST}: restore it from a backup, or "
            "remove it for a new one (then everybody signs in to the desk again, and offers shown before do not count)"
        )
    return secret


def signing_key(settings: Settings) -> bytes:
    """The key that signs desk logins and offer tokens."""
    return (settings.signing_key or kept(settings.folder / "signing.key", secrets.token_urlsafe(48))).encode()


def ensure_admin(settings: Settings, users: "Users") -> str | None:
    """The user ``admin`` with the password of the settings; without one, a new password to show once, if there
    is no user at all."""
    given = settings.admin_password
    if given and not users.signed_in(ADMIN, given):
        users.put(ADMIN, given, "admin")
    if given or users.all():
        return None
    password = new_password()
    users.put(ADMIN, password, "admin")
    return password


def new_password() -> str:
    return secrets.token_urlsafe(9)


def ensure_default_site(settings: Settings) -> Site:
    """The site ``default`` with the keys of the settings, made or brought up to date. Raises SitesInvalid."""
    sites = Sites(settings.sites_file)
    known = sites.found("default")
    old = known or new_site("default")
    if known and settings.secret_key and settings.secret_key != known.secret_key:
        old = rotated(known, settings.secret_key, int(time.time() * 1000))
    site = msgspec.structs.replace(
        old,
        write_key=settings.write_key or old.write_key,
        secret_key=settings.secret_key or old.secret_key,
        timezone=settings.timezone,
        currency=settings.currency,
        count_headless=settings.count_headless,
    )
    if site != known:
        sites.save(site)
    return site
