"""Evaluation: measures computed by hand, files under usual names, the published data set."""

import json
import math
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest
from click.testing import CliRunner

from dangol.cli import main
from recommender.data.interactions import read
from recommender.data.params import Params
from recommender.evaluation import measure, ranking_metrics
from recommender.evaluation.cases import Case, last_days, next_item
from recommender.model.card import Card
from recommender.offline.evaluate import evaluate
from recommender.offline.interaction_file import DataFileInvalid, load
from recommender.serving.request import STRATEGIES
from recommender.training.train import fit
from tests.support.recommender_histories import NOW, history
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS
from warehouse.delta import Warehouse


def test_measures_by_hand() -> None:
    shown = ["a", "b", "c", "d"]
    assert ranking_metrics.hit(shown, {"c"}) == 1.0
    assert ranking_metrics.hit(shown, {"x"}) == 0.0
    assert ranking_metrics.reciprocal_rank(shown, {"c", "d"}) == pytest.approx(1 / 3)
    assert ranking_metrics.reciprocal_rank(shown, {"x"}) == 0.0
    assert ranking_metrics.recall(shown, {"a", "d", "x"}, 4) == pytest.approx(2 / 3)
    assert ranking_metrics.recall(shown, set("abcdefgh"), 4) == 1.0, "four places hold four"
    assert ranking_metrics.ndcg(shown, {"c"}, 4) == pytest.approx(0.5)
    # 1/log2(2) + 1/log2(4) of 1/log2(2) + 1/log2(3)
    assert ranking_metrics.ndcg(shown, {"a", "c"}, 4) == pytest.approx(1.5 / 1.63093, rel=1e-4)


MEASURES = ["HR", "MRR", "Recall", "NDCG", "coverage", "popularity"]


def fixed(shown: list[list[str]]) -> Callable[..., tuple[list[list[str]], list[float]]]:
    return lambda *_: (shown, [0.001, 0.002, 0.003][: len(shown)])


def test_what_a_kind_reached_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four items, popular in the order d, c, b, a; two cases."""
    views = [
        (f"v{n}", item, "Product Viewed", NOW, f"s{n}")
        for place, item in enumerate("abcd", 1)
        for n in range(place)
    ]
    rows = read(history(views))
    model = fit(rows, Params(iterations=1), Card(version="t", site="", made=0))
    monkeypatch.setattr(measure, "ranked_lists", fixed([["a", "d"], ["b", "c"]]))
    cases = [Case(n, (), 0, NOW, frozenset(chosen)) for n, chosen in enumerate(("d", "ax"))]
    assert measure.measure_strategy(model, cases, Params(), "popular", 2) == {
        "HR@2": 0.5,
        "MRR@2": 0.25,
        "Recall@2": 0.5,
        "NDCG@2": round(1 / math.log2(3) / 2, 5),
        "coverage@2": 1.0,
        "popularity@2": 0.5,  # percentiles 0, 1, 1/3, 2/3
        "p50_ms": 1.5,
        "p99_ms": 1.99,
    }
    monkeypatch.setattr(measure, "ranked_lists", fixed([["d"], []]))
    reached = measure.measure_strategy(model, cases, Params(), "popular", 2)
    assert (reached["HR@2"], reached["MRR@2"], reached["coverage@2"], reached["popularity@2"]) == (
        0.5,
        0.5,
        0.25,
        1.0,
    )


def lines(rows: list[tuple[str, str, int]]) -> str:
    return "session,item,time\n" + "\n".join(f"{session},{item},{ts}" for session, item, ts in rows)


@pytest.mark.parametrize("protocol", ["next-item", "last-days"])
def test_the_command_prints_every_measure_of_every_kind(tmp_path: Path, protocol: str) -> None:
    past, future = tmp_path / "train.csv", tmp_path / "test.csv"
    pairs = [("a", "b"), ("c", "d"), ("e", "f")]
    past.write_text(
        lines(
            [(f"s{n}", item, 10**9 + 100 * n + m) for n in range(90) for m, item in enumerate(pairs[n % 3])]
        )
    )
    # s0, s1, s2 come back: each sees its pair again
    future.write_text(
        lines([(f"s{n}", item, 2 * 10**9 + m) for n in range(3) for m, item in enumerate(pairs[n])])
    )
    command = ["evaluate", "--train", str(past), "--test", str(future), "--protocol", protocol, "-k", "2"]
    done = CliRunner().invoke(main, [*command, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert list(document) == ["kinds"]
    assert set(document["kinds"]) == {*STRATEGIES}
    for measures in document["kinds"].values():
        assert list(measures) == [*(f"{name}@2" for name in MEASURES), "p50_ms", "p99_ms"]
    # After the first of a pair, the other is the best guess; given both, both.
    reached = document["kinds"]["session"]
    assert (reached["HR@2"], reached["Recall@2"]) == (1.0, 1.0)
    assert reached["MRR@2"] == (1.0 if protocol == "last-days" else reached["MRR@2"])
    table = CliRunner().invoke(main, command)
    assert [line.split()[0] for line in table.stdout.splitlines()] == ["kind", *STRATEGIES]
    for wrong in (["--train", str(past)], ["--warehouse", "--train", str(past), "--test", str(future)], []):
        assert CliRunner().invoke(main, ["evaluate", *wrong]).exit_code == 2


def test_a_site_s_own_last_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
    nothing = CliRunner().invoke(main, ["evaluate", "--warehouse"])
    assert nothing.exit_code == 1
    assert "nothing before" in nothing.output
    rows = [
        row(
            NOON - (20 - n // 5) * DAY_MS + 1000 * place,
            id=f"e{n}-{place}",
            type="track",
            name="Product Viewed",
            product=f"{'ab' if n % 2 else 'cd'}"[place],
            profile=f"p{n}",
            session=f"s{n}",
        )
        for n in range(100)
        for place in range(2)
    ]
    Warehouse(str(tmp_path / "warehouse")).append(rows, [], {})
    done = CliRunner().invoke(main, ["evaluate", "--warehouse", "--days", "4.5", "--json"])
    assert done.exit_code == 0, done.output
    assert "next-item: 25 moments of 50 events; trained on 150" in done.stderr
    assert json.loads(done.stdout)["kinds"]["session"]["HR@20"] == 1.0


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


def test_tables_that_hold_what_the_matrix_does_not_end_in_no_traceback(tmp_path: Path) -> None:
    file, twice = tmp_path / "a.parquet", tmp_path / "a.csv"
    time = pa.array([1_795_000_000_123_456_789], pa.timestamp("ns"))
    parquet.write_table(pa.table({"visitor": [1], "item": [5], "time": time}), file)
    assert load(file).ts.tolist() == [1_795_000_000_123]
    parquet.write_table(pa.table({"visitor": [1], "item": [5], "time": time, "quantity": ["many"]}), file)
    with pytest.raises(DataFileInvalid):
        load(file)
    for text in ("visitor,item,item,time\n1,2,3,4\n", f"visitor,item,time\n1,2,{'9' * 5000}\n"):
        twice.write_text(text)
        with pytest.raises(DataFileInvalid):
            load(twice)


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
    assert report.json() == {"kinds": report.kinds}
