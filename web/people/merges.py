"""Two known customers become one, and two again: the request is checked here, and an event of the log says it."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from profiles.fold.merges import FROM, INTO, MERGED, MERGED_MOST, SEPARATED
from profiles.ids import is_customer
from profiles.model import Profile
from profiles.store.person import account
from profiles.store.port import ProfileStore
from tracker.event import SITE, Event, encode
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
        self._append(site, _event(site, self._now(), MERGED, one.id, {INTO: other.id[2:]}), acts=True)
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
        self._append(site, _event(site, self._now(), SEPARATED, own.id, {FROM: above.id[2:]}), acts=True)
        told = _event(site, self._now(), SEPARATED, above.id, {"separated": own.id[2:]})
        self._append(site, told, acts=False)
        return own.id, above.id

    def _customer(self, site: str, who: str, field: str) -> Profile:
        profile = find(self.profiles, site, who)
        if profile is None:
            raise Problem(404, _("Nobody is known by “%(id)s”", id=who[:100]), field)
        if not is_customer(profile.id):
            raise Problem(409, _("Only customers with an id of the shop can be merged"), field)
        return profile

    def _append(self, site: str, event: Event, *, acts: bool) -> None:
        """What merges or separates stands in one partition for all customers of the site, so that nobody sees the one
        before the other."""
        self.log.append([Record(f"{site}:#merges" if acts else event.key, encode(event))])

    def _now(self) -> int:
        return int(self.clock() * 1000)


def _event(site: str, now: int, name: str, profile_id: str, props: dict[str, str]) -> Event:
    return Event(
        site=site,
        id=str(uuid4()),
        type="alias",
        name=name,
        user=profile_id[2:],
        ts=now,
        received=now,
        source="api",
        props=props,
        proven=True,
        sender=SITE,
    )
