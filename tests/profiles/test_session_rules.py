"""How long a visit lasts: the bounds that others compare with say the same as the rule itself."""

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiles.model import Profile, Session, Touch
from profiles.session_rules import SessionRules, bounds, going_on, rules_of, splits
from tests.support.sites import site_with

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_795_003_200_000  # 2026-11-18 12:00 UTC
ZONES = [None, *map(ZoneInfo, ("UTC", "Asia/Seoul", "America/New_York", "America/Santiago", "Africa/Cairo"))]


@given(
    now=st.integers(NOW - 300 * DAY, NOW + 300 * DAY),
    before=st.integers(0, 40 * HOUR),
    lasted=st.integers(0, 40 * HOUR),
    campaign=st.sampled_from(["", "spring", "summer"]),
    key=st.sampled_from(["", "spring"]),
    rules=st.builds(
        SessionRules,
        timeout=st.sampled_from([MINUTE, 30 * MINUTE, 24 * HOUR]),
        longest=st.sampled_from([HOUR, 24 * HOUR]),
        by_campaign=st.booleans(),
        midnight=st.sampled_from(ZONES),
    ),
)
def test_bounds_say_what_the_rule_says(
    now: int, before: int, lasted: int, campaign: str, key: str, rules: SessionRules
) -> None:
    start = now - before - 1
    last = min(now, start + lasted)
    within = bounds(now, rules, key)
    holds = last >= within.last and start >= within.start and within.key in ("", campaign)
    assert holds is not splits(start, last, campaign, now, key, rules)


def test_the_rules_are_the_sites() -> None:
    site = site_with(
        timezone="Asia/Seoul", session_timeout_minutes=60, session_max_hours=2, session_split_midnight=True
    )
    assert rules_of(site) == SessionRules(HOUR, 2 * HOUR, True, ZoneInfo("Asia/Seoul"))
    assert rules_of(site_with()) == SessionRules()
    assert not rules_of(site_with(session_split_campaign=False)).by_campaign


def session(owner: str, start: int, last: int, campaign: str = "", hint: str = "") -> Session:
    return Session(f"{owner}{start:x}", start, last, Touch(), 1, hint=hint, campaign=campaign)


@pytest.mark.parametrize(
    ("sessions", "going"),
    [
        ([], []),
        ([session("a" * 8, NOW - HOUR, NOW - 30 * MINUTE)], [0]),
        ([session("a" * 8, NOW - HOUR, NOW - 30 * MINUTE - 1)], []),
        # Of two sessions of one browser the earlier is over, however short ago; of two devices both may go on.
        ([session("a" * 8, NOW - HOUR, NOW - 5), session("a" * 8, NOW - 4, NOW - 4, "spring")], [1]),
        ([session("a" * 8, NOW - HOUR, NOW - 5), session("b" * 8, NOW - 40, NOW - 4)], [1, 0]),
        ([session("a" * 8, NOW - 25 * HOUR, NOW - 5)], []),
        ([session("a" * 8, NOW - 25 * HOUR, NOW - 5, hint="till 4")], [0]),
        # A clock that runs a little ahead is believed, one of tomorrow is not.
        ([session("a" * 8, NOW + 5, NOW + 20 * MINUTE)], [0]),
        ([session("a" * 8, NOW + DAY, NOW + DAY)], []),
    ],
)
def test_the_sessions_going_on(sessions: list[Session], going: list[int]) -> None:
    found = going_on(Profile("v:a", sessions=sessions), NOW, SessionRules())
    assert found == [sessions[at] for at in going]


def test_another_campaign_ends_a_session() -> None:
    profile = Profile("v:a", sessions=[session("a" * 8, NOW - HOUR, NOW - 5, "spring")])
    assert going_on(profile, NOW, SessionRules(), "spring") and going_on(profile, NOW, SessionRules())
    assert not going_on(profile, NOW, SessionRules(), "summer")
    assert going_on(profile, NOW, SessionRules(by_campaign=False), "summer")
