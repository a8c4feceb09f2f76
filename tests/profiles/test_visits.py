"""Visits: what a profile counts, and how its visits began, are DESIGN's words about the sorted events."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiles.encoding import codec
from profiles.fold import fold
from profiles.fold.fold import LogPosition, Settings
from profiles.model import Profile
from profiles.session_rules import SessionRules
from tests.support import visits_oracle as oracle
from tests.support.visit_histories import arrivals, histories
from tests.support.visits_oracle import Sent, visits_of
from tracker.durations import HOUR_MS, MINUTE_MS

RULES = {
    "campaigns": SessionRules(),
    "timeout only": SessionRules(by_campaign=False),
    "short": SessionRules(longest=90 * MINUTE_MS),
    "midnight": SessionRules(midnight=ZoneInfo("Asia/Seoul")),
    "all": SessionRules(timeout=20 * MINUTE_MS, longest=2 * HOUR_MS, midnight=ZoneInfo("America/New_York")),
    "long": SessionRules(timeout=5 * HOUR_MS, longest=2 * HOUR_MS, by_campaign=False),
}


def folded(sent: Sequence[Sent], rules: SessionRules, *, stored: bool = False) -> Profile:
    """The profile that has all of it. ``stored``: between two events it is trimmed, written and read."""
    profile = Profile("u:u1", user="u1")
    for number, one in enumerate(sent):
        at = LogPosition(one.event.visitor or "u1", 0, number)
        fold.apply(profile, one.event, one.facts, Settings(rules), at)
        if stored:
            fold.trim(profile)
            profile = codec.decode(codec.encode(profile))
    return profile


def held(profile: Profile) -> list[tuple[object, ...]]:
    return [(s.id, s.start, s.last, s.events, s.pageviews, s.touch) for s in profile.sessions]


def wanted(visits: Sequence[oracle.Visit]) -> list[tuple[object, ...]]:
    return [(v.id, v.start, v.last, len(v.deeds), v.pageviews, v.touch) for v in visits]


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@settings(deadline=None, max_examples=200)
@given(history=histories(), stored=st.booleans(), data=st.data())
def test_a_profile_counts_the_visits_of_the_sorted_events(
    rules: SessionRules, history: list[Sent], stored: bool, data: st.DataObject
) -> None:
    visits = visits_of(history, rules)
    for sent in (history, data.draw(arrivals(history))):
        profile = folded(sent, rules, stored=stored)
        assert held(profile) == wanted(visits)
        assert profile.counts.visits == len(visits)
        assert profile.first_touch == oracle.first_touch(visits)
        assert profile.last_touch == oracle.last_touch(visits)
