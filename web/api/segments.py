"""Segments over HTTP: named audiences, how many belong, and how far the evaluation of everybody has come."""

from typing import Any

from flask import Blueprint, Response

from offers.segments.membership import Progress
from offers.segments.segment import Segment, parse_segment
from tracker.sites import Site
from web.http.json_body import answer, body
from web.http.problem import Problem
from web.http.site_keys import Keys
from web.stores import Stores

BODY_LIMIT = 64 * 1024


def segments_blueprint(stores: Stores, keys: Keys) -> Blueprint:
    blueprint = Blueprint("segments", __name__)
    store = stores.segments.store

    @blueprint.get("/v1/segments")
    def listed() -> Response:
        site, version = keys.secret_key(), store.version
        progress = stores.segments.progress.read(site.id)
        return answer(
            {
                "segments": [document(each, progress) for each in store.all(site.id)],
                "evaluation": evaluation(progress, version(site.id)),
            }
        )

    @blueprint.get("/v1/segments/<segment_id>")
    def one(segment_id: str) -> Response:
        site = keys.secret_key()
        return answer(document(_found(site, segment_id), stores.segments.progress.read(site.id)))

    @blueprint.put("/v1/segments/<segment_id>")
    def put(segment_id: str) -> Response:
        site = keys.secret_key()
        segment = parse_segment(body(dict[str, object], BODY_LIMIT), segment_id)
        store.put(site.id, segment)
        return answer(document(segment, None))

    @blueprint.delete("/v1/segments/<segment_id>")
    def delete(segment_id: str) -> Response:
        if not store.delete(keys.secret_key().id, segment_id):
            raise _missing(segment_id)
        return Response(status=204)

    def _found(site: Site, segment_id: str) -> Segment:
        segment = store.get(site.id, segment_id)
        if segment is None:
            raise _missing(segment_id)
        return segment

    return blueprint


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
        "changed": progress.changed,
        "started": progress.started,
        "finished": progress.finished,
    }


def _missing(segment_id: str) -> Problem:
    return Problem(404, f"There is no segment {segment_id[:100]!r}", "id")
