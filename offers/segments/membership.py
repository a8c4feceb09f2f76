"""Who belongs to which segments, kept on the profiles: when one is saved, and for everybody when a segment changes."""

import time
from collections.abc import Callable, Sequence
from functools import partial

import msgspec

from offers.audience.visitor import View
from offers.segments.segment import CompiledSegments
from offers.segments.store import SegmentStore, SegmentsUnavailable
from profiles.model import Profile
from profiles.redis.store import RedisProfiles
from profiles.store.port import ProfileStore, Write
from tracker.durations import DAY_SECONDS, HOUR_MS
from tracker.machine_clock import passed
from tracker.redis_connection import REDIS_ERRORS, connect
from tracker.sites import Site, Sites

REPORT_EVERY = 1_000
"""Profiles between two reports of progress."""
KEPT_SECONDS = 7 * DAY_SECONDS
AGAIN_MS = HOUR_MS
"""Days go by without an event, too: everybody is asked again after so long."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the evaluation of everybody has come. ``version``: the segments' at its start; ``changed``: profiles
    that were written; ``members`` by segment, of the profiles ``done`` so far. Times in ms."""

    started: int
    version: int = 0
    done: int = 0
    total: int = 0
    changed: int = 0
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
    """Asks everybody again. One at a time for a site: the schedule's lock sees to that."""

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
        """Ask every profile of the site and write what changed, reporting progress on the way.

        Safe beside ingest: a profile is written only onto the version that was read.
        """
        at = Progress(
            started=self._now(),
            version=self._segments.version(
                site.id
            ),  # before the segments: what changes meanwhile is due again
            total=self._profiles.count(site.id),
        )
        compiled = self._segments.fresh(site.id)
        members = {name: 0 for name, _ in compiled.audiences}
        self._progress.write(site.id, at)
        done = changed = 0
        for profile in self._profiles.scan(site.id):
            done += not profile.feeds_customer
            mine = self._of(profile, site, compiled)
            for name in () if profile.feeds_customer else mine:
                members[name] += 1
            if mine != profile.segments:
                changed += 1
                mark = partial(self._marked, site=site, compiled=compiled, together=mine)
                self._profiles.update(site.id, profile.id, mark)
            if done % REPORT_EVERY == 0:
                at = msgspec.structs.replace(
                    at, done=done, total=max(at.total, done), changed=changed, members=members
                )
                self._progress.write(site.id, at)
        at = msgspec.structs.replace(
            at, done=done, total=done, changed=changed, members=members, finished=self._now()
        )
        self._progress.write(site.id, at)
        return at

    def _marked(
        self, profile: Profile, site: Site, compiled: CompiledSegments, together: list[str]
    ) -> Profile:
        """``together``: the segments of all accounts that were merged with this one."""
        profile.segments = self._of(profile, site, compiled) if profile.alone else together
        return profile

    def _of(self, profile: Profile, site: Site, compiled: CompiledSegments) -> list[str]:
        return compiled.of(View(profile, self._now(), site))

    def _now(self) -> int:
        return int(self._clock() * 1000)


class SegmentedProfiles(RedisProfiles):
    """Profiles that are saved with the segments they then belong to: what ingest writes through."""

    def __init__(
        self, url: str, segments: SegmentStore, sites: Sites, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__(url)
        self._segments, self._sites, self._clock = segments, sites, clock

    def save(self, site: str, writes: Sequence[Write]) -> dict[str, bytes]:
        compiled, known = self._segments.compiled(site), self._sites.get(site)
        if known is not None and compiled.audiences:
            now = int(self._clock() * 1000)
            for write in writes:
                # Of merged accounts the schedule looks at all together.
                if isinstance(write.value, Profile) and write.value.alone:
                    write.value.segments = compiled.of(View(write.value, now, known))
        return super().save(site, writes)


def _key(site: str) -> str:
    return f"dg:segments-progress:{site}"
