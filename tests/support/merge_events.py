"""Merges and separations of customers, as the site tells them in the log; and who is one person after them."""

from collections.abc import Iterable

from profiles.fold.merges import FROM, INTO, LOG_KEY, MERGED, SEPARATED
from tests.support.ingest_streams import event
from tracker.event import SITE, Event, encode
from tracker.log.port import Record


def merged(event_id: str, user: str, into: str, minutes: float = 0) -> Event:
    props = {INTO: into}
    return event(event_id, minutes, None, user, type="alias", name=MERGED, props=props, sender=SITE)


def separated(event_id: str, user: str, other: str, minutes: float = 0) -> Event:
    props = {FROM: other}
    return event(event_id, minutes, None, user, type="alias", name=SEPARATED, props=props, sender=SITE)


def acting(one: Event) -> Record:
    """As the site appends it: all merges of a site in one partition."""
    return Record(f"{one.site}:{LOG_KEY}", encode(one))


class People:
    """The oracle: whose part each customer is, one link at a time."""

    def __init__(self) -> None:
        self.into: dict[str, str] = {}

    def root(self, user: str) -> str:
        while user in self.into:
            user = self.into[user]
        return user

    def merge(self, user: str, into: str) -> bool:
        if user in self.into or self.root(into) == user or user == into:
            return False
        self.into[user] = into
        return True

    def separate(self, user: str) -> str:
        return self.into.pop(user, "")

    def groups(self, users: Iterable[str]) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for user in users:
            found.setdefault(self.root(user), set()).add(user)
        return found
