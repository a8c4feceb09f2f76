"""Segments over HTTP: named audiences, how many belong, and how far the evaluation of everybody has come."""

from dataclasses import dataclass
from typing import Any

from flask import Response

from offers.segments.membership import Progress, ProgressStore
from offers.segments.segment import Segment, parse_segment
from offers.segments.store import SegmentStore
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.routes import Routes, delete, get, put
from web.http.site_keys import Keys

BODY_LIMIT = 64 * 1024


@dataclass(frozen=True, slots=True)
class Segments:
    store: SegmentStore
    progress: ProgressStore
    keys: Keys

    def routes(self) -> Routes:
        return (
            get("/v1/segments", self.listed),
            get("/v1/segments/<segment_id>", self.one),
            put("/v1/segments/<segment_id>", self.put),
            delete("/v1/segments/<segment_id>", self.delete),
        )

    def listed(self) -> Response:
        site = self.keys.secret_key().id
        progress = self.progress.read(site)
        segments = [document(each, progress) for each in self.store.all(site)]
        return answer({"segments": segments, "evaluation": evaluation(progress, self.store.version(site))})

    def one(self, segment_id: str) -> Response:
        site = self.keys.secret_key().id
        segment = self.store.get(site, segment_id)
        if segment is None:
            raise _missing(segment_id)
        return answer(document(segment, self.progress.read(site)))

    def put(self, segment_id: str) -> Response:
        site = self.keys.secret_key()
        segment = parse_segment(body(dict[str, object], BODY_LIMIT), segment_id)
        self.store.put(site.id, segment)
        return answer(document(segment, None))

    def delete(self, segment_id: str) -> Response:
        if not self.store.delete(self.keys.secret_key().id, segment_id):
            raise _missing(segment_id)
        return Response(status=204)


def document(segment: Segment, progress: Progress | None) -> dict[str, Any]:
    """``members``: how many belonged when everybody was asked last, None before that."""
    known = progress.members.get(segment.id) if progress else None
    return {"id": segment.id, "name": segment.name, "audience": segment.audience, "members": known}


def evaluation(progress: Progress | None, version: int) -> dict[str, Any]:
    """``state``: waiting, running or done; ``done`` of ``total`` visitors; times in ms."""
    if progress is None or (progress.finished is not None and progress.version != version):
        return {"state": "waiting" if version else "done", "done": 0, "total": 0, "finished": None}
    state = "running" if progress.finished is None else "done"
    return {
        "state": state,
        "done": progress.done,
        "total": progress.total,
        "started": progress.started,
        "finished": progress.finished,
    }


def _missing(segment_id: str) -> Problem:
    return Problem(404, f"There is no segment {segment_id[:100]!r}", "id")
