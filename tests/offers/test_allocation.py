"""Allocation: fixed shares, A/A tests, and how the bandit shares a slot."""

from collections import Counter

import pytest

from offers.bandit.thompson_sampling import Arm, NoArms
from offers.decision.decider import Decider
from profiles.model import Profile
from tests.support.decisions import decided
from tests.support.offers import CREATIVES, SHOES, ArmCounts, chosen, decider, offer
from tracker.durations import DAY_MS


def variants(decide: Decider, site, times: int = 4_000) -> Counter:
    return Counter(decided(decide, site, SHOES, "hero").variant for _ in range(times))


def test_a_fixed_split_is_kept_and_its_propensity_told(clock, site):
    decide = decider(clock, offer("x", allocation="fixed", creatives=CREATIVES))
    assert 2_850 < variants(decide, site)["a"] < 3_150
    assert {decided(decide, site, SHOES, "hero").propensity for _ in range(50)} == {0.75, 0.25}


def test_an_a_a_test_shows_everybody_the_same_under_two_names(clock, site):
    decide = decider(clock, offer("x", allocation="aa", creatives=CREATIVES))
    seen = variants(decide, site)
    assert 1_850 < seen["a"] < 2_150
    assert {str(decided(decide, site, SHOES, "hero").content) for _ in range(50)} == {"{'t': 'a'}"}


def test_the_bandit_prefers_what_works_and_goes_on_exploring(clock, site):
    decide = decider(clock, offer("x", creatives=CREATIVES), arms=ArmCounts(a=Arm(1000, 20), b=Arm(1000, 60)))
    seen = variants(decide, site)
    assert seen["b"] > 3_900
    assert 20 < seen["a"] < 60  # 1 % of 4,000 is 40
    even = variants(decider(clock, offer("x", creatives=CREATIVES)), site)
    assert 1_850 < even["a"] < 2_150


def test_equal_campaigns_share_a_slot(clock, site):
    decide = decider(clock, offer("x"), offer("y"))
    seen = Counter(chosen(decided(decide, site, SHOES, "hero")) for _ in range(2_000))
    assert 850 < seen["x"] < 1_150


class ByCampaign(NoArms):
    def __init__(self, **arms: Arm) -> None:
        self.campaigns = arms

    def arms(self, site: str, campaign: str, slot: str, context: str) -> dict[str, Arm]:
        return {"a": self.campaigns[campaign]} if campaign in self.campaigns else {}


def test_of_equal_campaigns_the_one_that_works_comes_first_and_the_others_are_tried(clock, site):
    creatives = [{"id": "a", "kind": "json", "content": {"t": "a"}}]
    documents = [offer(name, creatives=creatives) for name in "xy"]
    decide = decider(clock, *documents, arms=ByCampaign(x=Arm(1000, 20), y=Arm(1000, 60)))
    seen = Counter(chosen(decided(decide, site, SHOES, "hero")) for _ in range(4_000))
    assert 15 < seen["x"] < 75  # at random in 2 % of 4,000 decisions, and half of those
    documents = [offer(name, creatives=creatives, reward="revenue") for name in "xy"]
    worth = ByCampaign(x=Arm(1000, 60, 600.0, 6_600.0), y=Arm(1000, 20, 2_000.0, 210_000.0))
    seen = Counter(
        chosen(decided(decider(clock, *documents, arms=worth), site, SHOES, "hero")) for _ in range(400)
    )
    assert seen["y"] > 370


def test_the_bandit_s_context_is_how_they_stand_now(clock, site):
    """A regular who has not come for long is at risk, to the audience and to the bandit alike."""
    now, day = int(clock() * 1000), DAY_MS
    away = Profile(id="v:a", stage="regular", last_seen=now - 400 * day, last_order=now - 400 * day)
    made = decided(decider(clock, offer("x", audience="stage = 'lost'")), site, away, "hero")
    assert made is not None and made.context.startswith("lost|")


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ({"reward": "click"}, {"reward": "conversion"}),
        ({"allocation": "fixed"}, {}),
        ({}, {"allocation": "fixed"}),
        ({"allocation": "fixed"}, {"allocation": "fixed"}),
        ({"allocation": "aa"}, {"allocation": "aa"}),
    ],
)
def test_equals_that_do_not_learn_the_same_are_drawn_by_lot(clock, site, x, y):
    arms = ByCampaign(x=Arm(1_000, 20), y=Arm(1_000, 300))
    decide = decider(clock, offer("x", **x), offer("y", **y), arms=arms)
    seen = Counter(chosen(decided(decide, site, SHOES, "hero")) for _ in range(400))
    assert 150 < seen["x"] < 250
