"""What else holds of caps: ghosts, exempt campaigns, where visits begin and go on, and what a sign-in brings along."""

import pytest

from offers.campaign.campaign import Cap
from offers.decision import caps as caps_module
from offers.decision.caps import CapRequest, CapStore, Grant
from profiles.model import Profile, Session, Touch
from profiles.sansio import run_sync
from tests.offers.test_caps import NOON, capped, shown, view
from tracker.durations import DAY_MS, HOUR_MS, MINUTE_MS

pytestmark = pytest.mark.redis

KIM, KEY = Profile(id="u:7", visitors=["a"]), "dg:caps:default:u:7"
ONCE_A_DAY = (Cap(limit=1, per="day"),)


def test_of_exempt_campaigns_without_caps_only_a_ghost_is_counted(redis_url):
    """Who is in the holdout must be met as often as is told; what nothing limits needs no count."""
    store = CapStore(redis_url, timeout=10)
    asks = [[CapRequest("held", ghost=True, exempt=True), CapRequest("plain", exempt=True)]]
    assert run_sync(store.taking("default", view(), asks)) == [Grant(1, (0,))]
    assert shown(store, NOON, CapRequest("held", ONCE_A_DAY, exempt=True)) is None
    assert shown(store, NOON, CapRequest("plain", ONCE_A_DAY, exempt=True)) == "plain"


def test_exempt_campaigns_tire_nobody(redis_url):
    store = CapStore(redis_url, timeout=10, fatigue=(Cap(limit=1, per="day"),))
    assert [
        shown(store, NOON, CapRequest("f", (Cap(limit=9, per="day"),), exempt=True)) for _ in range(3)
    ] == ["f"] * 3
    assert [shown(store, NOON, CapRequest("a")) for _ in range(2)] == ["a", None]


def test_who_is_tired_meets_no_ghost_either(redis_url):
    store = CapStore(redis_url, timeout=10, fatigue=(Cap(limit=1, per="day"),))
    ghost = CapRequest("held", ONCE_A_DAY, ghost=True)
    assert shown(store, NOON, CapRequest("a")) == "a"
    assert run_sync(store.taking("default", view(), [[ghost]])) == [Grant(None)]
    assert run_sync(store.taking("default", view(NOON + DAY_MS), [[ghost]])) == [Grant(None, (0,))]


def test_a_ghost_of_its_own_holdout_tires_nobody(redis_url):
    store = CapStore(redis_url, timeout=10, fatigue=(Cap(limit=1, per="day"),))
    assert run_sync(store.taking("default", view(), [[CapRequest("held", ghost=True), CapRequest("a")]])) == [
        Grant(1, (0,))
    ]


def test_a_visit_that_began_since_the_last_question_is_another(redis_url):
    store, later = CapStore(redis_url, timeout=10), NOON + 45 * MINUTE_MS
    for start, again in ((NOON - MINUTE_MS, None), (NOON, None), (NOON + 1, "c")):
        store._redis.flushall()
        assert shown(store, NOON, capped("session", 1)) == "c"
        profile = Profile(id="v:a", sessions=[Session("s", start, later - MINUTE_MS, Touch())])
        assert shown(store, later, capped("session", 1), profile=profile) == again


def test_pages_without_an_offer_keep_the_visit_going(redis_url):
    store = CapStore(redis_url, timeout=10)
    times = [NOON + minutes * MINUTE_MS for minutes in (0, 20, 40, 60, 60 + 31)]
    assert [shown(store, at, capped("session", 1)) for at in times] == ["c", None, None, None, "c"]


def test_for_ever_outlives_signing_in(redis_url):
    store = CapStore(redis_url, timeout=10)
    assert shown(store, NOON, capped("ever", 1), profile=Profile(id="v:a")) == "c"
    assert shown(store, NOON, CapRequest("d", ONCE_A_DAY), profile=KIM) == "d"
    assert store._redis.pttl(KEY) > 390 * DAY_MS
    assert shown(store, NOON + 99 * DAY_MS, capped("ever", 1), profile=KIM) is None


def test_a_visit_goes_on_after_signing_in_from_the_latest_question(redis_url):
    """Asked of another server whose clock is a minute behind."""
    store = CapStore(redis_url, timeout=10)
    assert shown(store, NOON + MINUTE_MS, capped("session", 1), profile=Profile(id="v:a")) == "c"
    times = (NOON, NOON + 31 * MINUTE_MS, NOON + 62 * MINUTE_MS)
    assert [shown(store, at, capped("session", 1), profile=KIM) for at in times] == [None, None, "c"]


@pytest.mark.parametrize(
    ("per", "later"), [("session", 31 * MINUTE_MS), ("hour", HOUR_MS), ("day", DAY_MS), ("week", 7 * DAY_MS)]
)
def test_what_a_cookie_met_long_ago_is_over_for_the_customer_too(redis_url, per, later):
    store = CapStore(redis_url, timeout=10)
    assert shown(store, NOON, capped(per, 1), profile=Profile(id="v:a")) == "c"
    assert shown(store, NOON + later, capped(per, 1), profile=KIM) == "c"


def test_what_was_taken_over_is_kept_though_nothing_was_shown(redis_url):
    store = CapStore(redis_url, timeout=10)
    assert shown(store, NOON, capped("day", 1), profile=Profile(id="v:a")) == "c"
    for _ in range(2):
        assert shown(store, NOON + 1, capped("day", 1), profile=KIM) is None
    assert not store._redis.exists("dg:caps:default:v:a")


def test_fatigue_is_remembered_however_many_campaigns_are_met(redis_url, monkeypatch):
    monkeypatch.setattr(caps_module, "CAMPAIGNS_KEPT", 5)
    store = CapStore(redis_url, timeout=10, fatigue=(Cap(limit=1, per="day"),))
    assert shown(store, NOON, CapRequest("a")) == "a"
    for number in range(1, 20):
        assert shown(store, NOON + number, CapRequest(f"f{number}", ONCE_A_DAY, exempt=True))
    assert shown(store, NOON + 20, CapRequest("b")) is None
