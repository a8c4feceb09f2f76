"""Sessions: whatever the order of arrival, those of sorted order."""

import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec.structs import replace

from profiles.fold.session_cuts import Hit
from profiles.fold.sessions import LATENESS, locate, place, trim
from profiles.ids import owner_of, session_id
from profiles.model import Session, Touch
from profiles.session_rules import SessionRules
from tracker.durations import HOUR_MS, MINUTE_MS

START = 1_795_000_000_000
OWNER = owner_of("default", "a1")

RULES = {
    "timeout only": SessionRules(by_campaign=False),
    "campaigns": SessionRules(),
    "short": SessionRules(longest=90 * MINUTE_MS),
    "midnight": SessionRules(midnight=ZoneInfo("Asia/Seoul")),
    "all": SessionRules(timeout=20 * MINUTE_MS, longest=2 * HOUR_MS, midnight=ZoneInfo("America/New_York")),
}


def hit(minutes: float, key: str = "", *, pageview: bool = False) -> Hit:
    ts = START + int(minutes * MINUTE_MS)
    return Hit(ts, key, pageview, Touch(ts, "campaign", campaign=key) if key else None)


def run(hits: list[Hit], rules: SessionRules = RULES["campaigns"]) -> tuple[list[Session], int]:
    """The sessions after all hits, and how many were started in sum."""
    sessions: list[Session] = []
    return sessions, sum(place(sessions, OWNER, one, rules).started for one in hits)


def bounds(sessions: list[Session]) -> list[tuple[float, float, int]]:
    return [((s.start - START) / MINUTE_MS, (s.last - START) / MINUTE_MS, s.events) for s in sessions]


def test_a_session_ends_after_half_an_hour_without_an_event() -> None:
    sessions, started = run([hit(0), hit(30), hit(60.1)])
    assert bounds(sessions) == [(0, 30, 2), (60.1, 60.1, 1)]
    assert started == 2


def test_a_new_campaign_starts_a_session_and_the_same_one_does_not() -> None:
    sessions, _ = run([hit(0), hit(1, "spring"), hit(2, "spring"), hit(3), hit(4, "gclid:1")])
    assert bounds(sessions) == [(0, 0, 1), (1, 3, 3), (4, 4, 1)]
    assert [s.touch.campaign for s in sessions] == ["", "spring", "gclid:1"]


def test_a_session_lasts_a_day_at_most() -> None:
    sessions, _ = run([hit(20 * n) for n in range(73)])
    assert bounds(sessions) == [(0, 1420, 72), (1440, 1440, 1)]


def test_midnight_of_the_site_splits_where_the_site_wants_it() -> None:
    seoul = RULES["midnight"]
    midnight = 1_795_014_000_000  # 2026-11-19T00:00 in Seoul
    sessions: list[Session] = []
    for ts in (midnight - MINUTE_MS, midnight, midnight + MINUTE_MS):
        place(sessions, OWNER, Hit(ts), seoul)
    assert [s.start for s in sessions] == [midnight - MINUTE_MS, midnight]


def test_a_late_event_joins_the_session_its_time_belongs_to() -> None:
    sessions, started = run([hit(0), hit(10), hit(60), hit(5)])
    assert bounds(sessions) == [(0, 10, 3), (60, 60, 1)]
    assert started == 2


def test_a_late_event_joins_two_sessions_that_it_bridges_and_says_so() -> None:
    sessions, _ = run([hit(0), hit(40)])
    placed = place(sessions, OWNER, hit(20), RULES["campaigns"])
    assert bounds(sessions) == [(0, 40, 3)]
    assert placed.started == -1
    assert placed.renamed == ((session_id(OWNER, START + 40 * MINUTE_MS), session_id(OWNER, START)),)


def test_a_late_first_event_gives_the_session_its_start() -> None:
    sessions, _ = run([hit(10)])
    placed = place(sessions, OWNER, hit(0), RULES["campaigns"])
    assert bounds(sessions) == [(0, 10, 2)]
    assert (placed.started, placed.session.id) == (0, session_id(OWNER, START))
    assert placed.renamed == ((session_id(OWNER, START + 10 * MINUTE_MS), placed.session.id),)


def test_a_late_campaign_splits_the_session_it_came_into() -> None:
    sessions, started = run([hit(0, pageview=True), hit(10), hit(12, pageview=True), hit(5, "spring")])
    assert bounds(sessions) == [(0, 0, 1), (5, 12, 3)]
    assert [s.pageviews for s in sessions] == [1, 1]
    assert started == 2


def test_a_late_event_never_splits_what_is_too_old_to_be_known_event_by_event() -> None:
    sessions, _ = run([hit(0), hit(10), hit(30 * 60)])
    sessions = trim(sessions, START + 30 * HOUR_MS)
    assert sessions[0].marks == []
    placed = place(sessions, OWNER, hit(5, "spring"), RULES["campaigns"])
    assert (placed.started, bounds(sessions)[0]) == (0, (0, 10, 3))
    placed = place(sessions, OWNER, hit(30), RULES["campaigns"])
    assert (placed.started, bounds(sessions)[0]) == (0, (0, 30, 4))


def test_an_event_that_arrives_days_late_starts_no_ghost_inside_a_known_session() -> None:
    assert run([hit(0), hit(10), hit(72 * 60), hit(6)])[1] == 2


HITS = st.lists(
    st.builds(
        hit,
        st.integers(0, 16).map(lambda n: n * 7.5) | st.floats(0, 23 * 60),
        st.sampled_from(["", "", "", "", "spring", "gclid:1"]),
        pageview=st.booleans(),
    ),
    max_size=9,
)


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@example(hits=[hit(7.5, "spring"), hit(7.5, "gclid:1"), hit(0, "gclid:1")], data=None)
@given(hits=HITS, data=st.data())
def test_any_order_of_arrival_gives_the_sessions_of_sorted_order(
    rules: SessionRules, hits: list[Hit], data: st.DataObject | None
) -> None:
    expected, started = run(sorted(hits, key=lambda one: (one.ts, not one.key, one.key)), rules)
    arrived, counted = run(data.draw(st.permutations(hits)) if data else hits, rules)
    assert counted == started == len(expected)
    simple = [(s.id, s.start, s.last, s.events, s.pageviews) for s in expected]
    assert [(s.id, s.start, s.last, s.events, s.pageviews) for s in arrived] == simple
    if rules.by_campaign:
        assert [s.campaign for s in arrived] == [s.campaign for s in expected]


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@given(hits=HITS, data=st.data())
def test_retired_sessions_lead_to_sessions_that_exist(
    rules: SessionRules, hits: list[Hit], data: st.DataObject
) -> None:
    """Every id that ever stood in a row is a session at the end, or was renamed to one."""
    sessions: list[Session] = []
    said: dict[str, str] = {}
    given_out = set()
    for one in data.draw(st.permutations(hits)):
        placed = place(sessions, OWNER, one, rules)
        said.update(placed.renamed)
        given_out.add(placed.session.id)
    alive = {s.id for s in sessions}
    for name in given_out - alive:
        for _ in range(20):
            name = said[name]
            if name in alive:
                break
        assert name in alive


def test_a_session_that_an_earlier_release_stored_keeps_its_touch_when_it_is_cut_anew() -> None:
    """Its first mark does not say that it has a touch, and the touch may be a later event's."""
    came = Touch(START + MINUTE_MS, "referral", "blog.example")
    stored = Session(session_id(OWNER, START), START, START + 10 * MINUTE_MS, came, 2)
    stored.marks = [1, 10 * MINUTE_MS << 2 | 1]
    sessions = [stored]
    placed = place(sessions, OWNER, hit(5, "spring"), RULES["campaigns"])
    assert bounds(sessions) == [(0, 0, 1), (5, 10, 2)]
    assert placed.started == 1
    assert [s.touch.channel for s in sessions] == ["referral", "campaign"]


def test_owners_do_not_share_sessions() -> None:
    sessions: list[Session] = []
    for owner, minutes in itertools.product(("aaaaaaaa", "bbbbbbbb"), (0, 10)):
        place(sessions, owner, hit(minutes), RULES["campaigns"])
    assert sorted(s.id[:8] for s in sessions) == ["aaaaaaaa", "bbbbbbbb"]


def test_a_session_named_by_its_source_is_one_whatever_its_times() -> None:
    sessions: list[Session] = []
    for minutes in (0, 300, 100):
        place(sessions, OWNER, replace(hit(minutes), hint="7"), RULES["campaigns"])
    place(sessions, OWNER, replace(hit(100), hint="8"), RULES["campaigns"])
    assert sorted(bounds(sessions)) == [(0, 300, 3), (100, 100, 1)]


def test_a_replay_finds_its_session() -> None:
    hits = [hit(0), hit(10), hit(60), hit(90.5)]
    sessions, _ = run(hits)
    assert [locate(sessions, OWNER, one.ts, RULES["campaigns"]).start for one in hits] == [
        START,
        START,
        START + 60 * MINUTE_MS,
        START + 90.5 * MINUTE_MS,
    ]


def test_trim_bounds_the_ring_and_keeps_what_is_still_open() -> None:
    sessions, _ = run([hit(60 * n) for n in range(100)])
    newest = sessions[-1].last
    kept = trim(sessions, newest, cursor=sessions[3].id)
    assert len(kept) <= 64
    assert {s.id for s in sessions if s.last >= newest - LATENESS} <= {s.id for s in kept}
    assert sessions[3] in kept
    assert sessions[4] not in kept
