"""Budgets on a real Redis: never over, used up in the end, waiting while the warehouse lags."""

import multiprocessing
import random

import pytest

from offers.campaign.campaign import Budget
from offers.decision.budget import HOLD_MS, LEASE_SIZE, REFUSED_SECONDS, SLICE_MS, BudgetStore, Spent
from offers.decision.decider import Decider
from profiles.sansio import run_sync
from tests.support.decisions import decided
from tests.support.machine import Clock
from tests.support.offers import SHOES, SIGNER, Fixed, Uncapped, chosen, offer
from tracker.durations import DAY_MS, HOUR_MS

pytestmark = pytest.mark.redis

NOON = 1_795_003_200_000


def reserved(store: BudgetStore, budget: Budget, times: int, now: int = NOON) -> int:
    return sum(run_sync(store.reserve("default", "c", budget, now)) for _ in range(times))


def test_impressions_are_never_exceeded_by_three_workers(redis_url, clock):
    workers = [BudgetStore(redis_url, timeout=10, clock=clock) for _ in range(3)]
    budget, granted = Budget(impressions=1_000), 0
    for turn in range(3_000):
        granted += reserved(workers[turn % 3], budget, 1)
    assert 990 <= granted <= 1_000


def test_what_was_given_back_can_be_used(redis_url, clock):
    store, budget = BudgetStore(redis_url, timeout=10, clock=clock), Budget(impressions=10)
    assert reserved(store, budget, 20) == 10
    store.give_back("default", "c")
    assert reserved(store, budget, 5) == 1


def test_what_a_process_did_not_use_goes_back_when_it_asks_again(redis_url, clock):
    """One decision now and then must not hold what others could show."""
    slow, other = (BudgetStore(redis_url, timeout=10, clock=clock) for _ in range(2))
    budget = Budget(impressions=1_000)
    for minute in range(30):
        assert reserved(slow, budget, 1, NOON + minute * 60_000) == 1
        clock.advance(60)
    assert reserved(other, budget, 2_000, NOON + 1_800_000) >= 900
    assert reserved(slow, budget, 2_000, NOON + 1_800_000) <= 1_000 - 900 - 30


def test_a_slice_that_was_settled_takes_nothing_back(redis_url, clock):
    store, budget = BudgetStore(redis_url, timeout=10, clock=clock), Budget(impressions=100)
    assert reserved(store, budget, 1) == 1
    clock.advance(60)
    later = NOON + HOLD_MS + 600_000
    store.confirm("default", [Spent("c", 1, 0)], later)
    assert reserved(store, budget, 200, later) == 99


def test_what_was_not_seen_is_shown_to_others_later(redis_url, clock):
    store, budget = BudgetStore(redis_url, timeout=10, clock=clock), Budget(impressions=100)
    assert reserved(store, budget, 200) == 100
    clock.advance(60)
    store.confirm("default", [Spent("c", 60, 0)], NOON + HOLD_MS // 2)
    assert reserved(store, budget, 200) == 0  # they may still be seen
    clock.advance(60)
    later = NOON + HOLD_MS + 600_000
    store.confirm("default", [Spent("c", 60, 0)], later)
    assert reserved(store, budget, 200, later) == 37  # three may be seen hours later
    clock.advance(60)
    assert reserved(store, budget, 200, later + 10 * HOLD_MS) == 0  # the warehouse says nothing new
    clock.advance(60)
    store.confirm("default", [Spent("c", 97, 0)], NOON + 25 * HOLD_MS)
    assert reserved(store, budget, 200, NOON + 25 * HOLD_MS) == 2  # nor were they; one of the last 37 may be


@pytest.mark.parametrize("rate", [0.02, 0.3, 1.0])
def test_clicks_and_spend_stay_within_one_percent(redis_url, rate):
    """An hour's decisions of three workers, then what came of them, until nothing is left."""
    for budget, limit in ((Budget(clicks=200), 200), (Budget(spend=100.0, cpm=10.0, cpc=0.5), 100.0)):
        clock, generator = Clock(), random.Random(5)
        workers = [BudgetStore(redis_url, timeout=10, clock=clock) for _ in range(3)]
        workers[0]._redis.flushall()
        views = clicks = 0
        now = NOON
        for _ in range(60):
            shown = sum(reserved(workers[turn % 3], budget, 100, now) for turn in range(30))
            views += shown
            clicks += sum(generator.random() < rate for _ in range(shown))
            now += HOLD_MS + 600_000
            clock.advance(4_200)
            workers[0].confirm("default", [Spent("c", views, clicks)], now)
        used = clicks if budget.clicks else views * 0.01 + clicks * 0.5
        assert 0.97 * limit <= used <= 1.01 * limit


def test_what_was_spent_stays_spent(redis_url, clock):
    """Though events go: somebody is erased, or they are too old to be kept."""
    store, budget = BudgetStore(redis_url, timeout=10, clock=clock), Budget(impressions=1_000, clicks=50)
    store.confirm("default", [Spent("c", 1_000, 40)], NOON)
    store.confirm("default", [Spent("c", 400, 10)], NOON + 60_000)
    assert reserved(store, budget, 10) == 0
    assert store._redis.hgetall("dg:budget:default:c") == {b"v": b"1000", b"c": b"40"}


def test_views_that_come_hours_later_do_not_exceed_it(redis_url):
    """A twentieth of the pages stands open for hours before its offer is seen."""
    clock, draw, budget = Clock(), random.Random(2), Budget(impressions=5_000)
    store = BudgetStore(redis_url, timeout=10, clock=clock)
    now, due = NOON, []  # (when seen, whether late)
    for _ in range(30):
        for _ in range(reserved(store, budget, 1_500, now)):
            if draw.random() < 0.6:
                late = draw.random() < 0.05
                due.append((now + (draw.randrange(2, 20) * HOUR_MS if late else 60_000), late))
        now += HOUR_MS
        clock.advance(3_600)
        seen = [late for at, late in due if at < now]
        store.confirm("default", [Spent("c", len(seen), 0, sum(seen) / max(1, len(seen)))], now)
    assert 4_800 <= len(due) <= 5_050


def _worker(url: str, requests: int, results) -> None:
    store = BudgetStore(url, timeout=30)
    results.put(
        sum(run_sync(store.reserve("default", "c", Budget(impressions=5_000), NOON)) for _ in range(requests))
    )


def test_processes_at_once_never_exceed(redis_url):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_worker, args=(redis_url, 4_000, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    granted = sum(results.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join(10)
    assert 4_950 <= granted <= 5_000


def test_without_redis_nothing_is_spent(own_redis, clock, site):
    own_redis.kill()
    assert reserved(BudgetStore(own_redis.url, clock=clock), Budget(impressions=5), 3) == 0


def test_a_campaign_without_means_gives_way(redis_url, clock, site):
    documents = Fixed(offer("paid", budget=3, priority=9, slots=["hero", "cart"]), offer("free"))
    decide = Decider(
        documents,
        Uncapped(),
        SIGNER,
        clock=clock,
        budgets=BudgetStore(redis_url, timeout=10, clock=clock),
        chance=random.Random(1),
    )
    assert [chosen(decided(decide, site, SHOES, "hero")) for _ in range(5)] == [
        "paid",
        "paid",
        "paid",
        "free",
        "free",
    ]


def test_an_offer_that_did_not_win_costs_nothing(redis_url, clock, site):
    documents = Fixed(offer("paid", budget=3), offer("better", priority=9))
    budgets = BudgetStore(redis_url, timeout=10, clock=clock)
    decide = Decider(documents, Uncapped(), SIGNER, clock=clock, budgets=budgets)
    for _ in range(10):
        assert chosen(decided(decide, site, SHOES, "hero")) == "better"
    assert (
        sum(run_sync(budgets.reserve("default", "paid", Budget(impressions=3), NOON)) for _ in range(5)) == 3
    )


KEY = "dg:budget:default:c"


@pytest.fixture
def store(redis_url, clock) -> BudgetStore:
    return BudgetStore(redis_url, timeout=10, clock=clock)


def test_a_lease_is_of_so_many_decisions_however_much_is_left(store):
    assert reserved(store, Budget(impressions=1_000_000), 1) == 1
    assert store._redis.hget(KEY, f"d:{NOON // SLICE_MS}") == str(LEASE_SIZE).encode()


@pytest.mark.parametrize("limit", range(1, 20))
def test_while_nothing_is_known_as_many_are_shown_as_may_click(store, limit):
    assert reserved(store, Budget(clicks=limit), 40) == limit


@pytest.mark.parametrize(
    ("budget", "shown"),
    [
        (Budget(spend=1.0, cpc=1.0), 1),
        (Budget(spend=1.0, cpc=0.125), 8),
        (Budget(spend=1.0, cpm=1_000.0), 1),
        (Budget(spend=1.0, cpm=125.0, cpc=0.125), 4),
        (Budget(spend=1.0, cpc=2.0), 0),
    ],
)
def test_what_is_shown_can_be_paid_for_if_everybody_clicks(store, budget, shown):
    assert reserved(store, budget, 20) == shown


@pytest.mark.parametrize(
    ("views", "clicks", "limit", "shown"),
    [
        (100, 0, 10, 20),  # at most (8 + 4 √4) / 100 click: of 20 that is 3.2 + 4 √2.688, just below 10
        (1_000, 32, 42, 49),  # at most (40 + 4 √36) / 1000: of 49 that is 3.136 + 4 √2.935, just below 10
        (10, 3, 5, 2),  # a rate can be no more than 1
        (10, 5, 5, 0),
        (10, 6, 5, 0),
        (1_000, 60, 5, 0),
    ],
)
def test_of_few_clicks_the_most_that_are_likely_is_reckoned_with(store, views, clicks, limit, shown):
    store.confirm("default", [Spent("c", views, clicks)], NOON)
    assert reserved(store, Budget(clicks=limit), 200) == shown


def test_a_budgets_key_has_a_lifetime(store):
    reserved(store, Budget(impressions=5), 1)
    assert 399 * DAY_MS < store._redis.pttl(KEY) <= 400 * DAY_MS


def test_a_no_is_asked_about_again_after_two_seconds(store, clock):
    budget, later = Budget(impressions=10), NOON + HOLD_MS + 2 * SLICE_MS
    assert reserved(store, budget, 20) == 10
    store.confirm("default", [Spent("c", 6, 0)], later)
    clock.advance(REFUSED_SECONDS - 0.01)
    assert reserved(store, budget, 20, later) == 0
    clock.advance(0.01)
    assert reserved(store, budget, 20, later) == 4


def test_a_slice_is_settled_when_its_last_decision_is(store, clock):
    budget, end = Budget(impressions=10), NOON + SLICE_MS + HOLD_MS
    assert NOON % SLICE_MS == 0
    for as_of, back in ((end - 1, 0), (end, 10)):
        reserved(store, budget, 20)
        store.confirm("default", [Spent("c", 0, 0)], as_of)
        clock.advance(REFUSED_SECONDS)
        assert reserved(store, budget, 20, end) == back
