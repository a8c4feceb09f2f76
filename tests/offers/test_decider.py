"""The decision: tiers, priorities, slots of a page, and what a decision carries."""

from collections import Counter
from collections.abc import Sequence

import pytest

from offers.decision.caps import CapRequest, CapStore, Grant
from offers.decision.decider import SLOTS_LIMIT, Decider
from profiles.model import Counts, Profile, Touch
from profiles.sansio import Call, Steps, run_sync
from tests.support.consents import answers
from tests.support.decisions import decided
from tests.support.offers import SHOES, SIGNER, Fixed, Uncapped, chosen, decider, offer


def test_the_highest_tier_then_priority_among_those_who_match(clock, site):
    documents = [
        offer("fallback", tier="fallback", priority=99),
        offer("low", priority=1),
        offer("high", priority=2),
        offer("shoes", priority=3, audience="affinity('shoes') > 0.3"),
        offer("override", tier="override", audience="stage = 'lost'"),
        offer("elsewhere", tier="override", slots=["cart"]),
        *(offer(status, tier="override", status=status) for status in ("draft", "paused", "ended")),
        offer("past", tier="override", end="2026-11-01"),
        offer("future", tier="override", start="2026-12-01"),
        offer("nightly", tier="override", dayparts=[{"from": "22:00", "to": "06:00"}]),
    ]
    decide = decider(clock, *documents)
    assert chosen(decided(decide, site, SHOES, "hero")) == "shoes"
    assert chosen(decided(decide, site, Profile(id="v:b"), "hero")) == "high"
    assert chosen(decided(decide, site, Profile(id="v:b", counts=Counts(orders=1)), "hero")) == "override"
    assert decided(decide, site, SHOES, "nowhere") is None


def test_a_decision_carries_what_it_needs(clock, site):
    now, touch = int(clock() * 1000), Touch(channel="mail")
    profile = Profile(id="v:b", last_seen=now, counts=Counts(orders=3), device="phone", last_touch=touch)
    creatives = [{"id": "x", "kind": "html", "content": "<b onclick=x>hi</b><script>x</script>"}]
    decision = decided(decider(clock, offer("a", creatives=creatives)), site, profile, "hero")
    assert decision is not None
    assert (decision.variant, decision.kind, decision.content) == ("x", "html", "<b>hi</b>")
    token = SIGNER.read(decision.token, "default", int(clock.now * 1000))
    assert (token.campaign, token.variant, token.slot, token.propensity) == ("a", "x", "hero", 1.0)
    assert token.context == "regular|phone|mail"


def test_one_page_never_shows_a_campaign_twice(clock, site):
    page = run_sync(
        decider(
            clock, offer("both", slots=["hero", "cart"], priority=2), offer("cart", slots=["cart"])
        ).decide(site, SHOES, ["hero", "cart", "hero", "exit"])
    )
    assert {slot: chosen(decision) for slot, decision in page.slots.items()} == {
        "hero": "both",
        "cart": "cart",
        "exit": None,
    }


@pytest.mark.redis
def test_caps_hold_and_the_next_campaign_follows(clock, site, redis_url):
    documents = [offer("a", priority=1, caps=[{"limit": 2, "per": "session"}]), offer("b", tier="fallback")]
    decide = decider(clock, *documents, caps=CapStore(redis_url, timeout=10))
    assert [chosen(decided(decide, site, SHOES, "hero")) for _ in range(4)] == ["a", "a", "b", "b"]


def test_only_what_is_pushed_counts_as_fatigue(clock, site):
    asked: dict[str, bool] = {}

    class Asked(Uncapped):
        def take(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
            asked.update((ask.campaign, ask.exempt) for asks in slots for ask in asks)
            return super().take(site, view, slots)

    documents = [offer(tier, tier=tier) for tier in ("override", "standard", "fallback")]
    decided(decider(clock, *documents, caps=Asked()), site, SHOES, "hero")
    assert asked == {"override": True, "standard": False, "fallback": True}


def test_traits_are_told_only_to_who_may_see_them_and_nothing_without_consent(clock, site):
    text = "{{ trait.name | you }} {{ top_category | all }}"
    decide = decider(
        clock, offer("x", creatives=[{"id": "a", "kind": "html", "content": text, "items": {"limit": 3}}])
    )
    ann = Profile(id="u:1", traits={"name": "Ann"}, affinities=SHOES.affinities)
    assert run_sync(decide.decide(site, ann, ["hero"])).slots["hero"].content == "you shoes"
    assert run_sync(decide.decide(site, ann, ["hero"], telling="nothing")).slots["hero"].content == "you all"
    assert run_sync(decide.decide(site, ann, ["hero"], telling="traits")).slots["hero"].content == "Ann shoes"
    assert run_sync(decide.decide(site, ann, ["hero"])).slots["hero"].items == {"limit": 3}
    ann.consents = answers({"personalization": False})
    assert run_sync(decide.decide(site, ann, ["hero"], telling="traits")).slots["hero"].content == "you all"


class Reserving:
    """Means for five decisions of each campaign."""

    def __init__(self) -> None:
        self.left = Counter()

    def reserve(self, site, campaign, budget, at, network=""):
        yield from ()
        self.left.setdefault(campaign, 5)
        self.left[campaign] -= 1
        return self.left[campaign] >= 0

    def give_back(self, site, campaign, network=""):
        self.left[campaign] += 1


def test_a_page_that_nobody_waits_for_any_more_spends_nothing(clock, site):
    class Slow(Uncapped):
        def take(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
            yield Call(lambda: None)
            return (yield from super().take(site, view, slots))

    budgets = Reserving()
    decide = decider(clock, offer("paid", budget=5), caps=Slow(), budgets=budgets)
    deciding = decide.decide(site, SHOES, ["hero"])
    next(deciding)
    assert budgets.left == {"paid": 4}
    deciding.close()
    assert budgets.left == {"paid": 5}
    assert chosen(decided(decide, site, SHOES, "hero")) == "paid"
    assert budgets.left == {"paid": 4}


def test_what_is_due_is_read_before_and_elsewhere(clock, site):
    """The steps themselves ask no store: on an event loop nobody would be served meanwhile."""

    class Stale(Fixed):
        def __init__(self) -> None:
            super().__init__()

        def due(self, site) -> bool:
            return not self.documents

        def refresh(self, site) -> None:
            self.documents = (offer("new"),)

    stale = Stale()
    deciding = Decider(stale, Uncapped(), SIGNER, clock=clock).decide(site, SHOES, ["hero"])
    reading = next(deciding)
    assert not stale.documents
    reading.result()
    with pytest.raises(StopIteration) as end:
        deciding.send(None)
    assert chosen(end.value.value.slots["hero"]) == "new"


class Worn(Uncapped):
    """Caps that campaigns named "worn…" have reached. ``asked``: the campaigns of each slot, call by call."""

    def __init__(self) -> None:
        self.asked: list[list[list[str]]] = []

    def take(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
        self.asked.append([[ask.campaign for ask in asks] for asks in slots])
        fresh = [[at for at, ask in enumerate(asks) if ask.campaign[:4] != "worn"] for asks in slots]
        mine = [[asks[at] for at in places] for asks, places in zip(slots, fresh, strict=True)]
        grants = yield from super().take(site, view, mine)
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
    page = run_sync(decide.decide(site, SHOES, ["hero", "cart"]))
    assert [chosen(made) for made in page.slots.values()] == ["both", "cart"]


def test_what_was_withheld_in_one_slot_is_not_logged_again_in_the_second_round(clock, site):
    held = offer("held", slots=["hero", "cart"], priority=9, holdout=0.9)
    documents = [held, offer("hero"), *worn(6, "cart"), offer("cart", slots=["cart"])]
    page = run_sync(decider(clock, *documents, caps=Worn()).decide(site, SHOES, ["hero", "cart"]))
    assert [chosen(made) for made in page.slots.values()] == ["hero", "cart"]
    assert [(each.campaign, each.slot) for each in page.withheld] == [("held", "hero")]


def test_a_page_has_so_many_slots_and_no_more(clock, site):
    slots = [f"s{number}" for number in range(25)]
    page = run_sync(decider(clock, *(offer(slot, slots=[slot]) for slot in slots)).decide(site, SHOES, slots))
    assert [chosen(page.slots[slot]) for slot in slots] == slots[:SLOTS_LIMIT] + [None] * 5


def test_every_decision_has_a_nonce_of_its_own(clock, site):
    decide = decider(clock, offer("x", holdout=0.5))
    signed = []
    for number in range(40):
        page = run_sync(decide.decide(site, Profile(id=f"v:{number}"), ["hero"]))
        signed += [each.token for each in (*page.withheld, *filter(None, page.slots.values()))]
    nonces = {SIGNER.read(each, "default", int(clock.now * 1000)).nonce for each in signed}
    assert len(nonces) == 40 and min(map(len, nonces)) >= 12
