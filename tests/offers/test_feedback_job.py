"""The feedback job end to end: decisions, responses in a warehouse, and the decisions that follow."""

import random

import pytest

from offers.bandit.arm_store import ArmStore
from offers.campaign.document import parse
from offers.campaign.store import CampaignStore
from offers.decision.budget import HOLD_MS, BudgetStore
from offers.decision.decider import Decider
from offers.feedback_job import FeedbackJob
from tests.support.decisions import decided
from tests.support.offers import SHOES, SIGNER, Uncapped, offer
from tracker.unavailable import Unavailable
from warehouse.feeds.offer_events import GoalEvent, OfferEvent

pytestmark = pytest.mark.redis

CREATIVES = [{"id": name, "kind": "json", "content": {"t": name}} for name in "abc"]


class Warehouse:
    def __init__(self) -> None:
        self.rows: list[OfferEvent] = []
        self.goals: list[GoalEvent] = []

    def offer_events(self, site, start, end, campaigns=None):
        return [
            row
            for row in self.rows
            if start <= row.ts < end and (campaigns is None or row.campaign in campaigns)
        ]

    def goal_events(self, site, events, start, end, currency):
        return [goal for goal in self.goals if goal.event in events and start <= goal.ts < end]


class Stage:
    """Everything wired up as the composition root would, on a clock that stands still."""

    def __init__(self, redis_url, clock, site, **document) -> None:
        self.clock, self.site, self.warehouse = clock, site, Warehouse()
        self.store = CampaignStore(redis_url, clock)
        self.store.put("default", parse(offer("x", creatives=CREATIVES, **document)), 1)
        self.arms, self.budgets = ArmStore(redis_url, clock, timeout=10), BudgetStore(redis_url, 10, clock)
        self.complete = True
        self.learner = FeedbackJob(
            self.store,
            self.warehouse,
            SIGNER,
            self.arms,
            self.budgets,
            complete=lambda: int(clock() * 1000) if self.complete else None,
            clock=clock,
        )
        self.decider = Decider(
            self.store,
            Uncapped(),
            SIGNER,
            arms=self.arms,
            budgets=self.budgets,
            clock=clock,
            chance=random.Random(3),
        )
        self.chance = random.Random(4)

    def visit(self, rates: dict[str, float], event: str = "click") -> str | None:
        decision = decided(self.decider, self.site, SHOES, "hero")
        if decision is None:
            return None
        ts = int(self.clock.now * 1000)
        self.warehouse.rows.append(OfferEvent("x", decision.variant, decision.token, "view", "v:a", ts))
        if self.chance.random() < rates[decision.variant]:
            if event == "click":
                self.warehouse.rows.append(
                    OfferEvent("x", decision.variant, decision.token, "click", "v:a", ts + 1)
                )
            else:
                self.warehouse.goals.append(GoalEvent(event, "v:a", ts, 10.0))
        self.clock.advance(1)
        return decision.variant


@pytest.mark.parametrize(
    ("reward", "event"),
    [("click", "click"), ("conversion", "Order Completed"), ("revenue", "Order Completed")],
)
def test_the_bandit_finds_the_best_variant(redis_url, clock, site, reward, event):
    stage = Stage(redis_url, clock, site, reward=reward, goal={"window": "1m"})
    for _ in range(15):
        for _ in range(100):
            stage.visit({"a": 0.05, "b": 0.30, "c": 0.10}, event)
        run = stage.learner.run(site)
        clock.advance(10)
    assert run.impressions == 1_500 and run.campaigns == 1
    last = [stage.visit({"a": 0, "b": 0, "c": 0}) for _ in range(200)]
    assert last.count("b") > 180


def test_after_a_reversal_every_web_worker_plays_the_new_best(redis_url, clock, site):
    """Also one that starts only then, and whichever process ran the job."""
    stage = Stage(redis_url, clock, site)
    for rates in ({"a": 0.05, "b": 0.30, "c": 0.10}, {"a": 0.30, "b": 0.05, "c": 0.10}):
        for _ in range(8):
            for _ in range(150):
                stage.visit(rates)
            stage.learner.run(site)
            clock.advance(10)
    last = [stage.visit({"a": 0, "b": 0, "c": 0}) for _ in range(100)]
    assert last.count("a") > 80
    assert sum(arm.shown for arm in stage.arms.arms("default", "x", "hero", "").values()) < 1_300
    started = ArmStore(redis_url, clock, timeout=10)
    started.refresh(site)
    assert started.learned("default") == stage.arms.learned("default")
    assert started.learned("default")["x"]["hero"].since > 0


def test_running_twice_changes_nothing(redis_url, clock, site):
    stage = Stage(redis_url, clock, site)
    for _ in range(50):
        stage.visit({"a": 0.5, "b": 0.5, "c": 0.5})
    stage.learner.run(site)
    clock.advance(10)
    before = stage.arms.learned("default")
    stage.learner.run(site)
    clock.advance(10)
    assert stage.arms.learned("default") == before
    assert sum(arm.shown for arm in stage.arms.arms("default", "x", "hero", "").values()) == 50


def test_forged_answers_teach_nothing(redis_url, clock, site):
    stage = Stage(redis_url, clock, site)
    stage.visit({"a": 0, "b": 0, "c": 0})
    ts = int(clock.now * 1000)
    stage.warehouse.rows += [OfferEvent("x", "a", "forged", "click", "v:a", ts - 1)] * 100
    clock.advance(1)
    run = stage.learner.run(site)
    assert run.refused == {"forged": 100}
    clock.advance(10)
    assert sum(arm.rewarded for arm in stage.arms.arms("default", "x", "hero", "").values()) == 0


def test_a_budget_is_met_and_waits_for_the_warehouse(redis_url, clock, site):
    stage = Stage(redis_url, clock, site, budget=100)
    shown = [stage.visit({"a": 0, "b": 0, "c": 0}) for _ in range(150)]
    assert 150 - shown.count(None) == 100
    del stage.warehouse.rows[60:]  # forty were never seen
    stage.complete = False
    clock.advance(HOLD_MS / 1000 + 600)
    assert stage.learner.run(site).confirmed == 0
    assert stage.visit({"a": 0, "b": 0, "c": 0}) is None
    stage.complete = True
    assert stage.learner.run(site).confirmed == 1
    clock.advance(60)
    shown = [stage.visit({"a": 0, "b": 0, "c": 0}) for _ in range(60)]
    assert 60 - shown.count(None) == 37  # three of the hundred may be seen hours later


def test_without_redis_nothing_is_published_and_decisions_go_on(own_redis, clock, site):
    arms = ArmStore(own_redis.url, clock)
    own_redis.kill()
    assert arms.arms("default", "x", "hero", "") == {}
    with pytest.raises(Unavailable):
        arms.publish("default", {}, 1)


def test_goals_of_history_reward_nothing(redis_url, clock, site):
    stage = Stage(redis_url, clock, site, reward="conversion", goal={"window": "1m"})
    for _ in range(200):
        stage.visit({"a": 0.9, "b": 0.9, "c": 0.9}, "Order Completed")
    assert len(stage.warehouse.goals) > 150
    stage.warehouse.goals = [goal._replace(backfill=True) for goal in stage.warehouse.goals]
    clock.advance(120)
    stage.learner.run(site)
    clock.advance(10)
    history = stage.arms.learned("default")
    stage.warehouse.goals = []
    stage.learner.run(site)
    clock.advance(10)
    assert stage.arms.learned("default") == history
