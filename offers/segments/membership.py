"""How many people belong to each segment, counted over everybody: when a segment changes, and again every hour."""

import time
from collections.abc import Callable

import msgspec

from offers.segments.store import SegmentStore, SegmentsUnavailable
from offers.segments.views import Views
from profiles.store.port import ProfileStore
from tracker.durations import DAY_SECONDS, HOUR_MS
from tracker.machine_clock import passed
from tracker.redis_connection import REDIS_ERRORS, connect
from tracker.sites import Site

REPORT_EVERY = 1_000
"""Profiles between two reports of progress."""
KEPT_SECONDS = 7 * DAY_SECONDS
AGAIN_MS = HOUR_MS
"""Days go by without an event, too: everybody is asked again after so long."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the evaluation of everybody has come. ``version``: the segments' at its start;
    ``members`` by segment, of the profiles ``done`` so far. Times in ms."""

    started: int
    version: int = 0
    done: int = 0
    total: int = 0
    finished: int | None = None
    members: dict[str, int] = {}


class ProgressStore:
    """Progress on the key ``dg:segments-progress:{site}``. Raises SegmentsUnavailable."""

    def __init__(self, url: str, timeout: float = 1.0) -> None:
        self._redis = connect(url, timeout)

    def read(self, site: str) -> Progress | None:
        """Of the last evaluation of everybody; None when there was none."""
        try:
            raw = self._redis.get(_key(site))
        except REDIS_ERRORS as error:
            raise SegmentsUnavailable(str(error)) from error
        try:
            return msgspec.json.decode(raw, type=Progress) if raw else None
        except msgspec.DecodeError:  # another version's: everybody is asked again
            return None

    def write(self, site: str, progress: Progress) -> None:
        try:
            self._redis.set(_key(site), msgspec.json.encode(progress), ex=KEPT_SECONDS)
        except REDIS_ERRORS as error:
            raise SegmentsUnavailable(str(error)) from error


class Membership:
    """Counts the members of every segment. One at a time for a site: the schedule's lock sees to that."""

    def __init__(
        self,
        segments: SegmentStore,
        progress: ProgressStore,
        profiles: ProfileStore,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._segments, self._progress, self._profiles, self._clock = segments, progress, profiles, clock

    def due(self, site: Site) -> bool:
        """Whether segments changed since everybody was asked, or that was long ago, or did not come to its end."""
        version, last = self._segments.version(site.id), self._progress.read(site.id)
        if last is None:
            return version > 0
        return (
            last.finished is None or last.version != version or passed(last.finished, self._now(), AGAIN_MS)
        )

    def run(self, site: Site) -> Progress:
        """Ask every person of the site, reporting progress on the way. Writes no profile."""
        at = Progress(
            started=self._now(),
            version=self._segments.version(
                site.id
            ),  # before the segments: what changes meanwhile is due again
            total=self._profiles.count(site.id),
        )
        members = {each.id: 0 for each in self._segments.all(site.id)}
        self._progress.write(site.id, at)
        view_of, done = Views(self._segments, self._clock).of(site), 0
        for profile in self._profiles.people(site.id):
            done += 1
            for name in view_of(profile).segments:
                members[name] = members.get(name, 0) + 1
            if done % REPORT_EVERY == 0:
                at = msgspec.structs.replace(at, done=done, total=max(at.total, done), members=members)
                self._progress.write(site.id, at)
        at = msgspec.structs.replace(at, done=done, total=done, members=members, finished=self._now())
        self._progress.write(site.id, at)
        return at

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _key(site: str) -> str:
    return f"dg:segments-progress:{site}"
