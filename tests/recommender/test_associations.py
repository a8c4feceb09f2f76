"""Bought together, bought next, and substitutes: equal to a count by hand, whatever the order of arrival."""

from collections import defaultdict
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.algorithms import associations
from recommender.algorithms.associations import Rules, following, likelihood_ratio, substitutes, together
from recommender.algorithms.cooccurrence import neighbours, visits
from recommender.data.interactions import Interactions, read
from tracker.durations import DAY_MS

DAYS = 30


def history(rows: list[tuple[str, str, str, int]]) -> Interactions:
    """``rows``: person, event, item, day. One visit a day."""
    columns = {
        "profile": [row[0] for row in rows],
        "name": [row[1] for row in rows],
        "product": [row[2] for row in rows],
        "ts": [row[3] * DAY_MS + 1_700_000_000_000 for row in rows],
        "quantity": [1.0] * len(rows),
        "session": [f"{row[0]}-{row[3]}" for row in rows],
    }
    texts = ("profile", "name", "product", "session")
    types = {name: pa.string() if name in texts else pa.float64() for name in columns}
    return read(pa.table(columns, pa.schema({**types, "ts": pa.int64()})))


def told(rules: Rules, items: tuple[str, ...]) -> dict[tuple[str, str], tuple[int, float]]:
    found = {}
    for code, name in enumerate(items):
        span = rules.of(code)
        for other, people, lift in zip(rules.items[span], rules.people[span], rules.lift[span], strict=True):
            found[name, items[other]] = (round(float(people)), round(float(lift), 3))
    return found


def orders_of(rows: list[tuple[str, str, str, int]]) -> dict[str, dict[int, set[str]]]:
    orders: dict[str, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for person, event, item, day in rows:
        if event == "Order Completed":
            orders[person][day].add(item)
    return orders


def by_hand(rows: list[tuple[str, str, str, int]], later: bool) -> dict[tuple[str, str], tuple[int, float]]:
    """Sets of people, counted by loops."""
    both: dict[tuple[str, str], set[str]] = defaultdict(set)
    base: dict[str, set[str]] = defaultdict(set)
    other: dict[str, set[str]] = defaultdict(set)
    people = set()
    for person, orders in orders_of(rows).items():
        days = sorted(orders)
        for at, day in enumerate(days):
            next_days = [each for each in days[at + 1 :] if each - day <= DAYS][
                : associations.FOLLOWING_ORDERS
            ]
            had = set().union(*(orders[each] for each in days[: at + 1]))
            if later and not next_days:
                continue
            people.add(person)
            new = set(orders[day])
            if later:
                new, known = set(), set(had)
                for each in days[at + 1 :]:
                    if each in next_days:
                        new |= orders[each] - known
                    known |= orders[each]
            for item in orders[day]:
                base[item].add(person)
            for item in new:
                other[item].add(person)
            for pair in product(orders[day], new):
                if pair[0] != pair[1]:
                    both[pair].add(person)
    found = {}
    for (one, two), who in both.items():
        counts = len(who), len(base[one]), len(other[two])
        lift = counts[0] * len(people) / (counts[1] * counts[2])
        sure = likelihood_ratio(*(np.array([float(each)]) for each in counts), float(len(people)))[0]
        if counts[0] >= associations.LEAST_PEOPLE and lift > 1 and sure >= associations.CERTAIN:
            found[one, two] = (counts[0], round(lift, 3))
    return found


PURCHASES = st.lists(
    st.tuples(
        st.sampled_from([f"p{n}" for n in range(14)]),
        st.just("Order Completed"),
        st.sampled_from("abcdef"),
        st.integers(0, 90),
    ),
    min_size=1,
    max_size=150,
)


@pytest.fixture(autouse=True)
def lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small histories are certain of nothing; small portions must add up."""
    monkeypatch.setattr(associations, "CERTAIN", 0.5)
    monkeypatch.setattr(associations, "LEAST_PEOPLE", 2.0)
    monkeypatch.setattr(associations, "PAIRS_AT_ONCE", 20)


@given(PURCHASES)
@settings(max_examples=150, deadline=None)
def test_bought_together_is_what_loops_over_sets_of_people_find(
    rows: list[tuple[str, str, str, int]],
) -> None:
    known = history(rows)
    assert told(together(known, 50, 100), known.items) == by_hand(rows, later=False)


@given(PURCHASES)
@settings(max_examples=150, deadline=None)
def test_bought_next_is_what_loops_over_sets_of_people_find(rows: list[tuple[str, str, str, int]]) -> None:
    known = history(rows)
    assert told(following(known, 50, 100, DAYS), known.items) == by_hand(rows, later=True)


@given(PURCHASES, st.randoms())
@settings(max_examples=50, deadline=None)
def test_arrival_changes_nothing_and_lift_is_symmetric(
    rows: list[tuple[str, str, str, int]], chance: Any
) -> None:
    known = history(rows)
    found = told(together(known, 50, 100), known.items)
    chance.shuffle(rows)
    known = history(rows)
    assert told(together(known, 50, 100), known.items) == found
    assert all(found[two, one] == evidence for (one, two), evidence in found.items())


def test_ten_equal_orders_of_one_person_are_one() -> None:
    often = [("kim", "Order Completed", item, day) for day in range(10) for item in "ab"]
    others = [(f"p{n}", "Order Completed", "c", 0) for n in range(30)]
    known = history(often + others)
    assert told(together(known, 50, 100), known.items) == {}


def test_chance_purchases_of_rare_items_do_not_lead(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"r{n}", "Order Completed", item, 0) for n in range(3) for item in ("hub", "rare")]
    rows += [(f"f{n}", "Order Completed", item, 0) for n in range(60) for item in ("hub", "friend")]
    rows += [(f"o{n}", "Order Completed", "other", 0) for n in range(300)]
    known = history(rows)
    rules = together(known, 50, 100)
    span = rules.of(known.items.index("hub"))
    assert [known.items[each] for each in rules.items[span]] == ["friend", "rare"]
    monkeypatch.setattr(associations, "CERTAIN", 10.83)
    monkeypatch.setattr(associations, "LEAST_PEOPLE", 3.0)
    assert ("hub", "friend") in told(together(known, 50, 100), known.items)


def test_of_two_that_were_looked_at_it_is_counted_which_was_taken() -> None:
    rows = []
    for n in range(10):
        rows += [(f"p{n}", "Product Viewed", item, 1) for item in ("cheap", "dear")]
        rows += [(f"p{n}", "Order Completed", "dear" if n < 6 else "cheap", 1)] if n < 9 else []
    rows += [("both", "Product Viewed", item, 1) for item in ("cheap", "dear")]
    rows += [("both", "Order Completed", item, 1) for item in ("cheap", "dear")]
    known = history(rows)
    near = neighbours(visits(known, 100), 10)
    found = substitutes(known, near, 100)
    at = int(near.starts[known.items.index("cheap")])
    assert (found.looked[at], found.other[at], found.first[at]) == (11, 6, 3)


@pytest.mark.parametrize("rows", [[], [("a", "Product Viewed", "x", 1)], [("a", "Order Completed", "x", 1)]])
def test_without_orders_there_are_no_rules(rows: list[tuple[str, str, str, int]]) -> None:
    known = history(rows)
    for rules in (together(known, 5, 100), following(known, 5, 100, DAYS)):
        assert len(rules.items) == 0 and len(rules.starts) == len(known.items) + 1
    near = neighbours(visits(known, 100), 10)
    assert len(substitutes(known, near, 100).looked) == 0


def test_of_too_many_pairs_the_rarest_go(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(f"p{n}", "Order Completed", item, 0) for n in range(40) for item in ("a", "b", f"x{n}")]
    rows += [(f"o{n}", "Order Completed", "c", 0) for n in range(80)]
    known = history(rows)
    whole = told(together(known, 50, 100), known.items)
    monkeypatch.setattr(associations, "PAIRS_KEPT", 10)
    assert told(together(known, 50, 100), known.items)["a", "b"] == whole["a", "b"]


def test_behind_one_proxy_people_are_as_many_as_they_are() -> None:
    """All from one network in one minute are scaled alike; beside others from networks of their own they stay few."""
    rows = [(f"p{n}", "Order Completed", item, 1) for n in range(40) for item in "ab"]
    rows += [(f"o{n}", "Order Completed", "c", 1) for n in range(60)]
    known = history(rows)
    alike = replace(known, crowd_weights=np.full(len(known.profiles), 0.03))
    assert told(together(alike, 50, 100), known.items) == told(together(known, 50, 100), known.items)
    crowd = np.array([0.01 if name.startswith("p") else 1.0 for name in known.profiles])
    assert told(together(replace(known, crowd_weights=crowd), 50, 100), known.items) == {}
