"""Tells the event log who has to be told of their consent: a service campaign on these events writes to them."""

import time
from collections.abc import Callable

from messages.permission.notices import Notice, due_notices
from profiles.model import Profile
from profiles.store.port import ProfileStore
from tracker.event import SITE, Event, encode
from tracker.log.port import EventLog, Record
from tracker.sites import Site

BATCH = 500


class ConsentNotices:
    """Looks at every person of a site once a day. Raises ProfilesUnavailable and LogUnavailable."""

    def __init__(self, profiles: ProfileStore, log: EventLog, clock: Callable[[], float] = time.time) -> None:
        self._profiles, self._log, self._clock = profiles, log, clock

    def run(self, site: Site) -> int:
        """How many notices are due. An event that is told again has the same id: it counts once."""
        now, told = int(self._clock() * 1000), list[Record]()
        count = 0
        for profile in self._profiles.people(site.id):
            for notice in due_notices(profile, now):
                event = notice_event(site, profile, notice, now)
                told.append(Record(event.key, encode(event)))
                count += 1
            if len(told) >= BATCH:
                self._log.append(told)
                told = []
        if told:
            self._log.append(told)
        return count


def notice_event(site: Site, profile: Profile, notice: Notice, now: int) -> Event:
    said = notice.answer
    return Event(
        site=site.id,
        id=f"notice-{notice.name}-{profile.id[:60]}-{notice.by}".replace(" ", "-")[:100],
        type="track",
        name=notice.name,
        visitor=None if profile.user else profile.id.removeprefix("v:"),
        user=profile.user,
        proven=bool(profile.user),
        sender=SITE,
        ts=now,
        received=now,
        props={
            "given": said.given,
            "givenAt": said.given_at,
            "channel": said.channel,
            "topic": said.topic,
            "source": said.source,
            "textVersion": said.text_version,
            "by": notice.by,
        },
        source="api",
    )
