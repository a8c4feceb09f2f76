"""Offers that a visitor met, in the fold."""

import itertools

import pytest

from profiles.encoding import codec
from profiles.facts import Facts
from profiles.fold import affinity, commerce, identity
from profiles.model import CAMPAIGNS_KEPT, Affinity, Exposure, ItemTouch, Profile
from tests.support.ingest_streams import event
from tracker.durations import DAY_MS


def test_the_campaigns_met_last_are_remembered() -> None:
    profile = Profile("v:a")
    for number in range(CAMPAIGNS_KEPT + 6):
        seen = event(f"e{number}", number, name="Offer Viewed", props={"campaign": f"c{number}"})
        commerce.track(profile, seen, Facts())
    assert list(profile.exposure) == [f"c{number}" for number in range(6, CAMPAIGNS_KEPT + 6)]
    late = event("late", 0, name="Offer Clicked", props={"campaign": "c0"})
    commerce.track(profile, late, Facts())
    assert "c0" not in profile.exposure and profile.counts.offer_clicks == 1


def test_what_was_hidden_is_remembered_with_its_time_and_is_no_view() -> None:
    profile = Profile("v:a")
    for number, name in enumerate(("Viewed", "Dismissed", "Viewed")):
        said = event(f"e{number}", number, name=f"Offer {name}", props={"campaign": "c"})
        commerce.track(profile, said, Facts())
    late = event("late", -5, name="Offer Dismissed", props={"campaign": "c"})
    commerce.track(profile, late, Facts())
    seen = profile.exposure["c"]
    assert (seen.views, seen.clicks, profile.counts.offer_views) == (2, 0, 2)
    assert seen.dismissed == event("x", 1).ts and seen.last == event("x", 2).ts
    assert codec.copy(profile).exposure == profile.exposure


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_variant_met_first_is_remembered_in_whatever_order_it_is_told(order: tuple[int, ...]) -> None:
    profile, variants = Profile("v:a"), ("b", "a", "c")
    for number in order:
        props = {"campaign": "c", "variant": variants[number]}
        commerce.track(profile, event(f"e{number}", number, name="Offer Viewed", props=props), Facts())
    nonsense = {"campaign": "c", "variant": "x" * 65}
    commerce.track(profile, event("n", -9, name="Offer Viewed", props=nonsense), Facts())
    seen = codec.copy(profile).exposure["c"]
    assert (seen.variant, seen.first) == ("b", event("x", 0).ts)


def test_of_two_devices_the_variant_met_first_is_kept() -> None:
    met = {"early": Exposure(1, 0, 9, 0, 5, "b"), "late": Exposure(4, 1, 30, 0, 7, "a")}
    for one, other in (("early", "late"), ("late", "early")):
        customer, browser = (
            Profile("u:7", exposure={"c": met[one]}),
            Profile("v:b", exposure={"c": met[other]}),
        )
        identity.merge(customer, browser)
        assert customer.exposure["c"] == Exposure(5, 1, 30, 0, 5, "b")
    unknown = Profile("u:7", exposure={"c": Exposure(1, 0, 2)})
    identity.merge(unknown, Profile("v:b", exposure={"c": met["late"]}))
    assert unknown.exposure["c"].variant == "a"


def test_a_customer_corrects_their_interests() -> None:
    """As of the moment they said so: what came later counts, whichever was folded first."""
    day = DAY_MS

    def told(*order: str) -> Profile:
        profile = Profile("v:a", affinities={"bags": Affinity(1.0, 0)})
        touches = {
            "old": ItemTouch("p1", "view", day, "shoes"),
            "new": ItemTouch("p2", "add", 3 * day, "shoes"),
        }
        for step in order:
            if step == "say":
                affinity.correct(profile, {"shoes": 0, "bags": 4, "hats": True, "": "x"}, 2 * day)
            else:
                touch = touches[step]
                profile.items = sorted([*profile.items, touch], key=lambda each: each.ts)
                affinity.add(profile.affinities, "shoes", affinity.WEIGHTS[touch.kind], touch.ts)
        return profile

    for order in (("old", "say", "new"), ("old", "new", "say")):
        profile = told(*order)
        assert profile.affinities == {"shoes": Affinity(3.0, 3 * day), "bags": Affinity(4.0, 2 * day)}
        assert [touch.item for touch in profile.items] == ["p2"]
    assert "shoes" not in told("old", "say").affinities
