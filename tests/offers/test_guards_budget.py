"""What else holds of budgets: exact bounds of clicks and spend, small leases, lifetimes, and when a no is over."""

import pytest

from offers.campaign.campaign import Budget
from offers.decision.budget import HOLD_MS, LEASE_SIZE, REFUSED_SECONDS, SLICE_MS, BudgetStore, Spent
from tests.offers.test_budget import NOON, reserved
from tracker.durations import DAY_MS

pytestmark = pytest.mark.redis

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
