"""Fallbacks: what is shown without stores, without counts and to visitors who cannot be recognised."""

from collections import Counter
from collections.abc import Sequence

import pytest

from offers.bandit.thompson_sampling import Arm
from offers.decision.caps import CapRequest, Grant
from profiles.model import Profile
from profiles.sansio import Steps, run_sync
from tests.support.consents import answers
from tests.support.decisions import decided
from tests.support.offers import CREATIVES, SHOES, ArmCounts, Down, Uncapped, chosen, decider, offer


def test_without_redis_only_fallbacks_without_caps(clock, site):
    documents = [
        offer("standard"),
        offer("capped", tier="fallback", priority=2, caps=[{"limit": 1, "per": "day"}]),
        offer("free", tier="fallback", slots=["hero", "cart"]),
    ]
    page = run_sync(decider(clock, *documents, caps=Down()).decide(site, SHOES, ["hero", "cart"]))
    assert {slot: chosen(decision) for slot, decision in page.slots.items()} == {"hero": "free", "cart": None}


def test_who_cannot_be_recognised_gets_what_needs_no_count(clock, site):
    asked = []

    class Asked(Uncapped):
        def take(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
            asked.append(slots)
            return super().take(site, view, slots)

    documents = [
        offer("capped", priority=9, caps=[{"limit": 1, "per": "day"}]),
        offer("tested", priority=8, holdout=0.5),
        offer("plain", priority=7),
        offer("second", priority=6),
        offer("calm", tier="fallback", slots=["hero", "cart"]),
    ]
    page = run_sync(decider(clock, *documents, caps=Asked()).decide(site, Profile(id=""), ["hero", "cart"]))
    assert {slot: chosen(made) for slot, made in page.slots.items()} == {"hero": "plain", "cart": "calm"}
    assert not page.withheld and not page.decided and not asked
    held = run_sync(decider(clock, *documents, global_holdout=0.1).decide(site, Profile(id=""), ["hero"]))
    assert chosen(held.slots["hero"]) == "calm"


def test_a_fallback_is_reached_whatever_stands_before_it(clock, site):
    tired = [offer(f"c{n}", caps=[{"limit": 1, "per": "day"}]) for n in range(300)]

    class Exhausted(Uncapped):
        def take(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
            free = ((at for at, ask in enumerate(asks) if ask.exempt) for asks in slots)
            yield from ()
            return [Grant(next(each, None)) for each in free]

    decide = decider(clock, *tired, offer("calm", tier="fallback"), caps=Exhausted())
    assert chosen(decided(decide, site, SHOES, "hero")) == "calm"


def test_without_stores_a_fallback_keeps_its_group_and_its_weights(clock, site):
    two = [
        {"id": name, "kind": "json", "content": {"t": name}, "weight": weight}
        for name, weight in (("a", 0), ("b", 1), ("c", 3))
    ]
    documents = [offer(n, tier="fallback", group="g", slots=["hero", "cart"], creatives=two) for n in "xy"]
    decide, seen = decider(clock, *documents), Counter()
    for number in range(200):
        made = decide.fallbacks(site, Profile(id=f"v:{number}"), ["hero", "cart"])
        assert len({each.campaign for each in made.values()}) == len(made) == 1
        seen.update((each.variant, each.propensity) for each in made.values())
    assert set(seen) == {("b", 0.5), ("c", 0.5)}


@pytest.mark.parametrize("means", [{"holdout": 0.1}, {"budget": 5}, {"caps": [{"limit": 1, "per": "day"}]}])
def test_while_caps_are_down_a_fallback_with_something_to_count_rests(clock, site, means):
    documents = [offer("counts", tier="fallback", priority=9, **means), offer("calm", tier="fallback")]
    page = run_sync(decider(clock, *documents, caps=Down()).decide(site, SHOES, ["hero"]))
    assert chosen(page.slots["hero"]) == "calm"
    assert not page.withheld and not page.decided


def test_fallbacks_are_for_their_audience_too(clock, site):
    documents = [
        offer("shoes", tier="fallback", priority=9, audience="affinity('shoes') > 0.3"),
        offer("calm", tier="fallback"),
    ]
    decide = decider(clock, *documents)
    for profile, name in ((SHOES, "shoes"), (Profile(id="v:b"), "calm")):
        assert chosen(decide.fallbacks(site, profile, ["hero"])["hero"]) == name
    denied = Profile(id="v:a", affinities=SHOES.affinities, consents=answers({"personalization": False}))
    assert chosen(decide.fallbacks(site, denied, ["hero"])["hero"]) == "calm"


def test_without_stores_a_person_keeps_their_variant(clock, site):
    document = offer("x", tier="fallback", allocation="fixed", creatives=CREATIVES)
    decide = decider(clock, document)
    for number in range(50):
        person = Profile(id=f"v:{number}", visitors=[str(number)])
        made = decide.fallbacks(site, person, ["hero"])["hero"]
        assert made.variant == decided(decide, site, person, "hero").variant
        assert made.propensity == {"a": 0.75, "b": 0.25}[made.variant]


def test_without_stores_every_variant_of_a_bandit_s_fallback_is_as_likely(clock, site):
    document = offer("x", tier="fallback", creatives=CREATIVES)
    decide = decider(clock, document, arms=ArmCounts(a=Arm(1_000, 20), b=Arm(1_000, 300)))
    made = [decide.fallbacks(site, SHOES, ["hero"])["hero"] for _ in range(400)]
    assert 150 < sum(each.variant == "a" for each in made) < 250
    assert {each.propensity for each in made} == {0.5}
