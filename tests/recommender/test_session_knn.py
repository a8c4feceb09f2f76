"""Session-kNN and neighbours on histories whose answer is known."""

import numpy as np

from recommender.algorithms.cooccurrence import baskets, neighbours
from recommender.algorithms.session_knn import build
from recommender.data.interactions import read
from recommender.data.params import Params
from tests.support.recommender_histories import NOW, history
from tracker.durations import HOUR_MS


def sessions(*held: str, name: str = "Product Viewed") -> object:
    """One session per string, one item per letter, a minute apart."""
    rows = [
        (f"v{n}", item, name, NOW + n * HOUR_MS + (0 if name == "Order Completed" else p * 60_000), f"s{n}")
        for n, items in enumerate(held)
        for p, item in enumerate(items)
    ]
    return history(rows)


def next_items(current: str, *held: str, **params: object) -> str:
    rows = read(sessions(*held))
    index = build(rows, Params(**params))  # type: ignore[arg-type]
    code = {item: n for n, item in enumerate(rows.items)}
    voted = index.next([code.get(item, -1) for item in current], Params(**params), 10)  # type: ignore[arg-type]
    assert len(voted.items) == len(voted.scores)
    assert np.all(np.diff(voted.scores) <= 0)
    return "".join(rows.items[item] for item in voted.items if rows.items[item] not in current)


def test_what_similar_sessions_held_comes_first() -> None:
    assert next_items("a", "ab", "ab", "ac", "xy", "xz")[0] == "b"
    assert "x" not in next_items("a", "ab", "ab", "ac", "xy", "xz")


def test_the_last_click_matters_most() -> None:
    assert next_items("ax", "ab", "ab", "xy", "xy")[0] == "y"
    assert next_items("xa", "ab", "ab", "xy", "xy")[0] == "b"


def test_newer_sessions_count_more_and_only_they_are_kept() -> None:
    old, new = ["ab"] * 3, ["ac"] * 3
    assert next_items("a", *old, *new, session_half_life_days=0.1)[0] == "c"
    assert next_items("a", *old, *new, session_postings=3) == "c"


def test_nearer_to_the_shared_item_counts_more() -> None:
    assert next_items("a", "abpqrc", "abpqrc", session_distance=1.0)[0] == "b"


def test_unknown_items_and_no_items_give_nothing() -> None:
    assert next_items("", "ab", "ac") == ""
    assert next_items("?", "ab", "ac") == ""


def test_single_click_sessions_are_no_evidence() -> None:
    rows = read(sessions("a", "b", "ab"))
    assert len(build(rows, Params()).ended) == 1


def test_the_reason_is_an_item_that_shares_a_session() -> None:
    rows = read(sessions("ab", "ab", "xy", "xy"))
    code = {item: n for n, item in enumerate(rows.items)}
    voted = build(rows, Params()).next([code["a"], code["x"]], Params(), 4)
    reasons = zip(voted.items, voted.strongest_source(voted.items), strict=True)
    because = {rows.items[i]: rows.items[why] for i, why in reasons}
    assert because["b"] == "a"
    assert because["y"] == "x"


def test_asking_twice_gives_the_same() -> None:
    """The accumulators are left clean."""
    rows = read(sessions("ab", "ac", "bc", "abc"))
    index = build(rows, Params())
    first, again = index.next([0, 1], Params(), 5), index.next([0, 1], Params(), 5)
    np.testing.assert_array_equal(first.scores, again.scores)


def test_bought_together_counts_orders() -> None:
    rows = read(sessions("ab", "ab", "abc", "cd", name="Order Completed"))
    table = neighbours(baskets(rows, 100), 10, shrink=0.0)
    code = {item: n for n, item in enumerate(rows.items)}
    items, scores = table.of(code["a"])
    assert [rows.items[i] for i in items] == ["b", "c"]
    np.testing.assert_allclose(scores, [3 / 3, 1 / np.sqrt(3 * 2)], rtol=1e-5)
    assert len(table.of(99)[0]) == 0
