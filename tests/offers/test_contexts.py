"""Contexts of the bandit: names, parents, and how much a rare context takes from its parent."""

import random

import numpy as np
import pytest

from offers.audience.visitor import View
from offers.bandit.contexts import CONTEXTS_KEPT, STRONGEST, SlotCounts, context_of, parents, slot_counts
from offers.bandit.thompson_sampling import Arm, best_probabilities
from profiles.model import Counts, Profile, Touch
from tests.support.decisions import decided
from tests.support.offers import SIGNER, decider, offer
from tests.support.sites import UTC_SITE


def test_contexts_have_parents():
    profile = Profile(id="v:a", counts=Counts(orders=3), device="phone", last_touch=Touch(channel="a|b"))
    assert context_of(View(profile, 0, UTC_SITE)) == "regular|phone|a/b"
    assert parents("regular|phone|mail") == ["", "regular", "regular|phone", "regular|phone|mail"]
    assert parents("") == [""]


def test_a_thin_context_leans_on_its_parent_and_a_thick_one_stands_alone():
    full = {
        "x|d|big": {"a": Arm(20_000, 1_000), "b": Arm(20_000, 2_000)},
        "x|d|odd": {"a": Arm(20_000, 4_000), "b": Arm(20_000, 200)},
        "x|d|thin": {"a": Arm(3, 1), "b": Arm(3, 0)},
    }
    counts = slot_counts(full)
    thin, odd = counts.arms("x|d|thin"), counts.arms("x|d|odd")
    assert counts.strengths[2] < 100  # these buckets differ much
    assert 3 < thin["a"].shown < 120
    assert odd["a"].rewarded / odd["a"].shown == pytest.approx(0.2, abs=0.005)
    assert set(counts.arms("never|seen|before")) == {"a", "b"}
    assert counts.contexts[""]["a"].shown == 40_003


def test_contexts_that_are_alike_learn_from_each_other():
    generator = random.Random(3)
    full = {
        f"s|d|{number}": {
            variant: Arm(200, sum(generator.random() < rate for _ in range(200)))
            for variant, rate in (("a", 0.10), ("b", 0.15))
        }
        for number in range(40)
    }
    counts = slot_counts(full)
    assert counts.strengths[2] == STRONGEST
    alone = min(best_probabilities(list(counts.values()))[1] for counts in full.values())
    together = min(best_probabilities(list(counts.arms(context).values()))[1] for context in full)
    assert together > 0.99 > 0.9 > alone


def test_data_are_never_counted_twice():
    counts = slot_counts({"x|d|only": {"a": Arm(500, 50)}})
    assert counts.arms("x|d|only")["a"] == pytest.approx(Arm(500, 50))
    assert counts.arms("")["a"] == pytest.approx(Arm(500, 50))
    assert SlotCounts().arms("x|y|z") == {}


def test_buckets_that_are_alike_are_rarely_taken_for_different():
    """The terms depend on one another, so a little more often than a chi-square that fits lies so high."""
    draw, apart = np.random.default_rng(6), 0
    for _ in range(600):
        won = draw.binomial(1_000, 0.1, 3)
        full = {f"s|d|{at}": {"a": Arm(1_000, int(each))} for at, each in enumerate(won)}
        apart += slot_counts(full).strengths[2] < STRONGEST
    assert apart / 600 < 0.12


def test_names_of_contexts_are_cut(clock, site):
    now, touch = int(clock.now * 1000), Touch(channel="c" * 41)
    profile = Profile(id="v:a", last_seen=now, counts=Counts(orders=3), device="d" * 99, last_touch=touch)
    decision = decided(decider(clock, offer("x")), site, profile, "hero")
    context = SIGNER.read(decision.token, "default", int(clock.now * 1000)).context
    assert context == f"regular|{'d' * 40}|{'c' * 40}"


def test_of_too_many_contexts_the_rare_count_in_their_parents_only():
    full = {f"s|d|{number}": {"a": Arm(10, 1)} for number in range(CONTEXTS_KEPT)}
    kept = slot_counts({**full, "s|d|rare": {"a": Arm(1, 1)}, "": {"a": Arm(2, 0)}}).contexts
    assert "s|d|rare" not in kept
    assert sum(name.count("|") == 2 for name in kept) == CONTEXTS_KEPT
    assert kept["s|d"]["a"] == kept["s"]["a"] == Arm(5_001, 501)
    assert kept[""]["a"] == Arm(5_003, 501)


def test_a_bucket_is_compared_with_its_parent_without_itself():
    """Pearson's terms 1600 / 120.4 and 1600 / 90, each halved since the other is as uncertain, less 2 and the noise of
    4, over 1998."""
    counts = slot_counts({"s|d|p": {"a": Arm(1_000, 100)}, "s|d|q": {"a": Arm(1_000, 140)}})
    assert counts.strengths[2] == pytest.approx(1_998 / (800 / 120.4 + 800 / 90 - 6) - 1)
