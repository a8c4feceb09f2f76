"""The sites of one installation: their keys and settings, in one JSON file that every process reads."""

import fcntl
import logging
import re
import secrets
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from tracker import origins
from tracker.currencies import CODES
from tracker.disk import write
from tracker.durations import WEEK_MS
from tracker.fields import exchange_rates
from tracker.fields.channel_rules import ChannelRule, hosts_refused, rules_refused
from tracker.fields.decimal_marks import decimal_mark
from tracker.money import Mark

logger = logging.getLogger(__name__)


FORMER_KEY_MS = WEEK_MS
"""How long a site's former secret key still proves customers: longer than a page stays open or in a cache."""


class SitesInvalid(Exception):
    """The sites file cannot be read or changed; the message says where and why."""


Identity = Literal["proof", "trusting"]

ID = re.compile(r"\w[\w.-]*")
ID_BYTES = 64
"""An id is a part of names of files and keys, which have limits of their own."""
SESSION_TIMEOUT_MINUTES, SESSION_MAX_HOURS = 24 * 60, 24 * 7
STAGE_COUNT, STAGE_DAYS = 1_000, 10_000
"""The largest values that a site may set."""


class ShopConnection(msgspec.Struct, frozen=True):
    """How a hosted shop is connected. ``secret`` signs its webhooks; ``url``, ``key`` and ``token`` are for asking its
    REST API for orders that no webhook told ("": it is not asked)."""

    secret: str = ""
    url: str = ""
    key: str = ""
    token: str = ""


FEED = re.compile(r"https?://[^\s/]|file:///|/")
FEED_HOURS = 24 * 31
SENDER_CHARACTERS = 200
TOPICS_MOST = 20
TOPIC = re.compile(r"(?!.*[A-Z])\w[\w. -]{0,63}")
"""In lower case, as records of consent have them."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One web site. ``write_key`` is public (it is in the page); ``secret_key`` reads reports and proves who is a
    customer (``tracker.admission.proof``). Proofs by ``former_secret_key`` count until ``former_until`` (ms), since
    pages stay open.
    ``identity`` "trusting" accepts every customer id without proof, which anyone who reads the page can forge.

    ``order_limit``: an order or refund above it, in ``currency``, is set apart unless the site's server sent it; 0:
    the limit is fifty times what its buyers usually pay. ``origins`` empty means any.
    A visit (session) ends ``session_timeout_minutes`` after its last event, ``session_max_hours`` after its first one,
    with another campaign (``session_split_campaign``), and at midnight of ``timezone`` (``session_split_midnight``).
    ``locale``, such as de-CH, tells which decimal mark its amounts have where they are texts. ``rates`` convert amounts
    in other currencies into ``currency``, by the day of the event (``tracker.fields.exchange_rates``).
    ``merge_email``: accounts for which the site itself names the same e-mail are one person.
    ``regular_orders`` make a customer a regular, ``advocate_community`` reviews, shares and comments an advocate. A
    customer is at risk ``at_risk_days`` after the last event, and lost after ``lost_days``.
    ``feed``: the address or file of its product feed, which is read every ``feed_hours``.
    Visitors do not come from its ``own_hosts``, nor from ``pass_through_hosts``, such as a payment's or a sign-in's,
    each with all hosts below it. The first of ``channel_rules`` that fits an arrival decides its channel.
    ``contact`` (a telephone number or an address of mail) and ``postal_address`` stand in the messages that it sends.
    ``topics`` are what it writes about: people choose among them.
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
    regular_orders: int = 3
    advocate_community: int = 3
    at_risk_days: int = 90
    lost_days: int = 365
    identity: Identity = "proof"
    former_secret_key: str = ""
    former_until: int = 0
    order_limit: float = 0.0
    shops: dict[str, ShopConnection] = {}
    count_headless: bool = True  # the shop's own browser tests and previews count as visitors
    locale: str = ""
    merge_email: bool = False
    feed: str = ""
    feed_hours: float = 24.0
    rates: dict[str, tuple[tuple[str, float], ...]] = {}
    own_hosts: tuple[str, ...] = ()
    pass_through_hosts: tuple[str, ...] = ()
    channel_rules: tuple[ChannelRule, ...] = ()
    contact: str = ""
    postal_address: str = ""
    topics: tuple[str, ...] = ()

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def decimal_mark(self) -> Mark:
        """Nothing where ``locale`` does not tell."""
        return decimal_mark(self.locale)


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


def _keys(site: Site) -> tuple[str, str]:
    return site.write_key, site.secret_key


def _keys_refused(site: Site) -> str:
    """Why the keys of ``site`` cannot be used, such as an empty key; "" when they can."""
    for name, key in (("write_key", site.write_key), ("secret_key", site.secret_key)):
        if not key.strip():
            return f"{name} is empty"
    return "write_key and secret_key are the same" if site.write_key == site.secret_key else ""


def rotated(site: Site, secret_key: str, now: int) -> Site:
    """The site with a new secret key from ``now`` (ms) on. With 0, proofs by the former key stop counting at once."""
    former = (site.secret_key, now + FORMER_KEY_MS) if now else ("", 0)
    return msgspec.structs.replace(
        site, secret_key=secret_key, former_secret_key=former[0], former_until=former[1]
    )


def refused(site: Site) -> str:
    """What is wrong with the settings of ``site``; "" when nothing is."""
    if not ID.fullmatch(site.id) or len(site.id.encode(errors="replace")) > ID_BYTES:
        return f"an id is at most {ID_BYTES} letters, digits, '.', '_' and '-', and begins with a letter or digit"
    try:
        ZoneInfo(site.timezone)
    except (KeyError, ValueError, OSError):
        return f"there is no timezone {site.timezone[:100]!r}"
    if site.currency not in CODES:
        return f"{site.currency[:100]!r} is no currency of ISO 4217: three capital letters, such as EUR"
    if problem := exchange_rates.refused(site.rates, site.currency):
        return problem
    try:
        decimal_mark(site.locale)
    except ValueError as error:
        return str(error)
    for name in ("contact", "postal_address"):
        if len(getattr(site, name)) > SENDER_CHARACTERS:
            return f"{name} is at most {SENDER_CHARACTERS} characters"
    if len(site.topics) > TOPICS_MOST or any(not TOPIC.fullmatch(each) for each in site.topics):
        return f"topics are at most {TOPICS_MOST} words of lower-case letters, digits, '.', '_' and '-'"
    if site.feed and not FEED.match(site.feed):
        return f"{site.feed[:100]!r} is no feed: an address with http:// or https://, or the path of a file from /"
    if not 0 < site.feed_hours <= FEED_HOURS:
        return f"feed_hours is above 0 and at most {FEED_HOURS:,}"
    if not 0 < site.session_timeout_minutes <= SESSION_TIMEOUT_MINUTES:
        return f"session_timeout_minutes is 1 to {SESSION_TIMEOUT_MINUTES:,}"
    if not 0 < site.session_max_hours <= SESSION_MAX_HOURS:
        return f"session_max_hours is 1 to {SESSION_MAX_HOURS}"
    return (
        _stages_refused(site)
        or hosts_refused("own_hosts", site.own_hosts)
        or hosts_refused("pass_through_hosts", site.pass_through_hosts)
        or rules_refused(site.channel_rules)
    )


def _stages_refused(site: Site) -> str:
    for name in ("regular_orders", "advocate_community"):
        if not 0 < getattr(site, name) <= STAGE_COUNT:
            return f"{name} is 1 to {STAGE_COUNT:,}"
    if not 0 < site.at_risk_days < site.lost_days <= STAGE_DAYS:
        return f"at_risk_days is at least 1, and lost_days is more than that and at most {STAGE_DAYS:,}"
    return ""


def _origin_refused(site: Site) -> str:
    for entry in site.origins:
        if origins.parsed(entry) is None:
            return f"{entry[:100]!r} is no origin, such as https://shop.example, and no host; without any, all may"
    return ""


class Sites:
    """All sites by id and by key. ``refresh`` picks up edits made by another process. Raises SitesInvalid."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._mtime, self._checked = -1, 0.0
        self.aside: dict[str, str] = {}
        """Sites of the file that cannot be used, by id (or number in the file), and why."""
        self._entries: list[msgspec.Raw] = []
        self._numbered: list[Site | None] = []
        self._by_id: dict[str, Site] = {}
        self._by_write_key: dict[str, Site] = {}
        self._by_secret_key: dict[str, Site] = {}
        self._read_if_changed()

    def refresh(self, every: float = 0.0) -> None:
        """Read what another process has saved, looking at most once in ``every`` seconds.

        A file that cannot be read is logged, and the sites stay as they were.
        """
        now = time.monotonic()
        if now - self._checked < every:
            return
        self._checked = now
        try:
            self._read_if_changed()
        except (SitesInvalid, OSError) as error:
            logger.error("keeping the sites as they were: %s", error)

    def _read_if_changed(self) -> None:
        try:
            mtime = self.path.stat().st_mtime_ns
        except FileNotFoundError:
            return
        if mtime == self._mtime:
            return
        try:
            entries = msgspec.json.decode(self.path.read_bytes(), type=list[msgspec.Raw])
        except (msgspec.DecodeError, OSError) as error:
            raise SitesInvalid(f"{self.path}: {error}") from error
        self._index(entries)
        self._mtime = mtime

    def _index(self, entries: list[msgspec.Raw]) -> None:
        """Set invalid sites aside, so that the others work. A site that was valid before stays as it was.

        An id and a key belong to one site: to the one that had it before, else to the first of the file."""
        self._entries, before = entries, {site.id: site for site in self._numbered if site}
        self._numbered, self.aside = [], {}
        owners = self._owners(entries, before)
        for number, entry in enumerate(entries, 1):
            name, site, problem = _site(entry)
            if name and owners[name] != number:
                name, site, problem = "", None, f"entry {owners[name]} is the site {name[:100]!r} already"
            if problem:
                self.aside[name or str(number)] = problem
                logger.error("site %r is set aside: %s: %s", (name or str(number))[:100], self.path, problem)
            self._numbered.append(before.get(name) if problem else site)
        self._by_id = {site.id: site for site in self._numbered if site}
        held = {
            key: site.id for keys in (self._by_write_key, self._by_secret_key) for key, site in keys.items()
        }
        self._by_write_key, self._by_secret_key = {}, {}
        for site in sorted(
            self._by_id.values(), key=lambda site: any(held.get(k) != site.id for k in _keys(site))
        ):
            if problem := _keys_refused(site) or self._keys_taken(site):
                logger.error("site %r answers to no key: %s", site.id, problem)
                continue
            self._by_write_key[site.write_key] = self._by_secret_key[site.secret_key] = site

    @staticmethod
    def _owners(entries: list[msgspec.Raw], before: Mapping[str, Site]) -> dict[str, int]:
        """By id, the number of its entry: of several the one that was read before, else one that is valid."""
        best: dict[str, tuple[bool, bool, int]] = {}
        for number, entry in enumerate(entries, 1):
            name, site, problem = _site(entry)
            rank = (site is not None and site == before.get(name), not problem, -number)
            best[name] = max(best.get(name, rank), rank)
        return {name: -rank[-1] for name, rank in best.items()}

    def _keys_taken(self, site: Site) -> str:
        """Whether an earlier site of the file has one of its keys; "" when none has."""
        others = (self._by_write_key.get(key) or self._by_secret_key.get(key) for key in _keys(site))
        other = next((each.id for each in others if each and each.id != site.id), None)
        return f"site {other!r} has the same key" if other else ""

    def save(self, site: Site) -> None:
        """Add or replace one site, atomically and readable by the owner only. Raises SitesInvalid."""
        if problem := _keys_refused(site) or refused(site) or _origin_refused(site):
            raise SitesInvalid(f"site {site.id[:100]!r}: {problem}")
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._mtime = -1
            self._read_if_changed()
            if problem := self._keys_taken(site):
                raise SitesInvalid(f"site {site.id!r}: {problem}")
            entries: dict[str | int, msgspec.Raw] = {}
            for number, entry in enumerate(self._entries):
                name = _site(entry)[0]
                entries[number if not name or name in entries else name] = entry
            entries[site.id] = msgspec.Raw(msgspec.json.encode(site))
            write(self.path, msgspec.json.format(msgspec.json.encode(list(entries.values()))))
        self._mtime = -1
        self._read_if_changed()

    def found(self, site_id: str) -> Site | None:
        """The site; one that is set aside as the file has it. Raises SitesInvalid when that cannot be read."""
        if site_id not in self.aside:
            return self.get(site_id)
        site = next((site for name, site, _ in map(_site, self._entries) if name == site_id), None)
        if site is None:
            raise SitesInvalid(f"{self.path}: site {site_id!r}: {self.aside[site_id]}")
        return site

    def all(self) -> Mapping[str, Site]:
        return dict(self._by_id)

    def get(self, site_id: str) -> Site | None:
        return self._by_id.get(site_id)

    def by_write_key(self, key: str) -> Site | None:
        return self._by_write_key.get(key)

    def by_secret_key(self, key: str) -> Site | None:
        return self._by_secret_key.get(key)

    def by_key(self, key: str) -> Site | None:
        """The site of a write key or a secret key, both of which may collect."""
        return self._by_write_key.get(key) or self._by_secret_key.get(key)

    def by_any_name(self, name: str) -> Site | None:
        """The site that a protocol without keys means: by a key, by id, by its number from 1, or the only one."""
        if site := self.by_key(name) or self._by_id.get(name):
            return site
        if len(self._numbered) == 1:
            return self._numbered[0]
        number = int(name) if name.isdecimal() and len(name) < 6 else 0
        return self._numbered[number - 1] if 0 < number <= len(self._numbered) else None


class _Named(msgspec.Struct):
    id: str = ""


def _site(entry: msgspec.Raw) -> tuple[str, Site | None, str]:
    """An entry of the file: its id, the site, and what is wrong with it."""
    try:
        site = msgspec.json.decode(entry, type=Site)
        return site.id, site, refused(site)
    except (msgspec.ValidationError, UnicodeDecodeError) as error:
        try:
            return msgspec.json.decode(entry, type=_Named).id, None, str(error)
        except (msgspec.ValidationError, UnicodeDecodeError):
            return "", None, str(error)
