"""What a person says of messages: into the profile at once, so that the next claim sees it, and into the event log."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from profiles.consent.record import note, wish
from profiles.consent.statement import statement_of
from profiles.model import Profile
from profiles.store.port import ProfileStore
from tracker.event import SITE, Event, EventType, encode
from tracker.log.port import EventLog, Record
from tracker.sites import Site

Said = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """Writes what somebody said down. Ingest, which reads the event later, adds nothing."""

    profiles: ProfileStore
    log: EventLog
    clock: Callable[[], float]

    def say(self, site: Site, profile: Profile, *said: Said, told: Sequence[Event] = ()) -> None:
        """Consent events with these properties, of now. ``told`` are further events for the log."""
        events = [consent_event(site, profile, each, self.now()) for each in said]
        for each in (profile.id, *profile.parts):
            self.profiles.update(site.id, each, partial(heard, events=events))
        self.append([*events, *told])

    def append(self, events: Sequence[Event]) -> None:
        """The event log keeps it, and every copy of the profile hears of it, a rebuilt one too."""
        records = [Record(each.key, encode(each)) for each in events if each.visitor or each.user]
        if records:
            self.log.append(records)

    def now(self) -> int:
        return int(self.clock() * 1000)


def heard(profile: Profile, events: Sequence[Event]) -> Profile:
    """The profile after these consent events, in place."""
    for each in events:
        said = statement_of(each)
        note(profile, said.answers)
        wish(profile, said.wish)
    return profile


def consent_event(site: Site, profile: Profile, said: Said, now: int) -> Event:
    """The event of what somebody chose at ``now`` (ms)."""
    return site_event(site, profile, "consent", "", said, now, str(uuid.uuid4()))


def told_event(site: Site, profile: Profile, name: str, props: Said, now: int, event_id: str = "") -> Event:
    """A tracked event by the site itself. It is no visit."""
    return site_event(site, profile, "track", name, props, now, event_id or str(uuid.uuid4()))


def site_event(
    site: Site, profile: Profile, kind: EventType, name: str, props: Said, now: int, event_id: str
) -> Event:
    """A customer speaks as themselves, whatever cookie they had last; a browser that only claims to be one, as
    itself."""
    return Event(
        site=site.id,
        id=event_id,
        type=kind,
        name=name,
        visitor=None if profile.user else profile.visitors[-1] if profile.visitors else None,
        user=profile.user,
        proven=bool(profile.user),
        sender=SITE,
        ts=now,
        received=now,
        props=dict(props),
        source="api",
    )
