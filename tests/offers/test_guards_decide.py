"""What else holds of a decision: two rounds of caps, what competes by lot, both holdouts, and what is left out."""

from collections import Counter
from collections.abc import Sequence

import pytest

from offers.audience.audience import Audience
from offers.bandit.thompson_sampling import Arm
from offers.campaign.document import parse
from offers.decision.caps import CapRequest, Grant
from offers.decision.decider import SLOTS_LIMIT
from offers.segments.segment import CompiledSegments
from profiles.model import Counts, Profile
from profiles.sansio import Steps, run_sync
from tests.offers.test_decide import (
    CREATIVES,
    SHOES,
    SIGNER,
    ByCampaign,
    Down,
    Uncapped,
    chosen,
    decider,
    offer,
)
from tests.offers.test_decide import Counts as Learned
from tests.support.decisions import decided


class Worn(Uncapped):
    """Caps that campaigns named "worn…" have reached. ``asked``: the campaigns of each slot, call by call."""

    def __init__(self) -> None:
        self.asked: list[list[list[str]]] = []

    def taking(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
        self.asked.append([[ask.campaign for ask in asks] for asks in slots])
        fresh = [[at for at, ask in enumerate(asks) if ask.campaign[:4] != "worn"] for asks in slots]
        mine = [[asks[at] for at in places] for asks, places in zip(slots, fresh, strict=True)]
        grants = yield from super().taking(site, view, mine)
        return [
            Grant(
                None if grant.shown is None else at[grant.shown], tuple(at[ghost] for ghost in grant.withheld)
            )
            for at, grant in zip(fresh, grants, strict=True)
        ]


def worn(count: int, *slots: str) -> list[dict]:
    return [offer(f"worn{number}", priority=99 - number, slots=list(slots)) for number in range(count)]


def test_only_the_first_few_try_and_the_others_when_none_of_them_may(clock, site):
    caps = Worn()
    decide = decider(clock, *worn(7, "hero"), offer("eighth"), offer("ninth", priority=-1), caps=caps)
    assert chosen(decided(decide, site, SHOES, "hero")) == "eighth"
    assert [len(asks) for (asks,) in caps.asked] == [6, 3]
    decided(decider(clock, *(offer(f"x{at}") for at in range(9)), caps=caps), site, SHOES, "hero")
    assert len(caps.asked) == 3, "one of the first six was shown: nobody else is asked for"


def test_what_was_shown_in_one_slot_is_not_shown_again_in_the_second_round(clock, site):
    both = offer("both", slots=["hero", "cart"], priority=9)
    decide = decider(clock, both, *worn(6, "cart"), offer("cart", slots=["cart"]), caps=Worn())
    page = run_sync(decide.deciding(site, SHOES, ["hero", "cart"]))
    assert [chosen(made) for made in page.slots.values()] == ["both", "cart"]


def test_what_was_withheld_in_one_slot_is_not_logged_again_in_the_second_round(clock, site):
    held = offer("held", slots=["hero", "cart"], priority=9, holdout=0.9)
    documents = [held, offer("hero"), *worn(6, "cart"), offer("cart", slots=["cart"])]
    page = run_sync(decider(clock, *documents, caps=Worn()).deciding(site, SHOES, ["hero", "cart"]))
    assert [chosen(made) for made in page.slots.values()] == ["hero", "cart"]
    assert [(each.campaign, each.slot) for each in page.withheld] == [("held", "hero")]


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


@pytest.mark.parametrize("tier", ["override", "fallback"])
def test_the_global_holdout_is_of_standard_campaigns_only(clock, site, tier):
    decide = decider(clock, offer("x", tier=tier), global_holdout=0.999999)
    page = run_sync(decide.deciding(site, SHOES, ["hero"]))
    assert chosen(page.slots["hero"]) == "x"
    assert not page.withheld and not page.decided


def test_both_holdouts_multiply(clock):
    decide = decider(clock, global_holdout=0.1)
    assert decide.holdout(parse(offer("x", holdout=0.1))) == pytest.approx(0.19)
    assert decide.holdout(parse(offer("x"))) == pytest.approx(0.1)
    assert decide.holdout(parse(offer("x", holdout=0.1, tier="fallback"))) == pytest.approx(0.1)


def test_a_global_holdout_alone_makes_decisions_known(clock, site):
    page = run_sync(decider(clock, offer("x"), global_holdout=1e-9).deciding(site, SHOES, ["hero"]))
    assert [(each.campaign, each.event) for each in page.decided] == [("x", "Offer Decided")]
    assert not run_sync(decider(clock, offer("x")).deciding(site, SHOES, ["hero"])).decided


def test_what_the_page_says_was_dismissed_is_left_out(clock, site):
    decide = decider(clock, offer("first", priority=9), offer("second"))
    assert chosen(run_sync(decide.deciding(site, SHOES, ["hero"], skip=["first"])).slots["hero"]) == "second"


class Defined:
    """A segment store that knows one segment, of those who bought."""

    def due(self, site) -> bool:
        return False

    def refresh(self, site) -> None: ...

    def known(self, site) -> CompiledSegments:
        return CompiledSegments((("buyers", Audience.parse("orders > 0")),))


def test_segments_are_asked_as_they_are_defined_now(clock, site):
    documents = [offer("x", audience="segment = 'buyers'")]
    stale = Profile(id="v:a", segments=["buyers"])
    since = Profile(id="v:b", counts=Counts(orders=1))
    now, saved = decider(clock, *documents, segments=Defined()), decider(clock, *documents)
    assert [chosen(decided(now, site, each, "hero")) for each in (stale, since)] == [None, "x"]
    assert [chosen(decided(saved, site, each, "hero")) for each in (stale, since)] == ["x", None]


def test_a_page_has_so_many_slots_and_no_more(clock, site):
    slots = [f"s{number}" for number in range(25)]
    page = run_sync(
        decider(clock, *(offer(slot, slots=[slot]) for slot in slots)).deciding(site, SHOES, slots)
    )
    assert [chosen(page.slots[slot]) for slot in slots] == slots[:SLOTS_LIMIT] + [None] * 5


@pytest.mark.parametrize("means", [{"holdout": 0.1}, {"budget": 5}, {"caps": [{"limit": 1, "per": "day"}]}])
def test_while_caps_are_down_a_fallback_with_something_to_count_rests(clock, site, means):
    documents = [offer("counts", tier="fallback", priority=9, **means), offer("calm", tier="fallback")]
    page = run_sync(decider(clock, *documents, caps=Down()).deciding(site, SHOES, ["hero"]))
    assert chosen(page.slots["hero"]) == "calm"
    assert not page.withheld and not page.decided


def test_every_decision_has_a_nonce_of_its_own(clock, site):
    decide = decider(clock, offer("x", holdout=0.5))
    signed = []
    for number in range(40):
        page = run_sync(decide.deciding(site, Profile(id=f"v:{number}"), ["hero"]))
        signed += [each.token for each in (*page.withheld, *filter(None, page.slots.values()))]
    nonces = {SIGNER.read(each, "default", int(clock.now * 1000)).nonce for each in signed}
    assert len(nonces) == 40 and min(map(len, nonces)) >= 12


def test_fallbacks_are_for_their_audience_too(clock, site):
    documents = [
        offer("shoes", tier="fallback", priority=9, audience="affinity('shoes') > 0.3"),
        offer("calm", tier="fallback"),
    ]
    decide = decider(clock, *documents)
    for profile, name in ((SHOES, "shoes"), (Profile(id="v:b"), "calm")):
        assert chosen(decide.fallbacks(site, profile, ["hero"])["hero"]) == name
    denied = Profile(id="v:a", affinities=SHOES.affinities, consent={"personalization": False})
    assert chosen(decide.fallbacks(site, denied, ["hero"])["hero"]) == "calm"


@pytest.mark.parametrize("allocation", ["fixed", "bandit"])
def test_without_stores_every_variant_of_a_fallback_is_as_likely(clock, site, allocation):
    document = offer("x", tier="fallback", allocation=allocation, creatives=CREATIVES)
    decide = decider(clock, document, arms=Learned(a=Arm(1_000, 20), b=Arm(1_000, 300)))
    made = [decide.fallbacks(site, SHOES, ["hero"])["hero"] for _ in range(400)]
    assert 150 < sum(each.variant == "a" for each in made) < 250
    assert {each.propensity for each in made} == {0.5}
