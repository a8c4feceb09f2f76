"""Holdouts: of one campaign and of all, sticky, of the right size and logged."""

import random
from collections import Counter

import pytest

from offers.campaign.document import parse
from offers.decision.caps import CapStore
from offers.decision.holdout import held_out, subject
from profiles.model import Profile
from profiles.sansio import run_sync
from tests.support.offers import SHOES, SIGNER, chosen, decider, offer


def test_a_holdout_is_sticky_logged_and_of_the_right_size(clock, site):
    decide = decider(clock, offer("tested", holdout=0.2, priority=1), offer("other"))
    seen = Counter()
    for number in range(2_000):
        profile = Profile(id=f"v:{number}", visitors=[str(number)])
        page = run_sync(decide.decide(site, profile, ["hero"]))
        held = [SIGNER.read(each.token, "default", int(clock.now * 1000)) for each in page.withheld]
        seen[chosen(page.slots["hero"])] += 1
        assert [token.campaign for token in held] == (
            ["tested"] if chosen(page.slots["hero"]) == "other" else []
        )
        assert all(token.held for token in held)
        signed_in = Profile(id=f"u:{number}", visitors=[str(number), "later"])
        assert chosen(run_sync(decide.decide(site, signed_in, ["hero"])).slots["hero"]) == chosen(
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
    page = run_sync(decide.decide(site, SHOES, ["hero"]))
    assert chosen(page.slots["hero"]) == "calm"
    assert [each.campaign for each in page.withheld] == ["tested"]


def test_shown_and_withheld_are_logged_alike(clock, site):
    decide = decider(clock, offer("tested", holdout=0.5), offer("calm", tier="fallback"))
    for number in range(40):
        page = run_sync(decide.decide(site, Profile(id=f"v:{number}"), ["hero"]))
        logged = [(each.campaign, each.event) for each in (*page.decided, *page.withheld)]
        shown = chosen(page.slots["hero"]) == "tested"
        assert logged == [("tested", "Offer Decided" if shown else "Offer Withheld")]
        assert not shown or page.decided[0].token == page.slots["hero"].token


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
            page = run_sync(decide.decide(site, Profile(id=f"v:{seed}-{number}"), ["hero"]))
            if chosen(page.slots["hero"]) == "b" or any(each.campaign == "b" for each in page.withheld):
                met = chosen(page.slots["hero"]) != "b"
        if met is not None:
            groups[met][0] += 1
            groups[met][1] += bought
    (held, held_bought), (shown, shown_bought) = groups[True], groups[False]
    assert held / (held + shown) == pytest.approx(0.3, abs=0.06)
    assert held_bought / held == pytest.approx(shown_bought / shown, abs=0.12)


def test_a_closed_slot_stays_closed_in_the_second_round(clock, site, redis_url):
    documents = [offer(f"c{n}", priority=20 - n) for n in range(14)]
    documents.append(offer("calm", tier="fallback"))
    caps = CapStore(redis_url, timeout=10)
    page = run_sync(
        decider(clock, *documents, caps=caps, global_holdout=0.999999).decide(site, SHOES, ["hero"])
    )
    assert [each.campaign for each in page.withheld] == ["c0"] and chosen(page.slots["hero"]) == "calm"


@pytest.mark.parametrize("tier", ["override", "fallback"])
def test_the_global_holdout_is_of_standard_campaigns_only(clock, site, tier):
    decide = decider(clock, offer("x", tier=tier), global_holdout=0.999999)
    page = run_sync(decide.decide(site, SHOES, ["hero"]))
    assert chosen(page.slots["hero"]) == "x"
    assert not page.withheld and not page.decided


def test_both_holdouts_multiply(clock):
    decide = decider(clock, global_holdout=0.1)
    assert decide.holdout(parse(offer("x", holdout=0.1))) == pytest.approx(0.19)
    assert decide.holdout(parse(offer("x"))) == pytest.approx(0.1)
    assert decide.holdout(parse(offer("x", holdout=0.1, tier="fallback"))) == pytest.approx(0.1)


def test_a_global_holdout_alone_makes_decisions_known(clock, site):
    page = run_sync(decider(clock, offer("x"), global_holdout=1e-9).decide(site, SHOES, ["hero"]))
    assert [(each.campaign, each.event) for each in page.decided] == [("x", "Offer Decided")]
    assert not run_sync(decider(clock, offer("x")).decide(site, SHOES, ["hero"])).decided


@pytest.mark.parametrize(("tier", "overall"), [("standard", 0.2), ("override", 0.0), ("fallback", 0.0)])
def test_a_token_carries_the_shares_that_held(clock, site, tier, overall):
    decide = decider(clock, offer("tested", holdout=0.5, tier=tier), global_holdout=0.2)
    seen = set()
    for number in range(40):
        page = run_sync(decide.decide(site, Profile(id=f"v:{number}"), ["hero"]))
        for each in (*page.decided, *page.withheld):
            token = SIGNER.read(each.token, site.id, int(clock() * 1000))
            seen.add(token.held)
            assert (token.holdout, token.global_holdout) == (0.5, overall)
            assert token.held_share == pytest.approx(1 - 0.5 * (1 - overall))
    assert seen == {True, False}
