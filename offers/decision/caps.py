"""Frequency caps: exact, on the server, checked and counted in one atomic Redis step for all slots of a page."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from offers.audience.visitor import View
from offers.campaign.campaign import Cap
from profiles.redis.commands import RedisCommands, Script
from profiles.sansio import Steps
from profiles.session_rules import bounds, rules_of
from tracker.durations import DAY_SECONDS, MINUTE_MS
from tracker.redis_connection import REDIS_ERRORS, ResponseError, connect
from tracker.unavailable import Unavailable

CONTACT_ID = "@"
"""The name under which messages of all campaigns together are counted; no campaign has it."""
PERIODS = {"session": 1, "hour": 2, "day": 3, "week": 4, "ever": 5}
FATIGUE = (Cap(limit=30, per="session"), Cap(limit=60, per="day"))
"""The default limit of offers of all standard campaigns together. Fallbacks and overrides do not count."""
CONTACT = (Cap(limit=1, per="day"), Cap(limit=3, per="week"))
"""The default limit of messages of marketing to one person, over all channels."""
MESSAGES_KEPT = 16
"""Messages to one visitor that are recognised when they are decided about again."""
CAMPAIGNS_KEPT = 200
"""Campaigns whose counts one visitor's key holds; those shown longest ago are removed first."""
KEEP_SECONDS, KEEP_EVER_SECONDS = 8 * DAY_SECONDS, 400 * DAY_SECONDS
"""A week's caps need eight days; with an "ever" cap, as long as the visitor's cookie lives."""
ABSORBED_KEPT = 10_000
CLOCK_SLACK_MS = MINUTE_MS
"""A session that began so little after a visitor's last request may be the same one: browsers' clocks differ."""
PAUSE_SECONDS = 1.0
"""How long Redis is not asked after a failure."""

RETURNED_KEPT, RETURNED_AGE_MS = 20, 2 * MINUTE_MS
"""So many decisions of one visitor can be returned in so long."""

SCRIPT = (Path(__file__).parent / "caps.lua").read_text(encoding="utf-8")
RETURN_SCRIPT = (Path(__file__).parent / "caps_return.lua").read_text(encoding="utf-8")


class CapsUnavailable(Unavailable):
    """Whether an offer is under its caps cannot be known now."""


class CapRequest(NamedTuple):
    """A candidate for a slot. ``ghost``: it is counted as if shown, but withheld (the holdout). ``exempt``: the fatigue
    cap does not apply, and without caps of its own it is not counted. ``closes``: a ghost that leaves the slot to
    exempt campaigns only, as if it had been shown. ``message``: the id of the message that is to be sent, "" for an
    offer of a page. It counts once, against the limit of messages instead of the fatigue cap."""

    campaign: str
    caps: tuple[Cap, ...] = ()
    ghost: bool = False
    exempt: bool = False
    closes: bool = False
    message: str = ""


class Grant(NamedTuple):
    """Indexes into a slot's requests: the one to show, and the ghosts that came before it."""

    shown: int | None
    withheld: tuple[int, ...] = ()


class Caps(Protocol):
    def take(self, site: str, view: View, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
        """For each slot the first request that is under its caps, counted; no campaign twice on one page."""

    def look(self, site: str, view: View, request: CapRequest) -> Steps[bool]:
        """Whether the campaign is under its caps. Nothing is counted."""

    def give_back(
        self, site: str, then: View, campaign: str, nonce: str, exempt: bool, message: str = ""
    ) -> Steps[bool]:
        """A decision of the moment of ``then`` was not shown: it no longer counts. Whether it did: each ``nonce``
        is returned once. ``exempt``: the fatigue cap did not apply. ``message``: as in CapRequest."""


class CapStore:
    """Caps on the key ``dg:caps:{site}:{profile id}``. Raises CapsUnavailable, after ``timeout`` seconds at most."""

    def __init__(
        self,
        url: str,
        fatigue: tuple[Cap, ...] = FATIGUE,
        timeout: float = 0.05,
        clock: Callable[[], float] = time.monotonic,
        contact: tuple[Cap, ...] = CONTACT,
    ) -> None:
        self._redis = connect(url, timeout)
        self._commands, self._script = RedisCommands(self._redis), Script(SCRIPT)
        self._return_script = Script(RETURN_SCRIPT)
        self._fatigue, self._contact = _pairs(fatigue), _pairs(contact)
        self._clock, self._paused_until = clock, float("-inf")
        self._absorbed: OrderedDict[tuple[str, str, int], None] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, site: str, view: View, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
        if self._clock() < self._paused_until:
            raise CapsUnavailable("Redis failed a moment ago")
        ask = self._asked(view, slots)
        try:
            former = yield from self._former(site, view)
            arguments = [msgspec.msgpack.encode(ask), *former]
            answer = yield from self._commands.running_script(
                self._script, [_key(site, view.profile.id)], arguments
            )
            yield from self._took_over(site, view, former)
        except REDIS_ERRORS as error:
            if not isinstance(error, ResponseError):  # of one key, which tells nothing about others
                self._paused_until = self._clock() + PAUSE_SECONDS
            raise CapsUnavailable(str(error)) from error
        return [
            Grant(shown - 1 if shown else None, tuple(i - 1 for i in ghosts)) for shown, *ghosts in answer
        ]

    def look(self, site: str, view: View, request: CapRequest) -> Steps[bool]:
        ask = {**self._asked(view, [[request]]), "look": True}
        try:
            former = yield from self._former(site, view)
            arguments = [msgspec.msgpack.encode(ask), *former]
            answer = yield from self._commands.running_script(
                self._script, [_key(site, view.profile.id)], arguments
            )
        except REDIS_ERRORS as error:
            raise CapsUnavailable(str(error)) from error
        return bool(answer[0][0])

    def _asked(self, view: View, slots: Sequence[Sequence[CapRequest]]) -> dict[str, object]:
        """What the script is asked."""
        return {
            "now": view.now,
            "session": _session(view),
            "windows": windows(view),
            "fatigue": self._fatigue,
            "contact": self._contact,
            "messages": MESSAGES_KEPT,
            "keep": (KEEP_SECONDS, KEEP_EVER_SECONDS),
            "kept": CAMPAIGNS_KEPT,
            "slots": [
                [(a.campaign, a.ghost, a.exempt, _pairs(a.caps), a.closes, a.message) for a in asks]
                for asks in slots
            ],
        }

    def give_back(
        self, site: str, then: View, campaign: str, nonce: str, exempt: bool, message: str = ""
    ) -> Steps[bool]:
        told = {
            "nonce": nonce,
            "at": then.now,
            "windows": windows(then),
            "campaigns": [campaign] if exempt else [campaign, CONTACT_ID if message else ""],
            "message": message,
            "age": RETURNED_AGE_MS,
            "kept": RETURNED_KEPT,
        }
        key = _key(site, then.profile.id)
        try:
            answer = yield from self._commands.running_script(
                self._return_script, [key], [msgspec.msgpack.encode(told)]
            )
        except REDIS_ERRORS as error:
            raise CapsUnavailable(str(error)) from error
        return bool(answer)

    def forget(self, site: str, profile_id: str) -> None:
        """Erase what was counted for one profile."""
        try:
            self._redis.delete(_key(site, profile_id))
        except REDIS_ERRORS as error:
            raise CapsUnavailable(str(error)) from error

    def _former(self, site: str, view: View) -> Steps[list[bytes]]:
        """Counts of cookies and accounts that became this customer's: taken over once, so that a cap outlives it."""
        if self._absorbs(site, view) is None:
            return []
        answers = yield from self._commands.sending(*(("GET", key) for key in _cookies(site, view)))
        return [raw for raw in answers if raw]

    def _took_over(self, site: str, view: View, former: list[bytes]) -> Steps[None]:
        """They are counted as the customer's now, and no more by themselves."""
        mark = self._absorbs(site, view)
        if mark is None:
            return
        if former:
            yield from self._commands.sending(*(("DEL", key) for key in _cookies(site, view)))
        with self._lock:
            self._absorbed[mark] = None
            while len(self._absorbed) > ABSORBED_KEPT:
                self._absorbed.popitem(last=False)

    def _absorbs(self, site: str, view: View) -> tuple[str, str, int] | None:
        """What is to be remembered of it, once; None when there is nothing to take over any more."""
        profile = view.profile
        if not profile.id.startswith("u:") or not (profile.visitors or profile.parts):
            return None
        mark = (site, profile.id, hash((*profile.visitors, *profile.parts)))
        with self._lock:
            return None if mark in self._absorbed else mark


def _cookies(site: str, view: View) -> list[str]:
    profile = view.profile
    return [_key(site, name) for name in (*(f"v:{each}" for each in profile.visitors), *profile.parts)]


def windows(view: View) -> tuple[int, int, int]:
    """Numbers of the site's current hour, day and week (from Monday)."""
    day = view.local.toordinal()
    return day * 24 + view.local.hour, day, (day - 1) // 7


def _session(view: View) -> dict[str, int | str]:
    """What the script needs to tell the current session: its bounds, and since when it goes on as far as ingest
    knows, 0 when none does."""
    within, rules = bounds(view.now, rules_of(view.site), view.campaign_key), rules_of(view.site)
    return {
        "last": within.last,
        "start": within.start,
        "key": within.key,
        "gap": rules.timeout,
        "since": min((session.start for session in view.sessions), default=0),
        "slack": CLOCK_SLACK_MS,
    }


def _pairs(caps: tuple[Cap, ...]) -> list[tuple[int, int]]:
    return [(PERIODS[cap.per], cap.limit) for cap in caps]


def _key(site: str, profile_id: str) -> str:
    return f"dg:caps:{site}:{profile_id}"
