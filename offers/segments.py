"""Segments: named audiences. One definition, asked at ingest, at decision and for everybody when it changes."""

import time
from collections.abc import Callable
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from offers.audience import Audience
from offers.checks import ID, CampaignInvalid
from offers.grammar import AudienceInvalid
from offers.redis import RedisError, connect
from offers.refreshed import Refreshed
from offers.view import View
from profiles.model import Profile
from profiles.store import ProfileStore
from tracker.sites import Site

SEGMENTS_LIMIT = 100
REFRESH_SECONDS = 1.0
PROGRESS_EVERY = 1_000
PROGRESS_SECONDS = 7 * 86_400


class SegmentsUnavailable(Exception):
    """The store cannot be reached now. ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class SegmentInvalid(CampaignInvalid):
    """A document that is no segment; ``field`` says where."""


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who belongs: an audience with a name. It may not ask for segments itself: no circles."""

    id: str
    name: str
    audience: str


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the evaluation of everybody has come. ``members`` by segment, of the profiles ``done`` so far."""

    started: int
    done: int = 0
    total: int = 0
    changed: int = 0
    finished: int | None = None
    members: dict[str, int] = {}


class Compiled(NamedTuple):
    """A site's segments, ready to be asked."""

    audiences: tuple[tuple[str, Audience], ...] = ()

    def of(self, profile: Profile, now: int, zone: ZoneInfo) -> list[str]:
        """The ids of the segments this visitor belongs to, sorted."""
        view = View(profile, now, zone)
        return [name for name, audience in self.audiences if audience.test(view)]


def parse_segment(document: object, segment_id: str | None = None) -> Segment:
    """Raises SegmentInvalid naming the field."""
    if not isinstance(document, dict):
        raise SegmentInvalid("", "a segment is an object")
    draft = {**document, "id": segment_id} if segment_id is not None else document
    if draft.get("id") != document.get("id", draft.get("id")):
        raise SegmentInvalid("id", "differs from the segment's address")
    try:
        segment = msgspec.convert(draft, Segment)
    except msgspec.ValidationError as error:
        raise SegmentInvalid("", str(error)) from error
    if not ID.fullmatch(segment.id):
        raise SegmentInvalid("id", "1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit")
    if not 1 <= len(segment.name.strip()) <= 200:
        raise SegmentInvalid("name", "1 to 200 characters")
    try:
        audience = Audience.parse(segment.audience)
    except AudienceInvalid as error:
        raise SegmentInvalid("audience", str(error)) from error
    if audience.asks({"segment", "segments"}):
        raise SegmentInvalid("audience", "a segment may not ask for segments")
    return segment


class SegmentStore:
    """Segments on the hash ``dg:segments:{site}``: id → document, field "" a version; progress on its own key."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic, timeout: float = 1.0) -> None:
        self._redis = connect(url, timeout)
        self._cache: Refreshed[Compiled] = Refreshed(self._load, Compiled(), REFRESH_SECONDS, clock)

    def put(self, site: str, segment: Segment) -> None:
        key = _key(site)
        try:
            if not self._redis.hexists(key, segment.id) and self._redis.hlen(key) > SEGMENTS_LIMIT:
                raise SegmentInvalid("id", f"{SEGMENTS_LIMIT} segments is the most a site may have")
            with self._redis.pipeline() as pipe:
                pipe.hset(key, segment.id, msgspec.json.encode(segment)).hincrby(key, "", 1).execute()
        except RedisError as error:
            raise SegmentsUnavailable(str(error)) from error

    def delete(self, site: str, segment_id: str) -> bool:
        try:
            with self._redis.pipeline() as pipe:
                removed, _ = pipe.hdel(_key(site), segment_id or " ").hincrby(_key(site), "", 1).execute()
        except RedisError as error:
            raise SegmentsUnavailable(str(error)) from error
        return bool(removed)

    def all(self, site: str) -> list[Segment]:
        """By id. Raises SegmentsUnavailable."""
        try:
            found = self._redis.hgetall(_key(site))
        except RedisError as error:
            raise SegmentsUnavailable(str(error)) from error
        return [msgspec.json.decode(raw, type=Segment) for name, raw in sorted(found.items()) if name]

    def compiled(self, site: str) -> Compiled:
        """What ingest and decisions ask; at most REFRESH_SECONDS old, never raises."""
        return self._cache.get(site)

    def progress(self, site: str) -> Progress | None:
        """Of the last evaluation of everybody; None when there was none."""
        try:
            raw = self._redis.get(_progress_key(site))
        except RedisError as error:
            raise SegmentsUnavailable(str(error)) from error
        return msgspec.json.decode(raw, type=Progress) if raw else None

    def report(self, site: str, progress: Progress) -> None:
        try:
            self._redis.set(_progress_key(site), msgspec.json.encode(progress), ex=PROGRESS_SECONDS)
        except RedisError as error:
            raise SegmentsUnavailable(str(error)) from error

    def _load(self, site: str, stamp: bytes | None) -> tuple[bytes | None, Compiled] | None:
        current = self._redis.hget(_key(site), "")
        if current == stamp:
            return None
        found = sorted(self._redis.hgetall(_key(site)).items())
        segments = [msgspec.json.decode(raw, type=Segment) for name, raw in found if name]
        return current, Compiled(tuple((each.id, Audience.parse(each.audience)) for each in segments))


def evaluate(
    site: Site, segments: SegmentStore, profiles: ProfileStore, clock: Callable[[], float] = time.time
) -> Progress:
    """Ask every profile of the site again and write what changed, reporting progress on the way.

    Safe beside ingest: a profile is written only onto the version that was read.
    """
    started = int(clock() * 1000)
    compiled = Compiled(tuple((each.id, Audience.parse(each.audience)) for each in segments.all(site.id)))
    total, done, changed = profiles.count(site.id), 0, 0
    members = {name: 0 for name, _ in compiled.audiences}
    for profile in profiles.scan(site.id):
        done += 1
        now = int(clock() * 1000)
        mine = compiled.of(profile, now, site.zone)
        for name in mine:
            members[name] += 1
        if mine != profile.segments:
            changed += 1
            profiles.update(site.id, profile.id, partial(_marked, compiled=compiled, now=now, zone=site.zone))
        if done % PROGRESS_EVERY == 0:
            segments.report(
                site.id,
                Progress(
                    started=started, done=done, total=max(total, done), changed=changed, members=members
                ),
            )
    finished = Progress(
        started=started, done=done, total=done, changed=changed, finished=int(clock() * 1000), members=members
    )
    segments.report(site.id, finished)
    return finished


def _marked(profile: Profile, compiled: Compiled, now: int, zone: ZoneInfo) -> Profile:
    profile.segments = compiled.of(profile, now, zone)
    return profile


def _key(site: str) -> str:
    return f"dg:segments:{site}"


def _progress_key(site: str) -> str:
    return f"dg:segments-progress:{site}"
