"""Two known customers become one, and two again: the request is checked here, and an event of the log says it."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from profiles.fold.merges import LOG_KEY, MERGED_MOST, merging, separating, separation_told
from profiles.ids import is_customer
from profiles.model import Profile
from profiles.store.person import account
from profiles.store.port import ProfileStore
from tracker.event import Event, encode
from tracker.log.port import EventLog, Record
from web.access.audit import concerning
from web.http.problem import Problem
from web.language import gettext as _
from web.people.lookup import find


@dataclass(frozen=True, slots=True)
class Merges:
    """Merges customers of a site and separates them. Raises Problem, LogUnavailable and ProfilesUnavailable."""

    profiles: ProfileStore
    log: EventLog
    clock: Callable[[], float]

    def pair(self, site: str, who: str, into: str) -> tuple[Profile, Profile]:
        """Whom ``who`` and ``into`` name, if the one can be merged into the other. Raises Problem 404 or 409."""
        one, other = self._customer(site, who, "id"), self._customer(site, into, "into")
        if one.id == other.id:
            raise Problem(409, _("Both ids belong to the same customer already"), "into")
        if len(one.parts) + len(other.parts) + 2 > MERGED_MOST:
            raise Problem(409, _("At most %(most)s accounts can be merged", most=MERGED_MOST), "into")
        return one, other

    def merge(self, site: str, who: str, into: str) -> tuple[str, str]:
        """Make a customer part of another: the profile ids of both. A merge that stands is said again."""
        own, above = account(self.profiles, site, who), account(self.profiles, site, into)
        if own and above and own.merged.into == above.id:
            concerning(own.id)
            concerning(above.id)
            return own.id, above.id
        one, other = self.pair(site, who, into)
        self._append(merging(site, str(uuid4()), self._now(), one.id[2:], other.id[2:]), f"{site}:{LOG_KEY}")
        return one.id, other.id

    def separate(self, site: str, who: str) -> tuple[str, str]:
        """Undo the merge of a customer: its profile id, and the one that it was part of. Raises Problem 404 or 409."""
        own = account(self.profiles, site, who)
        if own is None:
            raise Problem(404, _("Nobody is known by “%(id)s”", id=who[:100]), "id")
        above = account(self.profiles, site, own.merged.into) if own.merged.into else None
        if above is None:
            raise Problem(409, _("This customer is not merged into another"), "id")
        concerning(own.id)
        concerning(above.id)
        now, user, other = self._now(), own.id[2:], above.id[2:]
        self._append(separating(site, str(uuid4()), now, user, other), f"{site}:{LOG_KEY}")
        told = separation_told(site, str(uuid4()), now, other, user)
        self._append(told, told.key)
        return own.id, above.id

    def _customer(self, site: str, who: str, field: str) -> Profile:
        profile = find(self.profiles, site, who)
        if profile is None:
            raise Problem(404, _("Nobody is known by “%(id)s”", id=who[:100]), field)
        if not is_customer(profile.id):
            raise Problem(409, _("Only customers with an id of the shop can be merged"), field)
        return profile

    def _append(self, event: Event, key: str) -> None:
        self.log.append([Record(key, encode(event))])

    def _now(self) -> int:
        return int(self.clock() * 1000)
