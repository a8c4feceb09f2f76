"""The decision: tiers, priority, audience, schedule, consent, holdout, exclusion, and life without Redis."""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest

from offers.bandit.thompson_sampling import Arm, NoArms, best_probabilities, posterior_draws, with_exploration
from offers.campaign.compiled_campaign import CompiledCampaign
from offers.campaign.document import parse
from offers.decision.caps import CapRequest, CapStore, CapsUnavailable, Grant
from offers.decision.decider import Decider
from offers.decision.decisions import Decision
from offers.decision.holdout import held_out, subject
from offers.feedback.token import TokenSigner
from profiles import codec
from profiles.facts import Facts
from profiles.fold import fold, identity
from profiles.model import Affinity, Exposure, Profile, Touch
from profiles.sansio import Call, Steps, run_sync
from tests.offers.test_campaign import written
from tests.support.decisions import decided
from tracker.durations import DAY_MS
from tracker.event import Event

SIGNER = TokenSigner("secret")


class Fixed:
    """A campaign store that knows these campaigns."""

    def __init__(self, *documents: dict[str, Any]) -> None:
        self.documents = documents

    def due(self, site) -> bool:
        return False

    def refresh(self, site) -> None: ...

    def known(self, site) -> tuple[CompiledCampaign, ...]:
        ready = [CompiledCampaign(parse(document), site.zone) for document in self.documents]
        return tuple(sorted(ready, key=lambda each: (each.rank, each.campaign.id)))


class Uncapped:
    """Caps that allow everything, as the Lua script would."""

    def taking(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
        yield from ()
        taken: set[str] = set()
        grants = []
        for asks in slots:
            ghosts, chosen = [], None
            for index, ask in enumerate(asks):
                if ask.campaign in taken:
                    continue
                taken.add(ask.campaign)
                if not ask.ghost:
                    chosen = index
                    break
                ghosts.append(index)
            grants.append(Grant(chosen, tuple(ghosts)))
        return grants


class Down:
    def taking(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
        yield from ()
        raise CapsUnavailable("down")


class Counts(NoArms):
    def __init__(self, **arms: Arm) -> None:
        self.counts = arms

    def arms(self, site: str, campaign: str, slot: str, context: str) -> dict[str, Arm]:
        return self.counts


def offer(name: str, **changes: Any) -> dict[str, Any]:
    return written(id=name, **{"audience": "", "caps": [], **changes})


def decider(clock, *documents, caps=None, **options) -> Decider:
    return Decider(
        Fixed(*documents), caps or Uncapped(), SIGNER, clock=clock, chance=random.Random(7), **options
    )


def chosen(decision: Decision | None) -> str | None:
    return decision.campaign if decision else None


SHOES = Profile(id="v:a", visitors=["a"], affinities={"shoes": Affinity(3.0, 1_795_000_000_000)})


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
    assert chosen(decided(decide, site, Profile(id="v:b", stage="lost"), "hero")) == "override"
    assert decided(decide, site, SHOES, "nowhere") is None


def test_a_decision_carries_what_it_needs(clock, site):
    profile = Profile(id="v:b", stage="regular", device="phone", last_touch=Touch(channel="mail"))
    creatives = [{"id": "x", "kind": "html", "content": "<b onclick=x>hi</b><script>x</script>"}]
    decision = decided(decider(clock, offer("a", creatives=creatives)), site, profile, "hero")
    assert decision is not None
    assert (decision.variant, decision.kind, decision.content) == ("x", "html", "<b>hi</b>")
    token = SIGNER.read(decision.token, "default", int(clock.now * 1000))
    assert (token.campaign, token.variant, token.slot, token.propensity) == ("a", "x", "hero", 1.0)
    assert token.context == "regular|phone|mail"


def test_without_consent_nothing_personal(clock, site):
    documents = [
        offer("shoes", audience="affinity('shoes') > 0.3"),
        offer("denies", audience="not new or new"),
        offer("all", priority=-1),
    ]
    profile = Profile(
        id="v:a", affinities=SHOES.affinities, consent={"personalization": False}, stage="regular"
    )
    decision = decided(decider(clock, *documents), site, profile, "hero")
    assert decision is not None and decision.campaign == "all"
    assert SIGNER.read(decision.token, "default", int(clock.now * 1000)).context == ""
    asked = Profile(id="v:a", affinities=SHOES.affinities, consent={"personalization": True})
    assert chosen(decided(decider(clock, documents[0]), site, asked, "hero")) == "shoes"


def test_one_page_never_shows_a_campaign_twice(clock, site):
    page = run_sync(
        decider(
            clock, offer("both", slots=["hero", "cart"], priority=2), offer("cart", slots=["cart"])
        ).deciding(site, SHOES, ["hero", "cart", "hero", "exit"])
    )
    assert {slot: chosen(decision) for slot, decision in page.slots.items()} == {
        "hero": "both",
        "cart": "cart",
        "exit": None,
    }


def test_without_redis_only_fallbacks_without_caps(clock, site):
    documents = [
        offer("standard"),
        offer("capped", tier="fallback", priority=2, caps=[{"limit": 1, "per": "day"}]),
        offer("free", tier="fallback", slots=["hero", "cart"]),
    ]
    page = run_sync(decider(clock, *documents, caps=Down()).deciding(site, SHOES, ["hero", "cart"]))
    assert {slot: chosen(decision) for slot, decision in page.slots.items()} == {"hero": "free", "cart": None}


@pytest.mark.redis
def test_caps_hold_and_the_next_campaign_follows(clock, site, redis_url):
    documents = [offer("a", priority=1, caps=[{"limit": 2, "per": "session"}]), offer("b", tier="fallback")]
    decide = decider(clock, *documents, caps=CapStore(redis_url, timeout=10))
    assert [chosen(decided(decide, site, SHOES, "hero")) for _ in range(4)] == ["a", "a", "b", "b"]


def test_a_holdout_is_sticky_logged_and_of_the_right_size(clock, site):
    decide = decider(clock, offer("tested", holdout=0.2, priority=1), offer("other"))
    seen = Counter()
    for number in range(2_000):
        profile = Profile(id=f"v:{number}", visitors=[str(number)])
        page = run_sync(decide.deciding(site, profile, ["hero"]))
        held = [SIGNER.read(each.token, "default", int(clock.now * 1000)) for each in page.withheld]
        seen[chosen(page.slots["hero"])] += 1
        assert [token.campaign for token in held] == (
            ["tested"] if chosen(page.slots["hero"]) == "other" else []
        )
        assert all(token.held for token in held)
        signed_in = Profile(id=f"u:{number}", visitors=[str(number), "later"])
        assert chosen(run_sync(decide.deciding(site, signed_in, ["hero"])).slots["hero"]) == chosen(
            page.slots["hero"]
        )
    assert 340 < seen["other"] < 460


def test_holdouts_of_two_campaigns_are_independent():
    both = sum(held_out("s", "a", str(n), 0.5) and held_out("s", "b", str(n), 0.5) for n in range(4_000))
    assert 900 < both < 1_100
    assert subject(Profile(id="v:a")) == subject(Profile(id="u:7", visitors=["a"])) == "a"
    assert not held_out("s", "a", "x", 0.0)


def test_a_global_holdout_leaves_fallbacks(clock, site):
    decide = decider(clock, offer("tested"), offer("calm", tier="fallback"), global_holdout=0.999999)
    page = run_sync(decide.deciding(site, SHOES, ["hero"]))
    assert chosen(page.slots["hero"]) == "calm"
    assert [each.campaign for each in page.withheld] == ["tested"]


def test_only_what_is_pushed_counts_as_fatigue(clock, site):
    asked: dict[str, bool] = {}

    class Asked(Uncapped):
        def taking(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
            asked.update((ask.campaign, ask.exempt) for asks in slots for ask in asks)
            return super().taking(site, view, slots)

    documents = [offer(tier, tier=tier) for tier in ("override", "standard", "fallback")]
    decided(decider(clock, *documents, caps=Asked()), site, SHOES, "hero")
    assert asked == {"override": True, "standard": False, "fallback": True}


def test_of_an_exclusion_group_a_visitor_meets_one_campaign(clock, site):
    decide = decider(clock, offer("a", group="g", slots=["hero"]), offer("b", group="g", slots=["cart"]))
    met = Counter()
    for number in range(600):
        page = run_sync(decide.deciding(site, Profile(id=f"v:{number}"), ["hero", "cart"]))
        shown = [decision.campaign for decision in page.slots.values() if decision]
        assert len(shown) == 1
        met[shown[0]] += 1
    assert 230 < met["a"] < 370


CREATIVES = [
    {"id": name, "kind": "json", "content": {"t": name}, "weight": weight}
    for name, weight in (("a", 3), ("b", 1))
]


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


def test_traits_are_told_only_to_who_may_see_them_and_nothing_without_consent(clock, site):
    text = "{{ trait.name | you }} {{ top_category | all }}"
    decide = decider(
        clock, offer("x", creatives=[{"id": "a", "kind": "html", "content": text, "items": {"limit": 3}}])
    )
    ann = Profile(id="u:1", traits={"name": "Ann"}, affinities=SHOES.affinities)
    assert run_sync(decide.deciding(site, ann, ["hero"])).slots["hero"].content == "you shoes"
    assert (
        run_sync(decide.deciding(site, ann, ["hero"], telling="nothing")).slots["hero"].content == "you all"
    )
    assert (
        run_sync(decide.deciding(site, ann, ["hero"], telling="traits")).slots["hero"].content == "Ann shoes"
    )
    assert run_sync(decide.deciding(site, ann, ["hero"])).slots["hero"].items == {"limit": 3}
    ann.consent["personalization"] = False
    assert run_sync(decide.deciding(site, ann, ["hero"], telling="traits")).slots["hero"].content == "you all"


def test_shown_and_withheld_are_logged_alike(clock, site):
    decide = decider(clock, offer("tested", holdout=0.5), offer("calm", tier="fallback"))
    for number in range(40):
        page = run_sync(decide.deciding(site, Profile(id=f"v:{number}"), ["hero"]))
        logged = [(each.campaign, each.event) for each in (*page.decided, *page.withheld)]
        shown = chosen(page.slots["hero"]) == "tested"
        assert logged == [("tested", "Offer Decided" if shown else "Offer Withheld")]
        assert not shown or page.decided[0].token == page.slots["hero"].token


def test_the_bandit_prefers_what_works_and_goes_on_exploring(clock, site):
    decide = decider(clock, offer("x", creatives=CREATIVES), arms=Counts(a=Arm(1000, 20), b=Arm(1000, 60)))
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


@pytest.mark.parametrize("reward", ["click", "revenue"])
def test_a_draw_is_best_as_often_as_it_is_likely_to_be(reward):
    chance = random.Random(3)
    arms = [Arm(500, 20, 400.0, 9_000.0), Arm(400, 22, 380.0, 8_000.0), Arm(), Arm(30, 1, 15.0, 225.0)]
    draws = [posterior_draws(arms, reward, chance) for _ in range(20_000)]
    shares = Counter(each.index(max(each)) for each in draws)
    for at, likely in enumerate(best_probabilities(arms, reward)):
        assert shares[at] / 20_000 == pytest.approx(likely, abs=0.015)


def test_what_somebody_hid_stays_away_for_a_month_on_all_their_devices(clock, site):
    day, now = DAY_MS, int(clock() * 1000)
    decide = decider(clock, offer("first", priority=9), offer("calm", tier="fallback"))
    for ago, shown in ((1, "calm"), (29, "calm"), (31, "first")):
        hid = Profile(id="u:7", exposure={"first": Exposure(1, 0, now, now - ago * day)})
        assert chosen(decided(decide, site, hid, "hero")) == shown
    gone = Profile(id="u:7", exposure={"calm": Exposure(1, 0, now, now - day)})
    assert chosen(decide.fallbacks(site, gone, ["hero"]).get("hero")) is None


def test_who_cannot_be_recognised_gets_what_needs_no_count(clock, site):
    asked = []

    class Asked(Uncapped):
        def taking(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
            asked.append(slots)
            return super().taking(site, view, slots)

    documents = [
        offer("capped", priority=9, caps=[{"limit": 1, "per": "day"}]),
        offer("tested", priority=8, holdout=0.5),
        offer("plain", priority=7),
        offer("second", priority=6),
        offer("calm", tier="fallback", slots=["hero", "cart"]),
    ]
    page = run_sync(decider(clock, *documents, caps=Asked()).deciding(site, Profile(id=""), ["hero", "cart"]))
    assert {slot: chosen(made) for slot, made in page.slots.items()} == {"hero": "plain", "cart": "calm"}
    assert not page.withheld and not page.decided and not asked
    held = run_sync(decider(clock, *documents, global_holdout=0.1).deciding(site, Profile(id=""), ["hero"]))
    assert chosen(held.slots["hero"]) == "calm"


@pytest.mark.parametrize("seed", range(2))
def test_a_global_holdout_compares_like_with_like(clock, site, redis_url, seed):
    """A campaign that others meet after a higher one was capped out is not met at once by who is held out."""
    draw, groups = random.Random(seed), {True: [0, 0], False: [0, 0]}
    documents = [offer("a", priority=2, caps=[{"limit": 2, "per": "ever"}]), offer("b", priority=1)]
    caps = CapStore(redis_url, timeout=10)
    decide = decider(clock, *documents, caps=caps, global_holdout=0.3)
    for number in range(1_200):
        heavy = draw.random() < 0.3  # they come often, and buy
        bought, met = draw.random() < (0.5 if heavy else 0.05), None
        for _ in range(5 if heavy else 1):
            page = run_sync(decide.deciding(site, Profile(id=f"v:{seed}-{number}"), ["hero"]))
            if chosen(page.slots["hero"]) == "b" or any(each.campaign == "b" for each in page.withheld):
                met = chosen(page.slots["hero"]) != "b"
        if met is not None:
            groups[met][0] += 1
            groups[met][1] += bought
    (held, held_bought), (shown, shown_bought) = groups[True], groups[False]
    assert held / (held + shown) == pytest.approx(0.3, abs=0.06)
    assert held_bought / held == pytest.approx(shown_bought / shown, abs=0.12)


def test_the_lot_is_the_same_before_and_after_signing_in(clock, site):
    """Whatever cookies come and go: a holdout is for a person."""
    kim = Profile(id="u:7", user="7", visitors=["a"], subject="a", last_seen=9)
    identity.merge(kim, Profile(id="v:b", visitors=["b"], subject="b", last_seen=5))
    assert subject(kim) == "a"
    for number in range(40):
        seen = Event(
            site="s",
            id=str(number),
            type="page",
            visitor=f"c{number}",
            ts=10 + number,
            received=0,
            source="snippet",
        )
        fold.apply(kim, seen, Facts(), fold.Settings(), fold.Place(seen.key, 0, number))
    assert "a" not in kim.visitors and subject(kim) == "a"
    assert subject(codec.copy(kim)) == "a"
    assert (
        subject(Profile(id="v:x", visitors=["x"])) == subject(Profile(id="u:7", visitors=["x", "y"])) == "x"
    )
    bought = Event(
        site="s", id="o", type="track", name="Order Completed", user="9", ts=5, received=0, source="snippet"
    )
    server = fold.fold(Profile(id="u:9"), bought, Facts(), fold.Settings(), fold.Place("9", 0, 0))[0]
    seen = Event(site="s", id="p", type="page", visitor="z", user="9", ts=9, received=0, source="snippet")
    assert subject(fold.fold(server, seen, Facts(), fold.Settings(), fold.Place("z", 0, 1))[0]) == "9"


def test_a_fallback_is_reached_whatever_stands_before_it(clock, site):
    tired = [offer(f"c{n}", caps=[{"limit": 1, "per": "day"}]) for n in range(300)]

    class Exhausted(Uncapped):
        def taking(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
            free = ((at for at, ask in enumerate(asks) if ask.exempt) for asks in slots)
            yield from ()
            return [Grant(next(each, None)) for each in free]

    decide = decider(clock, *tired, offer("calm", tier="fallback"), caps=Exhausted())
    assert chosen(decided(decide, site, SHOES, "hero")) == "calm"


def test_of_a_group_one_campaign_is_drawn_whatever_the_hour(clock, site):
    morning = offer("am", group="g", dayparts=[{"from": "00:00", "to": "12:00"}])
    evening = offer("pm", group="g", dayparts=[{"from": "12:00", "to": "24:00"}])
    decide, met = decider(clock, morning, evening), Counter()
    for number in range(200):
        shown = set()
        for hour in (9, 18):
            clock.now = 1_794_960_000 + hour * 3_600  # a midnight in UTC
            shown.add(chosen(decided(decide, site, Profile(id=f"v:{number}"), "hero")))
        met[frozenset(shown - {None})] += 1
    assert set(met) == {frozenset({"am"}), frozenset({"pm"})} and min(met.values()) > 60


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


def test_the_bandit_s_context_is_how_they_stand_now(clock, site):
    """A regular who has not come for long is at risk, to the audience and to the bandit alike."""
    now, day = int(clock() * 1000), DAY_MS
    away = Profile(id="v:a", stage="regular", last_seen=now - 400 * day, last_order=now - 400 * day)
    made = decided(decider(clock, offer("x", audience="stage = 'lost'")), site, away, "hero")
    assert made is not None and made.context.startswith("lost|")


def test_a_closed_slot_stays_closed_in_the_second_round(clock, site, redis_url):
    documents = [offer(f"c{n}", priority=20 - n) for n in range(14)]
    documents.append(offer("calm", tier="fallback"))
    caps = CapStore(redis_url, timeout=10)
    page = run_sync(
        decider(clock, *documents, caps=caps, global_holdout=0.999999).deciding(site, SHOES, ["hero"])
    )
    assert [each.campaign for each in page.withheld] == ["c0"] and chosen(page.slots["hero"]) == "calm"


class Reserving:
    """Means for five decisions of each campaign."""

    def __init__(self) -> None:
        self.left = Counter()

    def reserving(self, site, campaign, budget, at, network=""):
        yield from ()
        self.left.setdefault(campaign, 5)
        self.left[campaign] -= 1
        return self.left[campaign] >= 0

    def give_back(self, site, campaign, network=""):
        self.left[campaign] += 1


def test_a_page_that_nobody_waits_for_any_more_spends_nothing(clock, site):
    class Slow(Uncapped):
        def taking(self, site: str, view, slots: Sequence[Sequence[CapRequest]]) -> Steps[list[Grant]]:
            yield Call(lambda: None)
            return (yield from super().taking(site, view, slots))

    budgets = Reserving()
    decide = decider(clock, offer("paid", budget=5), caps=Slow(), budgets=budgets)
    deciding = decide.deciding(site, SHOES, ["hero"])
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
    deciding = Decider(stale, Uncapped(), SIGNER, clock=clock).deciding(site, SHOES, ["hero"])
    reading = next(deciding)
    assert not stale.documents
    reading.now()
    with pytest.raises(StopIteration) as end:
        deciding.send(None)
    assert chosen(end.value.value.slots["hero"]) == "new"


def test_the_probability_of_being_best_is_the_integral():
    """Against a million draws from the posteriors, from nothing known to very much known."""
    import numpy as np

    generator = np.random.default_rng(1)
    for arms in (
        [Arm(), Arm()],
        [Arm(10, 1), Arm(12, 3), Arm(0, 0)],
        [Arm(100_000, 1_000), Arm(100_000, 1_050), Arm(50, 1)],
        [Arm(5, 5), Arm(1_000_000, 999_000)],
        [Arm(n, n // 3) for n in range(20)],
    ):
        draws = np.stack([generator.beta(1 + a.rewarded, 1 + a.shown - a.rewarded, 1_000_000) for a in arms])
        simulated = np.bincount(draws.argmax(axis=0), minlength=len(arms)) / 1_000_000
        assert np.allclose(best_probabilities(arms), simulated, atol=2.5e-3)
        assert sum(best_probabilities(arms)) == pytest.approx(1)
        assert sum(with_exploration(best_probabilities(arms))) == pytest.approx(1)
        assert min(with_exploration(best_probabilities(arms))) >= 0.01


def test_dayparts_past_midnight_belong_to_the_day_they_began(clock, site):
    document = offer("x", dayparts=[{"days": ["fri"], "from": "22:00", "to": "02:00"}])
    decide = decider(clock, document)
    clock.now = 1_795_212_000 - 3_600  # Friday 2026-11-20 21:00 UTC
    times = []
    for _ in range(8):
        times.append(decided(decide, site, SHOES, "hero") is not None)
        clock.advance(3_600)
    assert times == [False, True, True, True, True, False, False, False]
