"""A segment: an audience with a name, read from its document and compiled."""

import logging
from typing import NamedTuple

import msgspec

from offers.audience.audience import Audience
from offers.audience.grammar import AudienceInvalid
from offers.audience.visitor import View
from offers.campaign.campaign import CampaignInvalid
from offers.campaign.checks import ID, placed

log = logging.getLogger(__name__)


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


def compile_segments(segments: list[Segment]) -> CompiledSegments:
    audiences: list[tuple[str, Audience]] = []
    for each in segments:
        try:
            audiences.append((each.id, Audience.parse(each.audience)))
        except AudienceInvalid as error:  # written by another version of Dangol
            log.error("segment %s is not used: %s", each.id, error)
    return CompiledSegments(tuple(audiences))
