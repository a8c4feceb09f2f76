"""Erases a person from every store, and keeps late events from bringing the person back.

1. ``ask``, within a request: keep the request; mark every id of the person, so that workers drop what was
   received until now, wherever it still waits; erase the live profile and what offers counted.
2. ``run``, from the schedule: everything again, by all ids that history knows, and the warehouse and the dead
   letters. It is done once more when every worker must have seen the marks: what one of them had in its hands
   when they were made, it has written by then.
3. Then the request itself goes, and Redis writes its files anew without all of this.

Each step may run twice or beside another of its kind. What failed is tried again at the next run.
"""

import logging
import time
import uuid
from collections.abc import Callable, Collection
from functools import partial
from itertools import groupby
from typing import Protocol

import msgspec

from ingest.dead_letters import DeadLetters
from profiles.erasures import RedisErased, Request
from profiles.fold.identity import forget
from profiles.ids import user_id, visitor_id
from profiles.model import Profile
from profiles.store.lookup import find
from profiles.store.port import Alias, ProfileStore, Stored, UpdateConflict, Write, follow_aliases
from tracker.durations import HOUR_MS
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

logger = logging.getLogger("dangol.history.erasure")

SETTLE_SECONDS = 30.0
"""Longer than a worker goes on trying to write what it has checked against the marks (warehouse.delta.ATTEMPTS)."""
CLOCKS_APART_MS = 1000
"""What a tracker on another machine received a moment ago, it may have stamped with a moment ahead."""
TRIES = 16

_SEEN = "select 1 from events where profile in ($one, $other) limit 1"


class Caps(Protocol):
    def forget(self, site: str, profile_id: str) -> None: ...


class Coupons(Protocol):
    def forget(self, site: str, ids: Collection[str]) -> None: ...


class Journal(Protocol):
    def erased(self, site: str, ids: Collection[str], at: int) -> None:
        """Record an erasure where the restore of a backup finds it."""


class Erasure:
    """Erases from the stores of one installation. Their errors come through: ProfilesUnavailable and its like."""

    def __init__(
        self,
        profiles: ProfileStore,
        erased: RedisErased,
        caps: Caps,
        coupons: Coupons,
        warehouse: Warehouse,
        deadletters: DeadLetters,
        settle_seconds: float = SETTLE_SECONDS,
        clock: Callable[[], float] = time.time,
        journal: Journal | None = None,
    ) -> None:
        self.profiles, self.erased, self.caps, self.coupons = profiles, erased, caps, coupons
        self.warehouse, self.deadletters = warehouse, deadletters
        self.settle_ms, self.clock, self.journal = int(settle_seconds * 1000), clock, journal

    def ask(self, site: str, who: str) -> Request | None:
        """Erase the live profile of a customer, else of a visitor, and keep the request for the rest. None when nobody
        is known by that id. ``who`` may begin with ``u:`` or ``v:``."""
        ids = self._ids(site, who)
        if not ids:
            return None
        now = self._now()
        found = [each.profile for each in self.profiles.load(site, ids).values() if each.profile]
        own = next((profile for profile in found if profile.id == ids[0]), Profile(ids[0]))
        fed = self._customers(site, own)
        at = max([now, *(_newest(profile, now) for profile in found)]) + CLOCKS_APART_MS
        request = Request(uuid.uuid4().hex, site, at, now, ids, fed)
        self._note(site, ids, request.at)
        self._promise(request)
        self.erased.forget(site, _emails(found), request.at)
        for customer in fed:
            self.profiles.update(site, customer, partial(forget, own=own))
        self._erase_live(site, ids, None)
        return request

    def again(self, site: str, ids: tuple[str, ...], at: int) -> None:
        """Repeat a request from before a restore: erase all that was received until ``at`` (ms)."""
        own = self._own(site, ids)
        fed = self._customers(site, own)
        self.erased.forget(site, _emails([own]), at)
        self._promise(Request(uuid.uuid4().hex, site, at, self._now(), ids, fed))

    def run(self) -> int:
        """Continue every request; how many are complete. A site's failure is raised after the other sites are done."""
        done, failed = 0, list[Exception]()
        for site, requests in groupby(
            sorted(self.erased.pending(), key=lambda each: each.site), lambda each: each.site
        ):
            try:
                done += self._run(site, list(requests))
            except Exception as error:
                logger.exception("site %s: erasing failed; it is tried again", site)
                failed.append(error)
        if failed:
            raise failed[0]
        return done

    def finish(self, request: Request, pause: Callable[[float], None] = time.sleep) -> None:
        """Run until this request is done: about SETTLE_SECONDS and the time that two passes over the tables take."""
        while True:
            self.run()
            left = [each for each in self.erased.pending() if each.id == request.id]
            if not left:
                return
            pause(max(0.1, (left[0].marked + self.settle_ms - self._now()) / 1000))

    def _promise(self, request: Request) -> None:
        self.erased.put(request)
        self.erased.mark(request.site, request.ids, request.at)

    def _note(self, site: str, ids: Collection[str], at: int) -> None:
        if self.journal is not None:
            self.journal.erased(site, ids, at)

    def _run(self, site: str, requests: list[Request]) -> int:
        started = self._now()
        for number, request in enumerate(requests):
            if (
                request.marked > started
            ):  # by a clock that was ahead: it settles from now on, not when that is reached
                requests[number] = msgspec.structs.replace(request, marked=started)
                self.erased.put(requests[number])
        ids = self._widen(site, requests)
        if ids:
            # One pass for all: what costs is reading the tables.
            until = max(request.at for request in requests)
            self._erase_live(site, ids, until)
            fed = {name for request in requests for name in request.fed}
            events = self.warehouse.erase(
                site, ids, until=until, browsers=bare("v:", ids) if fed else (), fed=fed
            )
            letters = self.deadletters.erase(site, bare("v:", ids), bare("u:", ids))
            logger.info("%s: erased %d events and %d dead letters", site, events, letters)
        done = [request for request in requests if request.marked + self.settle_ms <= started]
        for request in done:
            self.erased.put(msgspec.structs.replace(request, ids=()))
        if done:
            self.erased.rewrite()
        for request in done:
            self.erased.drop(request)
        return len(done)

    def _widen(self, site: str, requests: list[Request]) -> set[str]:
        """The ids of all requests, and those that only history knows: a profile names a customer's last cookies."""
        ids = {name for request in requests for name in request.ids}
        more = self.warehouse.former(site, ids) - ids if ids else set()
        if more:
            last = requests[-1]
            self._note(site, more, last.at)
            self.erased.mark(site, more, last.at)
            # They go with the newest request: marked now, so that it waits once more.
            names = tuple(sorted({*last.ids, *more}))
            requests[-1] = msgspec.structs.replace(last, ids=names, marked=self._now())
            self.erased.put(requests[-1])
        return ids | more

    def _ids(self, site: str, who: str) -> tuple[str, ...]:
        """Every id that leads to the person's profile; without one, the id that history has events of."""
        names = [who] if who.startswith(("u:", "v:")) else [user_id(who), visitor_id(who)]
        profile = find(self.profiles, site, who)
        if profile is not None:
            found = self.profiles.load(site, names)
            asked = [
                name
                for name in names
                if found[name].version and follow_aliases(found, name) in (profile.id, *profile.parts)
            ]
            return tuple(dict.fromkeys([*ids_of(self.profiles, site, profile), *asked]))
        known = self.warehouse.rows(_SEEN, Scope(site, bots=True), {"one": names[0], "other": names[-1]})
        return tuple(names) if known else ()

    def _own(self, site: str, ids: tuple[str, ...]) -> Profile:
        """The profile under the first of the ids, which may be a browser's that claims to be a customer."""
        first = "".join(ids[:1])
        return self.profiles.load(site, [first])[first].profile or Profile(first)

    def _customers(self, site: str, own: Profile) -> tuple[str, ...]:
        """Whom the browser claimed to be, as they are called now."""
        names = [user_id(user) for user in own.fed]
        found = self.profiles.load(site, names)
        return tuple(dict.fromkeys(follow_aliases(found, name) for name in names))

    def _erase_live(self, site: str, ids: Collection[str], until: int | None) -> None:
        """Profiles, the ids that lead to them, and caps. A profile that began after ``until`` is a new one."""
        found = self.profiles.load(site, ids)
        cookies = {visitor_id(v) for each in found.values() if each.profile for v in each.profile.visitors}
        for name in ids:
            root = found.get(follow_aliases(found, name), Stored())
            if follow_aliases(found, name) in ids and not (
                root.profile and until is not None and root.profile.first_seen > until
            ):
                self.profiles.erase(site, name)
            self.caps.forget(site, name)
        self.coupons.forget(site, bare("v:", ids) | bare("u:", ids))
        self._cut_ties(site, {*ids, *cookies}, ids)

    def _cut_ties(self, site: str, names: Collection[str], ids: Collection[str]) -> None:
        """Cookies that are another customer's now still name the one they were before."""
        for _ in range(TRIES):
            writes = [
                Write(name, stored.version, Alias(stored.value.target, before))
                for name, stored in self.profiles.load(site, names).items()
                if isinstance(stored.value, Alias)
                and (before := tuple(each for each in stored.value.before if each not in ids))
                != stored.value.before
            ]
            if len(self.profiles.save(site, writes)) == len(writes):
                return
        raise UpdateConflict(f"others kept changing {len(writes)} aliases")

    def _now(self) -> int:
        return int(self.clock() * 1000)


def _newest(profile: Profile, now: int) -> int:
    """Until when (ms) its events came, where a clock that was ahead stamped them and has been set right since; 0 where
    none was. The ring tells the hour by our clock alone, a visitor's own may be a day ahead."""
    if not profile.seen:
        return 0
    hour = profile.seen[-1][0] * HOUR_MS
    ahead = hour > now or (profile.last_seen > now and hour + HOUR_MS > now)
    return hour + HOUR_MS if ahead else 0


def _emails(profiles: Collection[Profile]) -> set[str]:
    """What files call these people where they have bought as guests. What a browser claims may be another's e-mail."""
    known = (profile for profile in profiles if profile.id.startswith("u:") and profile.proven)
    told = (profile.traits.get("email") for profile in known if "email" not in profile.claims)
    return {user_id(email.strip().lower()) for email in told if isinstance(email, str) and "@" in email}


def ids_of(store: ProfileStore, site: str, profile: Profile) -> list[str]:
    """The profile's id, those of accounts merged with it, and those of its cookies that lead to it, or claim to be
    theirs and would bring them back: a browser that two people share may not."""
    accounts = [profile.id, *profile.parts]
    parts = [one for each in store.load(site, accounts).values() if (one := each.profile)]
    cookies = [visitor_id(v) for one in (profile, *parts) for v in (*one.visitors, *one.claimants)]
    found = store.load(site, dict.fromkeys(cookies))
    mine = [
        name
        for name in dict.fromkeys(cookies)
        if name not in accounts and follow_aliases(found, name) in (*accounts, name)
    ]
    return [*accounts, *mine]


def bare(kind: str, ids: Collection[str]) -> set[str]:
    """The bare ids of one kind."""
    return {name[2:] for name in ids if name.startswith(kind)}
