"""The sites of one installation: their keys and settings, in one JSON file that every process reads."""

import fcntl
import logging
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from tracker.disk import write

logger = logging.getLogger(__name__)


FORMER_MS = 7 * 86_400_000
"""How long proofs by a site's former secret key count: longer than a page stays open, or in a cache."""


class SitesInvalid(Exception):
    """The sites file cannot be read; says where and why."""


Identity = Literal["proof", "trusting"]


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One web site. ``write_key`` is public (it stands in the page); ``secret_key`` reads reports, and proves who is a
    customer (``tracker.proof``). Proofs by ``former_secret_key`` count until ``former_until`` (ms): pages stay open.
    ``identity`` "trusting" believes whoever names a customer, which anyone can who reads the page.

    ``origins`` empty means any. Session settings are DESIGN §6: minutes, hours.
    """

    id: str
    write_key: str
    secret_key: str
    name: str = ""
    origins: tuple[str, ...] = ()
    timezone: str = "UTC"
    currency: str = "EUR"
    session_timeout_minutes: int = 30
    session_max_hours: int = 24
    session_split_campaign: bool = True
    session_split_midnight: bool = False
    identity: Identity = "proof"
    former_secret_key: str = ""
    former_until: int = 0
    count_headless: bool = True  # the shop's own browser tests and previews count as visitors

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


def new_site(
    site_id: str,
    write_key: str | None = None,
    secret_key: str | None = None,
    timezone: str = "UTC",
) -> Site:
    """A site with fresh random keys where none are given."""
    return Site(
        id=site_id,
        name=site_id,
        write_key=write_key or "wk_" + secrets.token_urlsafe(18),
        secret_key=secret_key or "sk_" + secrets.token_urlsafe(32),
        timezone=timezone,
    )


def _keys_refused(site: Site) -> str:
    """Why nobody may come in with the keys of ``site``; "" when they are keys."""
    for name, key in (("write_key", site.write_key), ("secret_key", site.secret_key)):
        if not key.strip():
            return f"{name} is empty"
    return "write_key and secret_key are the same" if site.write_key == site.secret_key else ""


def rotated(site: Site, secret_key: str, now: int) -> Site:
    """The site with another secret key since ``now`` (ms); 0: the former one's proofs count no more."""
    former = (site.secret_key, now + FORMER_MS) if now else ("", 0)
    return msgspec.structs.replace(
        site, secret_key=secret_key, former_secret_key=former[0], former_until=former[1]
    )


class Sites:
    """All sites by id and by key. ``refresh`` picks up edits made by another process. Raises SitesInvalid."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp, self._looked = -1, 0.0
        self._by_id: dict[str, Site] = {}
        self._by_write_key: dict[str, Site] = {}
        self._by_secret_key: dict[str, Site] = {}
        self._read_if_changed()

    def refresh(self, every: float = 0.0) -> None:
        """Take in what another process has saved, looking for it ``every`` so many seconds at most.

        An edit half done is logged, and what was read before goes on.
        """
        now = time.monotonic()
        if now - self._looked < every:
            return
        self._looked = now
        try:
            self._read_if_changed()
        except (SitesInvalid, OSError) as error:
            logger.error("keeping the sites as they were: %s", error)

    def _read_if_changed(self) -> None:
        try:
            stamp = self.path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if stamp == self._stamp:
            return
        try:
            sites = msgspec.json.decode(self.path.read_bytes(), type=list[Site])
        except (msgspec.DecodeError, OSError) as error:
            raise SitesInvalid(f"{self.path}: {error}") from error
        self._index(sites)
        self._stamp = stamp

    def _index(self, sites: list[Site]) -> None:
        self._by_id = {site.id: site for site in sites}
        usable = [site for site in sites if not _keys_refused(site)]
        for site in sites:
            if site not in usable:  # an empty key is one that everybody has
                logger.error("site %r answers to no key: %s", site.id, _keys_refused(site))
        self._by_write_key = {site.write_key: site for site in usable}
        self._by_secret_key = {site.secret_key: site for site in usable}

    def save(self, site: Site) -> None:
        """Add or replace one site, atomically and readable by the owner only. Raises SitesInvalid."""
        if problem := _keys_refused(site):
            raise SitesInvalid(f"site {site.id!r}: {problem}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._stamp = -1
            self._read_if_changed()
            sites = {**self._by_id, site.id: site}
            write(self.path, msgspec.json.format(msgspec.json.encode(list(sites.values()))))
        self._stamp = -1
        self._read_if_changed()

    def all(self) -> Mapping[str, Site]:
        return dict(self._by_id)

    def get(self, site_id: str) -> Site | None:
        return self._by_id.get(site_id)

    def by_write_key(self, key: str) -> Site | None:
        return self._by_write_key.get(key)

    def by_secret_key(self, key: str) -> Site | None:
        return self._by_secret_key.get(key)

    def by_key(self, key: str) -> Site | None:
        """The site of a write key or a secret key: whoever may collect."""
        return self._by_write_key.get(key) or self._by_secret_key.get(key)

    def by_any_name(self, name: str) -> Site | None:
        """The site that a protocol without keys means: by a key, by id, by its number from 1, or the only one."""
        if site := self.by_key(name) or self._by_id.get(name):
            return site
        sites = list(self._by_id.values())
        if len(sites) == 1:
            return sites[0]
        number = int(name) if name.isdecimal() and len(name) < 6 else 0
        return sites[number - 1] if 0 < number <= len(sites) else None
