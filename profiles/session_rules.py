"""How long a visit (session) lasts: the one place that decides whether a moment still belongs to a session.

A session ends after a time without an event, at a maximal length, when another campaign or click id brings the
visitor, and at midnight of the site's timezone where the site wants that (DESIGN §6). ``profiles.fold.sessions``
places events by these rules; offers, recommendations and pages ask ``going_on`` what the current visit is.
"""

from datetime import UTC, datetime, tzinfo

import msgspec

from profiles.ids import OWNER_LENGTH
from profiles.model import Profile, Session
from tracker.durations import DAY_MS, HOUR_MS, MINUTE_MS
from tracker.sites import Site


class SessionRules(msgspec.Struct, frozen=True):
    """When a session ends. Milliseconds; ``midnight`` is the zone whose midnight splits, or None."""

    timeout: int = 30 * MINUTE_MS
    longest: int = DAY_MS
    by_campaign: bool = True
    midnight: tzinfo | None = None


DEFAULT = SessionRules()


class SessionBounds(msgspec.Struct, frozen=True, gc=False):
    """What a session must be like for a moment to belong to it: its last event at ``last`` or later, its start at
    ``start`` or later (ms), and its campaign key ``key``, "" for any."""

    last: int
    start: int
    key: str = ""


def rules_of(site: Site) -> SessionRules:
    return SessionRules(
        site.session_timeout_minutes * MINUTE_MS,
        site.session_max_hours * HOUR_MS,
        site.session_split_campaign,
        site.zone if site.session_split_midnight else None,
    )


def splits(start: int, last: int, campaign: str, ts: int, key: str, rules: SessionRules) -> bool:
    """Whether an event at ``ts`` with the campaign or click id ``key`` ("" for none) begins a new session after the
    one from ``start`` to ``last`` (ms) that began with ``campaign``."""
    if ts - last > rules.timeout or ts - start >= rules.longest:
        return True
    if key and rules.by_campaign and key != campaign and ts > start:
        return True
    return rules.midnight is not None and _day(start, rules.midnight) != _day(ts, rules.midnight)


def over(session: Session, ts: int, rules: SessionRules, key: str = "") -> bool:
    """Whether the session has ended before ``ts`` (ms), at which nothing is known to have happened in it."""
    if session.hint:  # named by its source: only silence ends it
        return ts - session.last > rules.timeout
    return splits(session.start, session.last, session.campaign, ts, key, rules)


def bounds(now: int, rules: SessionRules, key: str = "") -> SessionBounds:
    """The bounds of a session that ``now`` (ms) belongs to, for code that cannot call ``splits`` (the Lua script of
    frequency caps). They hold for sessions that began before ``now``."""
    start = now - rules.longest + 1
    if rules.midnight is not None:
        local = datetime.fromtimestamp(now / 1000, UTC).astimezone(rules.midnight)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        start = max(start, int(midnight.timestamp() * 1000))
    return SessionBounds(now - rules.timeout, start, key if rules.by_campaign else "")


def going_on(profile: Profile, now: int, rules: SessionRules, key: str = "") -> list[Session]:
    """The sessions that ``now`` (ms) belongs to, the newest first: none, one, or one for each device in use.

    ``key`` is the campaign or click id that brings the visitor now. A session whose last event lies further in
    the future than the timeout came from a wrong clock: ``now`` does not belong to it.
    """
    found: list[Session] = []
    owners: set[str] = set()
    for session in reversed(profile.sessions):
        owner = session.id[:OWNER_LENGTH]
        if owner in owners:
            continue  # a later session of the same owner ended this one
        owners.add(owner)
        if session.last > now + rules.timeout:
            continue
        if not over(session, max(now, session.last), rules, key):
            found.append(session)
    return found


def _day(ts: int, zone: tzinfo) -> int:
    return datetime.fromtimestamp(ts / 1000, UTC).astimezone(zone).toordinal()
