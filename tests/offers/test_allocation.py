"""Allocation: fixed shares, A/A tests, and how the bandit shares a slot."""

from collections import Counter

import pytest

from offers.bandit.thompson_sampling import Arm, NoArms
from offers.decision.decider import Decider
from profiles.model import Counts, Exposure, Profile
from tests.support.consents import answers
from tests.support.decisions import decided
from tests.support.offers import CREATIVES, SHOES, ArmCounts, chosen, decider, offer
from tracker.durations import DAY_MS


def variants(decide: Decider, site, times: int = 4_000) -> Counter:
    return Counter(decided(decide, site, SHOES, "hero").variant for _ in range(times))


def of_people(decide: Decider, site, count: int = 4_000, **known: object) -> dict[int, str]:
    """The variant of each of many people."""
    people = {n: Profile(id=f"v:{n}", visitors=[str(n)], **known) for n in range(count)}
    return {n: decided(decide, site, person, "hero").variant for n, person in people.items()}


def test_a_fixed_split_has_its_shares_and_tells_its_propensity(clock, site):
    decide = decider(clock, offer("x", allocation="fixed", creatives=CREATIVES))
    assert 2_880 < Counter(of_people(decide, site).values())["a"] < 3_120
    people = [Profile(id=f"v:{n}") for n in range(50)]
    assert {decided(decide, site, each, "hero").propensity for each in people} == {0.75, 0.25}


def test_an_a_a_test_shows_everybody_the_same_under_two_names(clock, site):
    decide = decider(clock, offer("x", allocation="aa", creatives=CREATIVES))
    assert 1_870 < Counter(of_people(decide, site).values())["a"] < 2_130
    people = [Profile(id=f"v:{n}") for n in range(50)]
    assert {str(decided(decide, site, each, "hero").content) for each in people} == {"{'t': 'a'}"}


@pytest.mark.parametrize("allocation", ["fixed", "aa"])
def test_a_person_keeps_their_variant(clock, site, allocation):
    decide = decider(clock, offer("x", allocation=allocation, creatives=CREATIVES))
    first = of_people(decide, site, 200)
    other_process = decider(clock, offer("x", allocation=allocation, creatives=CREATIVES))
    for _ in range(3):
        clock.now += 3 * 24 * 3600
        assert of_people(decide, site, 200) == of_people(other_process, site, 200) == first
    signed_in = [Profile(id=f"u:{n}", user=str(n), visitors=[str(n), "later"]) for n in range(200)]
    assert [decided(decide, site, each, "hero").variant for each in signed_in] == list(first.values())


def test_two_campaigns_split_independently(clock, site):
    drawn = [
        of_people(decider(clock, offer(name, allocation="aa", creatives=CREATIVES)), site, 4_000)
        for name in "xy"
    ]
    assert 900 < sum(one == other == "a" for one, other in zip(*map(dict.values, drawn), strict=True)) < 1_100


def test_who_met_a_variant_keeps_it_when_the_weights_change(clock, site):
    met = {"x": Exposure(1, first=1, variant="b")}
    for b in (1, 1000):
        creatives = [CREATIVES[0] | {"weight": 1000}, CREATIVES[1] | {"weight": b}]
        decide = decider(clock, offer("x", allocation="fixed", creatives=creatives))
        assert set(of_people(decide, site, 50, exposure=met).values()) == {"b"}
    stopped = [CREATIVES[0], CREATIVES[1] | {"weight": 0}]
    decide = decider(clock, offer("x", allocation="fixed", creatives=stopped))
    assert set(of_people(decide, site, 50, exposure=met).values()) == {"a"}
    withdrawn = {"exposure": met, "consents": answers({"personalization": False})}
    assert set(of_people(decide, site, 50, **withdrawn).values()) == {"a"}


def test_a_weight_that_grows_moves_nobody_away_from_it(clock, site):
    splits = []
    for weight in (1, 2):
        creatives = [CREATIVES[0] | {"weight": weight}, CREATIVES[1] | {"weight": 2}]
        splits.append(of_people(decider(clock, offer("x", allocation="fixed", creatives=creatives)), site))
    moved = {
        (before, after) for before, after in zip(*map(dict.values, splits), strict=True) if before != after
    }
    assert moved == {("b", "a")}


def test_nobody_in_particular_gets_any_variant(clock, site):
    decide = decider(clock, offer("x", allocation="fixed", creatives=CREATIVES))
    made = [decided(decide, site, Profile(id=""), "hero").variant for _ in range(400)]
    assert 250 < made.count("a") < 350


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
    away = Profile(id="v:a", counts=Counts(orders=3), last_seen=now - 400 * day, last_order=now - 400 * day)
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
