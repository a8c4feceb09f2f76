"""Segments: their documents, and the store without Redis."""

import pytest

from offers.audience.visitor import View
from offers.segments.segment import Segment, SegmentInvalid, parse_segment
from offers.segments.store import SegmentStore, SegmentsUnavailable
from tests.support.segment_people import NOW, person
from tests.support.sites import UTC_SITE


def test_a_segment_is_checked():
    segment = parse_segment({"name": "VIP", "audience": "revenue > 1000"}, "vip")
    assert segment == Segment(id="vip", name="VIP", audience="revenue > 1000")
    for document, field in (
        ({"id": "other", "name": "VIP", "audience": ""}, "id"),
        ({"name": "", "audience": ""}, "name"),
        ({"name": "x", "audience": "revenue >"}, "audience"),
        ({"name": "x", "audience": "segment = 'y'"}, "audience"),
        ({"name": "x"}, "audience"),
        ({"name": "x", "audience": "", "colour": "red"}, "colour"),
        ({"name": 7, "audience": ""}, "name"),
        ([], ""),
    ):
        with pytest.raises(SegmentInvalid) as caught:
            parse_segment(document, "vip")
        assert caught.value.field == field


@pytest.mark.redis
def test_without_redis(own_redis, clock):
    segments = SegmentStore(own_redis.url, clock)
    own_redis.kill()
    assert segments.compiled("default").of(View(person(1), NOW, UTC_SITE)) == []
    with pytest.raises(SegmentsUnavailable):
        segments.all("default")
