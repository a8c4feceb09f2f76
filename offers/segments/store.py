"""Segments: named audiences. One definition, asked at ingest, at decision and for everybody when it changes."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import msgspec

from offers.audience.audience import Audience
from offers.audience.grammar import AudienceInvalid
from offers.audience.visitor import View
from offers.campaign.campaign import CampaignInvalid
from offers.campaign.checks import ID, placed
from profiles.redis.refreshed import Refreshed, Source, number_change
from tracker.redis_connection import REDIS_ERRORS, connect
from tracker.sites import Site
from tracker.unavailable import Unavailable

log = logging.getLogger(__name__)

SEGMENTS_LIMIT = 100
REFRESH_SECONDS = 1.0


class SegmentsUnavailable(Unavailable):
    """The store cannot be reached now."""


class SegmentInvalid(CampaignInvalid):
    """A document that is no segment; ``field`` says where."""


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Who belongs: an audience with a name. It may not ask for segments itself: no circles."""

    id: str
    name: str
    audience: str


class CompiledSegments(NamedTuple):
    """A site's segments, ready to be asked."""

    audiences: tuple[tuple[str, Audience], ...] = ()

    def of(self, view: View) -> list[str]:
        """The ids of the segments this visitor belongs to, sorted."""
        return [name for name, audience in self.audiences if audience.test(view)]


class Segments(Source, Protocol):
    """What a decision needs of a segment store."""

    def known(self, site: Site) -> CompiledSegments:
        """A site's segments as last read. Asks no store."""


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
        raise SegmentInvalid(*placed(error)) from error
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
    """Segments on the hash ``dg:segments:{site}``: id → document, and field "" the version."""

    def __init__(self, url: str, clock: Callable[[], float] = time.monotonic, timeout: float = 1.0) -> None:
        self._redis = connect(url, timeout)
        self._cache: Refreshed[CompiledSegments] = Refreshed(
            self._load, CompiledSegments(), REFRESH_SECONDS, clock
        )

    def put(self, site: str, segment: Segment) -> None:
        key = _key(site)
        try:
            if not self._redis.hexists(key, segment.id) and self._redis.hlen(key) > SEGMENTS_LIMIT:
                raise SegmentInvalid("id", f"{SEGMENTS_LIMIT} segments is the most a site may have")
            with self._redis.pipeline() as pipe:
                pipe.hset(key, segment.id, msgspec.json.encode(segment))
                number_change(pipe, key)
                pipe.execute()
        except REDIS_ERRORS as error:
            raise SegmentsUnavailable(str(error)) from error

    def delete(self, site: str, segment_id: str) -> bool:
        try:
            with self._redis.pipeline() as pipe:
                pipe.hdel(_key(site), segment_id or " ")
                number_change(pipe, _key(site))
                removed = pipe.execute()[0]
        except REDIS_ERRORS as error:
            raise SegmentsUnavailable(str(error)) from error
        return bool(removed)

    def get(self, site: str, segment_id: str) -> Segment | None:
        return next((each for each in self.all(site) if each.id == segment_id), None)

    def version(self, site: str) -> int:
        """Grows with every change; 0 of a site that never had a segment. Raises SegmentsUnavailable."""
        try:
            found = self._redis.hget(_key(site), "") or b"0"
            return int(found) if found.isdigit() else 0
        except REDIS_ERRORS as error:
            raise SegmentsUnavailable(str(error)) from error

    def all(self, site: str) -> list[Segment]:
        """By id, but what another version of Dangol wrote and this one cannot read. Raises SegmentsUnavailable."""
        try:
            found = self._redis.hgetall(_key(site))
        except REDIS_ERRORS as error:
            raise SegmentsUnavailable(str(error)) from error
        return _readable(found)

    def compiled(self, site: str) -> CompiledSegments:
        """What ingest asks; at most REFRESH_SECONDS old, never raises."""
        return self._cache.get(site)

    def due(self, site: Site) -> bool:
        """Every REFRESH_SECONDS."""
        return self._cache.due(site.id)

    def refresh(self, site: Site) -> None:
        self._cache.get(site.id)

    def known(self, site: Site) -> CompiledSegments:
        return self._cache.known(site.id)

    def fresh(self, site: str) -> CompiledSegments:
        """As they are defined this very moment. Raises SegmentsUnavailable."""
        return _compiled(self.all(site))

    def _load(self, site: str, stamp: bytes | None) -> tuple[bytes | None, CompiledSegments] | None:
        current = self._redis.hget(_key(site), "")
        if current == stamp:
            return None
        return current, _compiled(_readable(self._redis.hgetall(_key(site))))


def _readable(found: Mapping[bytes, bytes]) -> list[Segment]:
    segments = []
    for name, raw in sorted(found.items()):
        try:
            segments += [msgspec.json.decode(raw, type=Segment)] if name else []
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("segment %s cannot be read: %s", name, error)
    return segments


def _compiled(segments: list[Segment]) -> CompiledSegments:
    audiences: list[tuple[str, Audience]] = []
    for each in segments:
        try:
            audiences.append((each.id, Audience.parse(each.audience)))
        except AudienceInvalid as error:  # written by another version of Dangol
            log.error("segment %s is not used: %s", each.id, error)
    return CompiledSegments(tuple(audiences))


def _key(site: str) -> str:
    return f"dg:segments:{site}"
