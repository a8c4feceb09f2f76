"""Caps on a real Redis: every period, holdout ghosts, sign-in, bounds, and many clients at once."""

import multiprocessing
import threading

import pytest

from offers.audience.visitor import View
from offers.campaign.campaign import Cap
from offers.decision import caps as caps_module
from offers.decision.caps import CapRequest, CapStore, CapsUnavailable, Grant
from profiles.model import Profile, Session, Touch
from profiles.redis.commands import Script
from profiles.sansio import run_sync
from tests.support.sites import SEOUL_SITE, UTC_SITE
from tracker.durations import DAY_MS, HOUR_MS, MINUTE_MS

pytestmark = pytest.mark.redis

NOON = 1_795_003_200_000  # Wednesday 2026-11-18 12:00 UTC


def view(now: int = NOON, profile: Profile | None = None) -> View:
    return View(profile or Profile(id="v:a"), now, UTC_SITE)


def shown(store: CapStore, now: int, *asks: CapRequest, profile: Profile | None = None) -> str | None:
    (grant,) = run_sync(store.take("default", view(now, profile), [asks]))
    return None if grant.shown is None else asks[grant.shown].campaign


def capped(per: str, limit: int = 2) -> CapRequest:
    return CapRequest("c", (Cap(limit=limit, per=per),))


@pytest.mark.parametrize(
    ("per", "still", "over"),
    [
        ("session", NOON + 30 * MINUTE_MS, NOON + 30 * MINUTE_MS + 1),
        ("hour", NOON + HOUR_MS - 1, NOON + HOUR_MS),
        ("day", NOON + 12 * HOUR_MS - 1, NOON + 12 * HOUR_MS),
        ("week", NOON + 4 * DAY_MS + 12 * HOUR_MS - 1, NOON + 4 * DAY_MS + 12 * HOUR_MS),  # Monday 00:00
    ],
)
def test_each_period_begins_anew(redis_url, per, still, over):
    for late, expected in ((still, None), (over, "c")):
        store = CapStore(redis_url, timeout=10)
        store._redis.flushall()
        assert [shown(store, NOON, capped(per)) for _ in range(3)] == ["c", "c", None]
        assert shown(store, late, capped(per)) == expected


def test_ever_is_for_ever(redis_url):
    store = CapStore(redis_url, timeout=10)
    assert shown(store, NOON, capped("ever", 1)) == "c"
    assert shown(store, NOON + 300 * DAY_MS, capped("ever", 1)) is None
    assert 390 * DAY_MS < store._redis.pttl("dg:caps:default:v:a") <= 400 * DAY_MS


def test_every_key_has_a_lifetime(redis_url):
    store = CapStore(redis_url, timeout=10)
    shown(store, NOON, capped("week"))
    assert 0 < store._redis.pttl("dg:caps:default:v:a") <= 8 * DAY_MS


def test_a_session_goes_on_while_ingest_says_so(redis_url):
    """Forty minutes of pages without an offer are still one visit."""
    store = CapStore(redis_url, timeout=10)
    assert shown(store, NOON, capped("session", 1)) == "c"
    later = NOON + 40 * MINUTE_MS
    busy = Profile(id="v:a", sessions=[Session("s", NOON - MINUTE_MS, later - MINUTE_MS, Touch())])
    assert shown(store, later, capped("session", 1), profile=busy) is None
    away = Profile(id="v:a", sessions=[Session("s", NOON - MINUTE_MS, NOON + MINUTE_MS, Touch())])
    assert shown(store, later + 31 * MINUTE_MS, capped("session", 1), profile=away) == "c"


def test_the_day_is_the_sites(redis_url):
    store, seoul = CapStore(redis_url, timeout=10), SEOUL_SITE
    ask = [[capped("day", 1)]]
    assert run_sync(store.take("default", View(Profile(id="v:a"), NOON, seoul), ask)) == [Grant(0)]
    assert run_sync(store.take("default", View(Profile(id="v:a"), NOON + 3 * HOUR_MS - 1, seoul), ask)) == [
        Grant(None)
    ]
    assert run_sync(store.take("default", View(Profile(id="v:a"), NOON + 3 * HOUR_MS, seoul), ask)) == [
        Grant(0)
    ]


def test_a_cap_that_was_added_later_knows_what_was_shown_before(redis_url):
    store = CapStore(redis_url, timeout=10)
    assert shown(store, NOON, CapRequest("c")) == "c"
    assert shown(store, NOON, CapRequest("c", (Cap(limit=1, per="day"),))) is None


def test_the_first_under_its_caps_wins_and_only_it_is_counted(redis_url):
    store = CapStore(redis_url, timeout=10)
    first, second = CapRequest("a", (Cap(limit=1, per="day"),)), CapRequest("b", (Cap(limit=1, per="day"),))
    assert [shown(store, NOON, first, second) for _ in range(3)] == ["a", "b", None]


def test_all_caps_of_a_campaign_must_allow(redis_url):
    store = CapStore(redis_url, timeout=10)
    ask = CapRequest("a", (Cap(limit=2, per="session"), Cap(limit=3, per="day")))
    assert [shown(store, NOON, ask) for _ in range(3)] == ["a", "a", None]
    assert [shown(store, NOON + 2 * HOUR_MS, ask) for _ in range(2)] == ["a", None]


def test_slots_of_one_page_never_share_a_campaign(redis_url):
    store = CapStore(redis_url, timeout=10)
    grants = run_sync(
        store.take(
            "default",
            view(),
            [
                [CapRequest("a"), CapRequest("b")],
                [CapRequest("a"), CapRequest("b")],
                [CapRequest("a"), CapRequest("b")],
            ],
        )
    )
    assert grants == [Grant(0), Grant(1), Grant(None)]


def test_a_ghost_counts_and_is_not_shown(redis_url):
    store = CapStore(redis_url, timeout=10)
    ghost = CapRequest("a", (Cap(limit=1, per="day"),), ghost=True)
    assert run_sync(store.take("default", view(), [[ghost, CapRequest("b")]])) == [Grant(1, (0,))]
    assert run_sync(store.take("default", view(), [[ghost, CapRequest("b")]])) == [Grant(1)]


def test_who_is_held_out_from_everything_meets_campaigns_when_the_others_do(redis_url):
    """In place of what the others see, and of nothing but that: its slot is closed but for what is exempt."""
    store = CapStore(redis_url, timeout=10, fatigue=(Cap(limit=3, per="day"),))
    once = (Cap(limit=1, per="day"),)
    asks = [
        CapRequest("a", once, ghost=True, closes=True),
        CapRequest("b", once, ghost=True, closes=True),
        CapRequest("f", exempt=True),
    ]
    grants = [run_sync(store.take("default", view(), [asks]))[0] for _ in range(3)]
    assert grants == [Grant(2, (0,)), Grant(2, (1,)), Grant(2)]
    own = [
        CapRequest("c", once, ghost=True),
        CapRequest("d", once, ghost=True, closes=True),
        CapRequest("e", once),
    ]
    assert run_sync(store.take("default", view(), [own])) == [Grant(None, (0, 1))]
    tired = [CapRequest("g", once, ghost=True, closes=True), CapRequest("f", exempt=True)]
    assert run_sync(store.take("default", view(), [tired])) == [
        Grant(1)
    ]  # three were met already, as if they had been shown


def test_a_clock_that_goes_back_opens_no_cap(redis_url):
    """Two servers a few milliseconds apart, at midnight."""
    store = CapStore(redis_url, timeout=10)
    midnight = NOON + 12 * HOUR_MS
    times = (midnight + 1, midnight - 1, midnight + 2, midnight - 2, midnight + 3)
    for per in ("hour", "day"):
        store._redis.flushall()
        assert [shown(store, at, capped(per, 1)) for at in times] == ["c", None, None, None, None]


@pytest.mark.parametrize(
    "damaged", [b"garbage\xff", b"", b"\x81", b"\x2a", b"\x81\xa1c\x2a", b"\x81\xa1c\x81\xa1c\x81\xa1k\x90"]
)
def test_damaged_counts_begin_anew_and_harm_nobody_else(redis_url, damaged):
    store = CapStore(redis_url, timeout=10)
    store._redis.set("dg:caps:default:v:a", damaged)
    assert [shown(store, NOON, capped("day", 1)) for _ in range(2)] == ["c", None]
    assert shown(store, NOON, capped("day", 1), profile=Profile(id="v:b")) == "c"
    store._redis.set("dg:caps:default:v:x", damaged)
    assert shown(store, NOON, capped("day", 1), profile=Profile(id="u:7", visitors=["x"])) == "c"


def test_a_key_of_another_kind_is_its_owner_s_trouble_alone(redis_url):
    store = CapStore(redis_url, timeout=10)
    store._redis.lpush("dg:caps:default:v:a", "x")
    with pytest.raises(CapsUnavailable):
        shown(store, NOON, capped("day", 1))
    assert shown(store, NOON, capped("day", 1), profile=Profile(id="v:b")) == "c"


def test_counts_are_taken_over_only_when_that_was_done(redis_url, monkeypatch):
    store = CapStore(redis_url, timeout=10)
    assert shown(store, NOON, capped("ever", 1)) == "c"
    customer = Profile(id="u:7", visitors=["a"])
    with monkeypatch.context() as broken:
        broken.setattr(store, "_script", Script("return redis.error_reply('ERR no')"))
        with pytest.raises(CapsUnavailable):
            shown(store, NOON, capped("ever", 1), profile=customer)
    assert shown(store, NOON, capped("ever", 1), profile=customer) is None
    assert not store._redis.exists("dg:caps:default:v:a")


def test_an_ever_cap_is_not_forgotten_for_others(redis_url, monkeypatch):
    monkeypatch.setattr(caps_module, "CAMPAIGNS_KEPT", 10)
    store = CapStore(redis_url, timeout=10, fatigue=())
    assert shown(store, NOON, capped("ever", 1)) == "c"
    for number in range(30):
        shown(store, NOON + 1 + number, CapRequest(f"o{number}", (Cap(limit=9, per="day"),)))
    assert shown(store, NOON + 60, capped("ever", 1)) is None


def test_an_ever_cap_of_a_cookie_or_a_later_day_is_not_forgotten_either(redis_url, monkeypatch):
    monkeypatch.setattr(caps_module, "CAMPAIGNS_KEPT", 10)
    store = CapStore(redis_url, timeout=10, fatigue=())
    customer = Profile(id="u:7", visitors=["a"])
    assert shown(store, NOON, CapRequest("c"), profile=Profile(id="u:7")) == "c"
    assert shown(store, NOON, capped("ever", 1)) == "c"
    assert shown(store, NOON, capped("ever", 1), profile=customer) is None
    assert shown(store, NOON, CapRequest("d"), profile=Profile(id="v:b")) == "d"
    added = CapRequest("d", (Cap(limit=1, per="ever"),))
    assert shown(store, NOON, added, profile=Profile(id="v:b")) is None
    assert store._redis.pttl("dg:caps:default:v:b") > 390 * DAY_MS
    for number in range(30):
        for who in (customer, Profile(id="v:b")):
            shown(store, NOON + 1 + number, CapRequest(f"o{number}", (Cap(limit=9, per="day"),)), profile=who)
    assert shown(store, NOON + 60, capped("ever", 1), profile=customer) is None
    assert shown(store, NOON + 60, added, profile=Profile(id="v:b")) is None


def test_fatigue_limits_all_offers_together_but_no_exempt_one(redis_url):
    store = CapStore(redis_url, timeout=10, fatigue=(Cap(limit=2, per="hour"),))
    asks = [CapRequest("a", (Cap(limit=1, per="day"),)), CapRequest("b"), CapRequest("f", exempt=True)]
    assert [shown(store, NOON, *asks) for _ in range(4)] == ["a", "b", "f", "f"]
    assert shown(store, NOON + HOUR_MS, *asks) == "b"


def test_visitors_and_sites_are_counted_apart(redis_url):
    store = CapStore(redis_url, timeout=10)
    assert shown(store, NOON, capped("day", 1)) == "c"
    assert shown(store, NOON, capped("day", 1), profile=Profile(id="v:b")) == "c"
    assert run_sync(store.take("other", view(), [[capped("day", 1)]])) == [Grant(0)]


def test_a_cap_outlives_signing_in(redis_url):
    store = CapStore(redis_url, timeout=10)
    for cookie in ("a", "b"):
        assert shown(store, NOON, capped("session", 3), profile=Profile(id=f"v:{cookie}")) == "c"
    customer = Profile(id="u:7", visitors=["a", "b"])
    assert [shown(store, NOON, capped("session", 3), profile=customer) for _ in range(2)] == ["c", None]
    assert not store._redis.exists("dg:caps:default:v:a", "dg:caps:default:v:b")
    assert shown(CapStore(redis_url, timeout=10), NOON, capped("session", 3), profile=customer) is None


def test_one_visitors_key_is_bounded(redis_url, monkeypatch):
    monkeypatch.setattr(caps_module, "CAMPAIGNS_KEPT", 10)
    store = CapStore(redis_url, timeout=10, fatigue=())
    for number in range(50):
        shown(store, NOON + number, CapRequest(f"c{number}", (Cap(limit=1, per="ever"),)))
    assert shown(store, NOON + 60, CapRequest("c49", (Cap(limit=1, per="ever"),))) is None
    assert store._redis.strlen("dg:caps:default:v:a") < 1_000


def test_forget_erases(redis_url):
    store = CapStore(redis_url, timeout=10)
    shown(store, NOON, capped("day", 1))
    store.forget("default", "v:a")
    assert not store._redis.exists("dg:caps:default:v:a")


def test_nobody_waits_for_a_redis_that_is_down(own_redis, clock):
    store = CapStore(own_redis.url, timeout=10, clock=clock)
    assert shown(store, NOON, capped("day", 9)) == "c"
    own_redis.kill()
    for _ in range(2):
        with pytest.raises(CapsUnavailable):
            run_sync(store.take("default", view(), [[capped("day", 9)]]))
    own_redis.start()
    with pytest.raises(CapsUnavailable):
        run_sync(store.take("default", view(), [[capped("day", 9)]]))
    clock.advance(2)
    assert shown(store, NOON, capped("day", 9)) == "c"


def _hammer(url: str, clients: int, requests: int, results) -> None:
    store = CapStore(url, fatigue=(), timeout=30)
    granted: list[tuple[str, str]] = []

    def client(number: int) -> None:
        for request in range(requests):
            profile = Profile(id=f"v:{(number + request) % 5}")
            for grant in run_sync(
                store.take(
                    "default",
                    view(NOON, profile),
                    [[capped("day", 20), CapRequest("d", (Cap(limit=30, per="ever"),))]],
                )
            ):
                if grant.shown is not None:
                    granted.append((profile.id, "cd"[grant.shown]))  # noqa: PERF401

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    results.put(granted)


def test_not_one_over_a_cap_under_load(redis_url):
    """Three processes of eleven clients, 10,000 requests on five visitors: exactly what the caps allow."""
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_hammer, args=(redis_url, 11, 310, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    granted = [each for _ in workers for each in results.get(timeout=120)]
    for worker in workers:
        worker.join(10)
    for visitor in range(5):
        assert granted.count((f"v:{visitor}", "c")) == 20
        assert granted.count((f"v:{visitor}", "d")) == 30


KIM, KEY = Profile(id="u:7", visitors=["a"]), "dg:caps:default:u:7"


ONCE_A_DAY = (Cap(limit=1, per="day"),)


def test_of_exempt_campaigns_without_caps_only_a_ghost_is_counted(redis_url):
    """Who is in the holdout must be met as often as is told; what nothing limits needs no count."""
    store = CapStore(redis_url, timeout=10)
    asks = [[CapRequest("held", ghost=True, exempt=True), CapRequest("plain", exempt=True)]]
    assert run_sync(store.take("default", view(), asks)) == [Grant(1, (0,))]
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
    assert run_sync(store.take("default", view(), [[ghost]])) == [Grant(None)]
    assert run_sync(store.take("default", view(NOON + DAY_MS), [[ghost]])) == [Grant(None, (0,))]


def test_a_ghost_of_its_own_holdout_tires_nobody(redis_url):
    store = CapStore(redis_url, timeout=10, fatigue=(Cap(limit=1, per="day"),))
    assert run_sync(store.take("default", view(), [[CapRequest("held", ghost=True), CapRequest("a")]])) == [
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
