"""Segments in Redis: one hash for each site, and a counter that tells every process when to read it again."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from offers.segments.segment import CompiledSegments, Segment, SegmentInvalid, compile_segments
from profiles.redis.refreshed import Refreshed, Source, number_change
from tracker.redis_connection import REDIS_ERRORS, connect
from tracker.sites import Site
from tracker.unavailable import Unavailable

log = logging.getLogger(__name__)

SEGMENTS_LIMIT = 100
REFRESH_SECONDS = 1.0


class SegmentsUnavailable(Unavailable):
    """The store cannot be reached now."""


class Segments(Source, Protocol):
    """What a decision needs of a segment store."""

    def known(self, site: Site) -> CompiledSegments:
        """A site's segments as last read. Asks no store."""


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
        return self._cache.cached(site.id)

    def fresh(self, site: str) -> CompiledSegments:
        """As they are defined this very moment. Raises SegmentsUnavailable."""
        return compile_segments(self.all(site))

    def _load(self, site: str, stamp: bytes | None) -> tuple[bytes | None, CompiledSegments] | None:
        current = self._redis.hget(_key(site), "")
        if current == stamp:
            return None
        return current, compile_segments(_readable(self._redis.hgetall(_key(site))))


def _readable(found: Mapping[bytes, bytes]) -> list[Segment]:
    segments = []
    for name, raw in sorted(found.items()):
        try:
            segments += [msgspec.json.decode(raw, type=Segment)] if name else []
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            log.error("segment %s cannot be read: %s", name, error)
    return segments


def _key(site: str) -> str:
    return f"dg:segments:{site}"
