"""Groups: planted ones are found and told in words that an audience understands; one population is no groups."""

import math
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.groups import clusters as clusters_module
from customers.groups.clusters import agreement, clusters
from customers.groups.features import features, largest_interests, names_of
from customers.groups.groups import find
from customers.groups.kmeans import nearest
from customers.groups.rules import rule
from offers.audience.audience import Audience
from offers.audience.grammar import Branch, parse
from profiles.model import Affinity, Counts, Profile
from tests.support.sites import site_with
from tracker.durations import DAY_MS

NOW = 1_790_000_000_000
CENTRES = np.array([[0.0, 0, 0], [6, 0, 0], [0, 6, 0], [0, 0, 6]])


def planted(seed: int = 1, each: int = 200) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    truth = np.repeat(np.arange(4), each)
    return CENTRES[truth] + chance.normal(size=(4 * each, 3)), truth


def test_planted_clusters_are_found() -> None:
    points, truth = planted()
    found = clusters(points)
    assert found is not None
    assert len(found.centres) == 4
    assert found.stable >= 0.95
    table = np.zeros((4, 4))
    np.add.at(table, (truth, found.labels), 1)
    assert agreement(table) > 0.97
    assert np.array_equal(nearest(points, found.centres), found.labels)


ONE = {
    "round": lambda chance, n: chance.normal(size=(n, 4)),
    "even": lambda chance, n: chance.random((n, 3)),
    "long": lambda chance, n: chance.normal(size=(n, 1)) * [1, 1, 1] + 0.1 * chance.normal(size=(n, 3)),
    "skewed": lambda chance, n: chance.exponential(size=(n, 3)),
    "one line": lambda chance, n: np.sort(chance.random((n, 1)), axis=0),
    "all the same": lambda _, n: np.ones((n, 3)),
}


@pytest.mark.parametrize("shape", ONE)
@pytest.mark.parametrize("customers", [150, 1500])
def test_one_population_is_no_groups(shape: str, customers: int) -> None:
    for seed in range(2):
        assert clusters(ONE[shape](np.random.default_rng(seed), customers)) is None


@pytest.mark.parametrize("customers", [0, 1, 3, 20, 99])
def test_few_customers_have_no_groups(customers: int) -> None:
    values = np.tile([1.0, 2.0], (customers, 1))
    found = find(values, ("orders", "visits"), (), 7)
    assert (found.groups, found.customers) == ([], customers)
    assert np.isnan(found.of(values)).all()


def test_without_the_valley_one_cloud_would_be_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long cloud is cut at the same place in every sample: stability alone believes in the pieces."""
    cloud = ONE["long"](np.random.default_rng(0), 1500)
    assert clusters(cloud) is None
    monkeypatch.setattr(clusters_module, "_valley", lambda _: True)
    assert clusters(cloud) is not None


counts = st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=4)


@given(counts)
def test_agreement_is_the_adjusted_rand_index(table: list[list[int]]) -> None:
    """By counting pairs of points, one by one."""
    points = [
        (row, column) for row, line in enumerate(table) for column, n in enumerate(line) for _ in range(n)
    ]
    pairs = [(a, b) for at, a in enumerate(points) for b in points[at + 1 :]]
    first = [a[0] == b[0] for a, b in pairs]
    second = [a[1] == b[1] for a, b in pairs]
    expected = sum(first) * sum(second) / max(len(pairs), 1)
    most = (sum(first) + sum(second)) / 2
    both = sum(one and other for one, other in zip(first, second, strict=True))
    wanted = (both - expected) / (most - expected) if most > expected else 1.0
    assert agreement(np.array(table, float)) == pytest.approx(wanted)


def shopper(number: int, kind: int, chance: np.random.Generator) -> Profile:
    """Of kind 0 somebody who bought a little once and looks at books; 1 shoes, often; 2 much, long ago."""
    orders = 1 + int(chance.poisson((0.3, 14, 5)[kind]))
    visits = orders + int(chance.poisson((3, 40, 9)[kind]))
    away = (20, 4, 300)[kind] * chance.uniform(0.7, 1.4)
    liked = ("books", "shoes", "o'hats")[kind]
    other = ("books", "shoes", "o'hats")[(kind + 1) % 3]
    spent = orders * chance.uniform(30, 50)
    return Profile(
        f"u:{number}",
        counts=Counts(
            visits=visits, views=visits + int(chance.poisson(3 * visits)), orders=orders, revenue=spent
        ),
        first_seen=NOW - 400 * DAY_MS,
        last_order=NOW - int(away * DAY_MS),
        affinities={liked: Affinity(chance.uniform(6, 9), NOW - DAY_MS), other: Affinity(1.0, NOW - DAY_MS)},
    )


def shoppers(seed: int = 2) -> tuple[list[Profile], np.ndarray]:
    chance = np.random.default_rng(seed)
    kinds = np.arange(600) % 3
    return [shopper(number, int(kind), chance) for number, kind in enumerate(kinds)], kinds


def test_groups_of_profiles_are_named_by_audiences_that_hold_for_them() -> None:
    profiles, kinds = shoppers()
    categories = largest_interests(profiles, NOW)
    assert set(categories) == {"books", "shoes", "o'hats"}
    values = np.array([features(each, categories, NOW) for each in profiles])
    found = find(values, names_of(categories), categories, 20_000)
    assert len(found.groups) == 3
    assert found.stable >= 0.8
    assert sum(group.share for group in found.groups) == pytest.approx(1)
    mine = found.of(values)
    assert {len(set(mine[kinds == kind])) for kind in range(3)} == {1}
    for group in found.groups:
        tree = parse(group.audience)
        assert not isinstance(tree, Branch) or (tree.kind == "and" and len(tree.children) <= 3)
        audience = Audience.parse(group.audience)
        held = np.array([audience.matches(each, NOW, site_with()) for each in profiles])
        members = mine == group.id
        assert np.count_nonzero(held & members) / np.count_nonzero(held) == pytest.approx(group.precision)
        assert np.count_nonzero(held & members) / np.count_nonzero(members) == pytest.approx(group.recall)
        assert min(group.precision, group.recall) > 0.95
        assert len(group.differences) == 3


def test_a_group_keeps_its_id() -> None:
    profiles, _ = shoppers()
    categories = largest_interests(profiles, NOW)
    values = np.array([features(each, categories, NOW) for each in profiles])
    first = find(values, names_of(categories), categories, 20_000)
    ids = first.of(values)
    renumbered = first.__class__(
        **{name: getattr(first, name) for name in first.__struct_fields__}
        | {
            "groups": [
                type(g)(**{n: getattr(g, n) for n in g.__struct_fields__} | {"id": g.id + 4})
                for g in first.groups
            ]
        }
    )
    again = find(values[::-1], names_of(categories), categories, 20_007, renumbered)
    assert np.array_equal(again.of(values), ids + 4)


def test_features_are_what_audiences_ask() -> None:
    profiles, _ = shoppers()
    categories = largest_interests(profiles, NOW)
    names = names_of(categories)
    for profile, (at, name) in product([*profiles[:6], Profile("v:new")], list(enumerate(names))):
        value = features(profile, categories, NOW)[at]
        text = f"{value:.9f}"
        asked = (
            Audience.parse(f"{name} between {float(text) - 1e-6:.9f} and {float(text) + 1e-6:.9f}")
            if not math.isnan(value)
            else None
        )
        if asked is None:
            assert not Audience.parse(f"{name} exists").matches(profile, NOW, site_with()), name
        else:
            assert asked.matches(profile, NOW, site_with()), (name, value)


def test_a_rule_of_three_clauses_is_found_and_no_longer_one() -> None:
    chance = np.random.default_rng(3)
    values = chance.integers(0, 20, (3000, 5)).astype(float)
    members = (values[:, 0] >= 10) & (values[:, 1] < 5) & (values[:, 2] >= 15) & (values[:, 3] >= 2)
    found = rule(values, ("orders", "visits", "views", "adds", "revenue"), members)
    assert found.audience.count(" and ") == 2
    assert "orders >= 10" in found.audience
    assert "visits < 5" in found.audience
    assert "views >= 15" in found.audience
    assert found.recall == 1
    assert found.precision > 0.8
