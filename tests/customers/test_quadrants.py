"""Quadrants: planted tastes are found, chance alone is none, and each place has a campaign that can be saved."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from customers.quadrants.needs import Mixes, needs
from customers.quadrants.places import BY_NEEDS_AND_VALUE, quadrants
from customers.quadrants.treatments import treatment
from offers.audience.audience import Audience
from offers.campaign.document import document, parse
from profiles.model import Profile
from profiles.standing import QUADRANTS
from tests.support.sites import site_with

SHOP = np.array([0.4, 0.3, 0.2, 0.1])


def mixes(counts: np.ndarray) -> Mixes:
    customer, category = np.nonzero(counts)
    return Mixes(len(counts), customer, category, counts[customer, category].astype(float))


def test_chance_alone_is_no_need() -> None:
    chance = np.random.default_rng(3)
    counts = np.array([chance.multinomial(n, SHOP) for n in chance.integers(1, 40, 3000)])
    found = needs(mixes(counts))
    assert found.shrink > 200
    assert np.nanmax(found.distance) < 0.1
    assert set(quadrants(found.distance, np.arange(3000.0))) == {0.0, 2.0}, "value alone tells them apart"


def test_the_strength_of_the_prior_is_found() -> None:
    chance = np.random.default_rng(4)
    for k in (1.0, 4.0, 20.0):
        counts = np.array(
            [chance.multinomial(n, chance.dirichlet(k * SHOP)) for n in chance.integers(1, 30, 6000)]
        )
        assert needs(mixes(counts)).shrink == pytest.approx(k, rel=0.12)


def test_planted_tastes_stand_apart_and_one_odd_purchase_does_not() -> None:
    chance = np.random.default_rng(5)
    usual = [chance.multinomial(20, SHOP) for _ in range(900)]
    special = [chance.multinomial(20, [0, 0, 0, 1]) for _ in range(90)]
    once = [np.array([0, 0, 0, 1])] * 10
    value = np.where(np.arange(1000) % 2 == 0, 100.0, 1.0)
    distance = needs(mixes(np.array([*usual, *special, *once]))).distance
    assert distance[900:990].min() > 1.5 * distance[:900].max()
    assert distance[990:].max() < distance[900:990].min() / 2, "drawn towards the shop"
    places = quadrants(distance, value)
    assert np.all(places[900:990][::2] == QUADRANTS.index("one-to-one"))
    assert np.all(places[901:990:2] == QUADRANTS.index("help to choose"))
    usual_ones = places[:900][distance[:900] < distance.mean()]
    assert set(usual_ones) <= {
        QUADRANTS.index("preferred customer"),
        QUADRANTS.index("not worth personalizing"),
    }


tables = st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=1, max_size=30)


@settings(max_examples=60)
@given(tables)
def test_needs_are_what_their_definition_says(rows: list[list[int]]) -> None:
    counts = np.array(rows)
    found = needs(mixes(counts))
    shop = counts.sum(0) / max(counts.sum(), 1)
    for row, distance in zip(counts, found.distance, strict=True):
        if not row.sum():
            assert np.isnan(distance)
            continue
        k = found.shrink
        drawn = (row + k * shop) / (row.sum() + k) if np.isfinite(k) else shop
        assert distance == pytest.approx(np.abs(drawn - shop).sum() / 2, abs=1e-9)
        assert 0 <= distance <= 1


@pytest.mark.parametrize("customers", [0, 1, 3, 20])
def test_equal_customers_are_in_one_place(customers: int) -> None:
    found = needs(mixes(np.tile([2, 1, 1, 0], (customers, 1))))
    places = quadrants(found.distance, np.full(customers, 0.1 + 0.2))
    assert places.tolist() == [0.0] * customers


def test_what_is_not_known_has_no_place() -> None:
    nan = float("nan")
    places = quadrants(np.array([nan, 0.5, 0.1]), np.array([1.0, nan, 1.0]))
    assert np.isnan(places).tolist() == [True, True, False]
    assert np.isnan(quadrants(np.full(3, nan), np.ones(3))).all()


def test_each_place_has_a_campaign_for_just_its_people() -> None:
    assert set(BY_NEEDS_AND_VALUE.values()) == set(QUADRANTS)
    seen = set()
    for place, name in enumerate(QUADRANTS):
        campaign = parse(treatment(name))
        assert parse(document(campaign)) == campaign
        assert campaign.status == "draft"
        seen.add(campaign.id)
        audience = Audience.parse(campaign.audience)
        held = [
            audience.matches(Profile("u:a", scores={"quadrant": float(n)}), 0, site_with()) for n in range(4)
        ]
        assert held == [n == place for n in range(4)]
    assert len(seen) == 4
