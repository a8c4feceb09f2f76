"""Evaluation cases: the recommender is given nothing that comes later than the moment of the question."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recommender.data.interactions import Interactions, read
from recommender.data.params import Params
from recommender.evaluation.cases import CHOSEN, Case, last_days, next_item
from recommender.model.card import Card
from recommender.offline.evaluate import evaluate, split
from recommender.offline.interaction_file import DataFileInvalid
from recommender.training.held_out import HeldOut, halves, held_out_cases
from recommender.training.train import fit
from tests.support.recommender_histories import NOW, history, shop_history
from tracker.durations import DAY_MS, MINUTE_MS

Row = tuple[str, str, str, int, str]
KINDS = ("Product Viewed", "Order Completed", "Product List Viewed", "Product Dismissed")
ROWS = st.lists(
    st.tuples(
        st.sampled_from("ab"),
        st.sampled_from("pqrs"),
        st.sampled_from(KINDS),
        st.integers(0, 12).map(lambda at: NOW + at * MINUTE_MS),
        st.sampled_from(("", "s", "t", "u")),
    ),
    min_size=1,
    max_size=25,
)
"""Few people, sessions and moments: sessions overlap, are shared by two people, and much happens at one time."""


def checked(case: Case, future: list[Row], known: list[Row]) -> None:
    """Every touch is earlier than the question, the choice is not, and the touches are all that was known by then."""
    assert all(touch.ts < case.now for touch in case.touches)
    person = [name for name in "ab" if any(row[0] == name for row in future)]
    choices = [(who, ts) for who, item, _, ts, _ in future if item in case.chosen and ts >= case.now]
    assert choices
    assert case.until in {ts for _, ts in choices}
    held = [
        sorted((ts, item) for who, item, _, ts, _ in known if who == name and ts < case.now)
        for name in person
    ]
    assert sorted((touch.ts, touch.item) for touch in case.touches) in held


@settings(max_examples=300, deadline=None)
@given(ROWS, ROWS)
def test_a_next_item_case_knows_all_that_was_before_and_nothing_later(past: list[Row], future: list[Row]):
    """``past`` overlaps with ``future``, as two files that somebody split by visitors may."""
    cases = list(next_item(read(history(future)), read(history(past))))
    for case in cases:
        checked(case, future, [*past, *future])
    expected = 0
    for who, session in {(row[0], row[4]) for row in future}:
        own = [row for row in future if (row[0], row[4]) == (who, session)]
        begin = min(row[3] for row in own)
        expected += sum(row[3] > begin and row[2] in ("Product Viewed", "Order Completed") for row in own)
    assert len(cases) == expected
    assert CHOSEN


@settings(max_examples=100, deadline=None)
@given(ROWS, ROWS)
def test_a_last_days_case_knows_nothing_of_those_days(past: list[Row], future: list[Row]):
    begin = min(row[3] for row in future)
    for case in last_days(read(history(future)), read(history(past))):
        assert case.now == begin
        checked(case, future, past)


def test_a_second_tab_is_known_up_to_the_moment_of_the_question_only():
    """Two sessions of one person over half an hour; the second begins within the first."""
    first = [("a", item, "Product Viewed", NOW + n * 10 * MINUTE_MS, "s") for n, item in enumerate("pqr")]
    second = [
        ("a", item, "Product Viewed", NOW + (5 + n * 10) * MINUTE_MS, "t") for n, item in enumerate("xy")
    ]
    cases = {
        next(iter(case.chosen)): "".join(touch.item for touch in case.touches)
        for case in next_item(read(history([*first, *second])))
    }
    assert cases == {"q": "p", "r": "pxq", "y": "px"}


def test_lines_of_one_order_do_not_tell_each_other():
    rows = [("a", "p", "Product Viewed", NOW, "s")]
    rows += [("a", item, "Order Completed", NOW + MINUTE_MS, "s") for item in "pqr"]
    cases = list(next_item(read(history(rows))))
    assert [("".join(touch.item for touch in case.touches), *case.chosen) for case in cases] == [
        ("p", "p"),
        ("p", "q"),
        ("p", "r"),
    ]


def same(ours: Interactions, theirs: Interactions) -> None:
    assert ours.items == tuple(sorted(theirs.items, key=ours.items.index))
    names = np.array(theirs.items)
    assert [ours.items[code] for code in ours.item] == names[theirs.item].tolist()
    np.testing.assert_allclose(ours.repeat_weights, theirs.repeat_weights)
    assert ours.ts.tolist() == theirs.ts.tolist()


@settings(max_examples=100, deadline=None)
@given(ROWS, st.integers(1, 12))
def test_the_history_before_a_moment_is_the_one_that_was_known_then(rows: list[Row], at: int):
    """Neither items that came later nor how often somebody repeats something afterwards."""
    end = NOW + at * MINUTE_MS
    known = [row for row in rows * 3 if row[3] < end]
    if known:
        same(read(history(rows * 3)).before(end), read(history(known)))


def test_how_much_somebody_teaches_is_what_was_known_then():
    """Who did one thing and was never seen again weighs half, also if they come again later."""
    rows = [(f"v{n}", "p", "Product Viewed", NOW + n * MINUTE_MS, f"s{n}") for n in range(3)]
    rows += [(f"v{n}", "q", "Product Viewed", NOW + DAY_MS + n, f"t{n}") for n in range(3)]
    table = history(rows)
    table = table.append_column("received", table["ts"]).append_column("sender", pa.array(["1.2.3.0"] * 6))
    then = read(table.slice(0, 3))
    assert read(table).profile_weights[0] > then.profile_weights[0]
    np.testing.assert_allclose(read(table).before(NOW + DAY_MS).profile_weights, then.profile_weights)


def test_a_model_of_the_past_is_the_model_that_would_have_been_trained_then():
    table = shop_history(200)
    rows = read(table)
    cut = int(np.median(rows.ts))
    then = read(table.filter(np.array(table["ts"].to_pylist()) < cut))
    params, card = Params(iterations=2, threads=1), Card(version="t", site="", made=0)
    ours, theirs = fit(rows.before(cut), params, card), fit(then, params, card)
    assert set(ours.items) == set(theirs.items)
    at = [theirs.index[item] for item in ours.items]
    np.testing.assert_allclose(ours.popularity.popular, theirs.popularity.popular[at], rtol=1e-6)
    np.testing.assert_allclose(ours.popularity.trend, theirs.popularity.trend[at], rtol=1e-6)
    assert ours.card.last == theirs.card.last < cut


@pytest.mark.parametrize("held_out", [HeldOut(), HeldOut(sessions=300), HeldOut(unseen=NOW - DAY_MS)])
def test_what_fits_the_blend_is_over_before_what_judges_begins(held_out: HeldOut):
    rows = read(shop_history(1_200))
    cut, fitting, judging = held_out_cases(rows, Params(), held_out)
    assert cut is not None
    assert fitting
    assert judging
    assert max(case.until for case in fitting) < min(case.start for case in judging)
    assert min(case.start for case in fitting) >= cut > max(rows.before(cut).ts)
    assert halves([]) == ([], [])


def lines(rows: list[Row]) -> str:
    return "visitor,session,item,time\n" + "\n".join(
        f"{who},{session},{item},{ts}" for who, item, _, ts, session in rows
    )


def test_rows_of_the_test_s_time_teach_nothing_though_they_are_in_the_training_file(tmp_path: Path):
    """Files split by visitors: the training file tells what is popular in the days that are judged."""
    past = [
        (f"v{n}", item, "", NOW + n * 1_000 + m, f"s{n}")
        for n in range(120)
        for m, item in enumerate("ab" if n % 2 else "cd")
    ]
    future = [
        (f"w{n}", item, "", NOW + DAY_MS + n * 1_000 + m, f"u{n}")
        for n in range(20)
        for m, item in enumerate("ab")
    ]
    later = [(f"x{n}", "y", "", NOW + DAY_MS + n, f"x{n}") for n in range(500)]
    test, honest, leaking = (tmp_path / name for name in ("test.csv", "honest.csv", "leaking.csv"))
    for path, rows in ((test, future), (honest, past), (leaking, [*past, *later])):
        path.write_text(lines(rows))
    ours, theirs = evaluate(leaking, test), evaluate(honest, test)
    assert (ours.left_out, theirs.left_out, ours.train_events) == (500, 0, 240)
    assert "(500 left out" in ours.summary()
    measures = ("HR@20", "MRR@20", "coverage@20", "popularity@20")
    for kind, found in ours.kinds.items():
        assert [found[name] for name in measures] == [theirs.kinds[kind][name] for name in measures]
    leaking.write_text(lines(later))
    with pytest.raises(DataFileInvalid, match="no row to learn from is earlier"):
        evaluate(leaking, test)
    test.write_text(lines([("w", "a", "", NOW + 2 * DAY_MS, "u"), ("w", "b", "", NOW + 2 * DAY_MS, "u")]))
    with pytest.raises(DataFileInvalid, match="no row to judge by"):
        evaluate(honest, test)


def test_the_days_held_out_of_the_warehouse_are_not_known():
    rows = read(shop_history(300))
    past, future = split(rows, 3.0)
    assert past.ts.max() < future.ts.min()
    assert set(past.items) <= {rows.items[code] for code in rows.item[rows.ts < future.ts.min()]}
