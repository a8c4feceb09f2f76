"""Event files: columns found, ids stable, errors that name the place."""

import csv
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from ingest.events_file import FileInvalid, milliseconds, read, rows
from tracker.event import Event, encode
from tracker.sites import Site


def events(path: Path, site: Site) -> list[Event]:
    return [event for batch in read(path, site, 5) for event in batch]


def test_a_tab_separated_file_with_sessions(tmp_path: Path, site: Site) -> None:
    file = tmp_path / "clicks.tsv"
    file.write_text("SessionId\tItemId\tTime\n1\t214\t1396860669.277\n1\t215\t1396860670\n")
    first, second = events(file, site)
    assert (first.visitor, first.props["product_id"], first.ts) == ("1", "214", 1396860669277)
    assert first.context == {"session": "1"}
    assert first.name == "Product Viewed"
    assert second.ts == 1396860670000
    assert rows(file) == 2


def test_the_same_row_twice_counts_twice_and_the_same_file_twice_counts_once(
    tmp_path: Path, site: Site
) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text("visitor_id,item_id,timestamp\na,7,1000\na,7,1000\n")
    once = [event.id for event in events(file, site)]
    assert len(set(once)) == 2
    file.write_text(file.read_text() + "a,8,1001\n")
    assert [event.id for event in events(file, site)][:2] == once


def test_purchases_with_users_and_prices(tmp_path: Path, site: Site) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("user;product;time;event;price;quantity\nu1;p;2026-01-02T03:04:05Z;purchase;9.5;2\n")
    (event,) = events(file, site)
    assert (event.user, event.visitor, event.name) == ("u1", None, "Order Completed")
    assert event.props == {"product_id": "p", "price": "9.5", "quantity": "2"}


@pytest.mark.parametrize("word", ["NULL", "undefined", "null", "None", "nan", "guest", "-"])
def test_a_placeholder_is_no_id(tmp_path: Path, site: Site, word: str) -> None:
    file = tmp_path / "clicks.csv"
    head = "session,visitor,user,item,time\n"
    file.write_text(f"{head}s1,v1,{word},p,1000\ns1,{word},u1,p,1000\ns1,{word},{word},p,1000\n")
    found = [(event.visitor, event.user, event.proven, event.context) for event in events(file, site)]
    session = {"session": "s1"}
    assert found == [("v1", None, False, session), (None, "u1", True, session), ("s1", None, False, session)]
    file.write_text(f"{head}{word},{word},u1,p,1000\n{word},{word},{word},p,1000\n{word},,,p,1000\n")
    (event,) = events(file, site)
    assert (event.visitor, event.user, event.context) == (None, "u1", {})
    assert rows(file) == 3
    file.write_text(f"user,item,time\n{word},p,1000\n")
    assert list(read(file, site, 5)) == []


@pytest.mark.parametrize("number", ["0", "-1", "0.0", "00"])
def test_a_number_is_an_id(tmp_path: Path, site: Site, number: str) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text(f"visitor,user,item,time\n{number},,p,1000\n,{number},p,1000\n")
    assert [(event.visitor, event.user) for event in events(file, site)] == [(number, None), (None, number)]


def test_parquet(tmp_path: Path, site: Site) -> None:
    file = tmp_path / "clicks.parquet"
    pa.parquet.write_table(pa.table({"session": [1, 2], "item": [7, 8], "time": [1.5e9, 1.6e9]}), file)
    assert [event.visitor for event in events(file, site)] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("item,time\n1,2\n", "session, visitor or user"),
        ("session,time\n1,2\n", "item or url"),
        ("session,item\n1,2\n", "time column"),
        ("session,item,time\n1,2,noon\n", "row 2: 'noon' is no time"),
        ("session,item,time\n,2,1\n", "row 2: no session"),
        ("", "Empty"),
        ("session,item,time\n1,2\n", "clicks.csv"),
    ],
)
def test_a_bad_file_is_refused_with_the_place(tmp_path: Path, site: Site, text: str, complaint: str) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text(text)
    with pytest.raises(FileInvalid, match=complaint):
        events(file, site)


def test_times() -> None:
    assert milliseconds("1396860669.277", "") == 1396860669277
    assert milliseconds(1396860669277, "") == 1396860669277
    assert milliseconds("2014-04-07T08:51:09.277Z", "") == 1396860669277
    assert milliseconds("2014-04-07 08:51:09.277", "") == 1396860669277


def test_the_real_file_is_read_whole(shared_data: Path, site: Site) -> None:
    path = shared_data / "yoochoose-100k-train.tsv"
    with path.open() as file:
        expected = list(csv.DictReader(file, delimiter="\t"))
    got = events(path, site)
    assert len(got) == len(expected)
    assert len({event.id for event in got}) == len(expected)
    assert {event.visitor for event in got} == {row["SessionId"] for row in expected}


def test_what_a_table_holds_and_python_does_not_ends_in_no_traceback(tmp_path: Path, site: Site) -> None:
    file = tmp_path / "t.parquet"

    def written(time: pa.Array, price: object = 1.0) -> Path:
        table = pa.table({"visitor": ["a"], "item": ["p"], "time": time, "price": [price]})
        pa.parquet.write_table(table, file)
        return file

    nanoseconds = pa.array([1_795_000_000_123_456_789], pa.timestamp("ns"))
    (event,) = events(written(nanoseconds), site)
    assert event.ts == 1_795_000_000_123
    (event,) = events(written(nanoseconds.cast(pa.timestamp("ns", "Asia/Seoul"))), site)
    assert event.ts == 1_795_000_000_123
    with pytest.raises(FileInvalid, match=r"t\.parquet row 2"):
        events(written(pa.array([2**60], pa.timestamp("ms"))), site)
    (event,) = events(written(nanoseconds, float("inf")), site)
    assert event.props["price"] == "Infinity"
    (event,) = events(written(nanoseconds, b"\xff\0"), site)
    assert encode(event)
    (event,) = events(written(nanoseconds, Decimal(2**63 + 1)), site)
    assert event.props["price"] == "9223372036854775809"


def test_a_number_of_five_thousand_digits_is_no_traceback(tmp_path: Path, site: Site) -> None:
    file, digits = tmp_path / "t.csv", "9" * 5_000
    file.write_text(f"visitor,item,time,price\na,{digits},1000,{digits}\n")
    (event,) = events(file, site)
    assert event.props["price"] == digits
    assert encode(event)
    file.write_text(f"visitor,item,time\na,p,{digits}\n")
    with pytest.raises(FileInvalid, match="is no time"):
        events(file, site)


def test_a_column_that_is_there_twice_is_named(tmp_path: Path, site: Site) -> None:
    file = tmp_path / "t.csv"
    file.write_text("visitor,item,item,time,other,other\na,p,q,1000,1,2\n")
    with pytest.raises(FileInvalid, match="the column 'item' is there 2 times"):
        events(file, site)
    file.write_text("visitor,item,time,other,other\na,p,1000,1,2\n")
    assert len(events(file, site)) == 1


@pytest.mark.parametrize("zone", ["Mars/Phobos", "+25:00", "..", "A" * 300])
def test_a_zone_that_there_is_not_costs_no_moment(tmp_path: Path, site: Site, zone: str) -> None:
    file = tmp_path / "t.parquet"
    times = pa.array([1_795_000_000_123_456], pa.timestamp("us", zone))
    pa.parquet.write_table(pa.table({"visitor": ["a"], "item": ["p"], "time": times}), file)
    (event,) = events(file, site)
    assert event.ts == 1_795_000_000_123
    inside = pa.array([[123_456]], pa.list_(pa.timestamp("us", zone)))
    table = pa.table({"visitor": ["a"], "item": ["p"], "time": [1_795_000_000], "price": inside})
    pa.parquet.write_table(table, file)
    with pytest.raises(FileInvalid, match=r"t\.parquet row 2"):
        events(file, site)


@pytest.mark.parametrize(
    "written",
    ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "9999-12-31", "1969-12-31", "2096-10-03"],
)
def test_a_date_has_the_bounds_of_a_number(tmp_path: Path, site: Site, written: str) -> None:
    """Ingest would bury it, while the import says that it is in."""
    file = tmp_path / "t.csv"
    file.write_text(f"visitor,item,time\na,p,{written}\n")
    with pytest.raises(FileInvalid, match=r"row 2: .* is no time"):
        events(file, site)
    for moment in (pa.array([2_932_896], pa.date32()), pa.array([-(2**62)], pa.timestamp("ns"))):
        table = pa.table({"visitor": ["a"], "item": ["p"], "time": moment})
        pa.parquet.write_table(table, tmp_path / "t.parquet")
        with pytest.raises(FileInvalid, match="is no time"):
            events(tmp_path / "t.parquet", site)


def test_a_text_whose_writer_does_not_say_so_is_one(tmp_path: Path, site: Site) -> None:
    file = tmp_path / "t.parquet"
    table = pa.table({"visitor": [b"a\xff"], "item": [b"p"], "time": [b"2026-11-30"], "category": [None]})
    pa.parquet.write_table(table, file)
    (event,) = events(file, site)
    assert (event.visitor, event.props["product_id"]) == ("a\ufffd", "p")
