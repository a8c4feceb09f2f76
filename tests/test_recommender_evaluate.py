"""Evaluation: measures computed by hand, files under usual names, the published data set."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from recommender_histories import history

from recommender import metrics
from recommender.cases import last_days, next_item
from recommender.datafile import DataFileInvalid, load
from recommender.evaluate import evaluate
from recommender.interactions import read


def test_measures_by_hand() -> None:
    shown = ["a", "b", "c", "d"]
    assert metrics.hit(shown, {"c"}) == 1.0
    assert metrics.hit(shown, {"x"}) == 0.0
    assert metrics.reciprocal_rank(shown, {"c", "d"}) == pytest.approx(1 / 3)
    assert metrics.reciprocal_rank(shown, {"x"}) == 0.0
    assert metrics.recall(shown, {"a", "d", "x"}, 4) == pytest.approx(2 / 3)
    assert metrics.recall(shown, set("abcdefgh"), 4) == 1.0, "four places hold four"
    assert metrics.ndcg(shown, {"c"}, 4) == pytest.approx(0.5)
    # 1/log2(2) + 1/log2(4) of 1/log2(2) + 1/log2(3)
    assert metrics.ndcg(shown, {"a", "c"}, 4) == pytest.approx(1.5 / 1.63093, rel=1e-4)
    mean, half = metrics.mean_interval([1.0, 0.0, 1.0, 0.0])
    assert (mean, half) == pytest.approx((0.5, 1.96 * (1 / 3 / 4) ** 0.5))


def test_every_prefix_is_a_case_and_knows_only_what_came_before() -> None:
    rows = read(history([("v", item, "Product Viewed", 1000 * n, "s") for n, item in enumerate("abca")]))
    cases = list(next_item(rows))
    assert [("".join(touch.item for touch in case.touches), *case.chosen) for case in cases] == [
        ("a", "b"),
        ("ab", "c"),
        ("abc", "a"),
    ]


def test_a_visitor_s_past_is_known() -> None:
    past = read(history([("v", "x", "Product Viewed", 1, "s"), ("w", "y", "Product Viewed", 2, "t")]))
    future = read(history([("v", item, "Order Completed", n, "u") for n, item in enumerate("ab", 10)]))
    assert [[t.item for t in case.touches] for case in next_item(future, past)] == [["x", "a"]]
    (case,) = last_days(future, past)
    assert ([t.item for t in case.touches], set(case.chosen)) == (["x"], {"a", "b"})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.tsv", "SessionId\tItemId\tTime\n1\t10\t1396314141.719\n1\t11\t1396314151\n"),
        ("a.csv", "user_id,product_id,timestamp\n1,10,1396314141719\n1,11,1396314151000\n"),
        (
            "a.inter",
            "session_id:token\titem_id:token\ttimestamp:float\n1\t10\t1396314141.719\n1\t11\t1396314151\n",
        ),
        ("b.csv", "visitor;item;time\n1;10;2014-04-01T01:02:21.719Z\n1;11;2014-04-01 01:02:31Z\n"),
    ],
)
def test_columns_and_times_as_data_sets_have_them(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    rows = load(file)
    assert rows.items == ("10", "11")
    assert rows.ts.tolist() == [1396314141719, 1396314151000]


def test_parquet_and_event_names(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    columns = {
        "visitor": [1, 1, 1],
        "item": [5, 6, 7],
        "time": [1, 2, 3],
        "event": ["view", "transaction", "poke"],
    }
    parquet.write_table(pa.table(columns), file)
    rows = load(file)
    assert rows.items == ("5", "6")
    assert rows.kind.tolist() == [0, 3]


@pytest.mark.parametrize("text", ["", "a,b\n1,2\n", "session,time\n1,2\n", "item,time\n1,2\n", "\x00\x01"])
def test_unusable_files_say_what_is_missing(tmp_path: Path, text: str) -> None:
    file = tmp_path / "a.csv"
    file.write_text(text)
    with pytest.raises(DataFileInvalid, match=r"a\.csv"):
        load(file)
    with pytest.raises(DataFileInvalid):
        load(tmp_path / "absent.tsv")


@pytest.mark.slow
def test_better_than_the_published_baselines(shared_data: Path) -> None:
    """YooChoose 100k, every prefix of every test session, repeats allowed; the targets of issue 5."""
    train, test = (shared_data / f"yoochoose-100k-{part}.tsv" for part in ("train", "test"))
    if not train.exists():
        pytest.skip(f"no {train}")
    report = evaluate(train, test)
    assert report.cases == 13_568 - 3_416
    for kind in ("session", "blend"):
        assert report.kinds[kind]["HR@20"] >= 0.69
        assert report.kinds[kind]["MRR@20"] >= 0.36
    assert report.kinds["blend"]["HR@20"] > report.kinds["session"]["HR@20"]
    assert "session" in report.table()
    assert report.json()["kinds"]["session"]["HR@20"] == report.kinds["session"]["HR@20"]
