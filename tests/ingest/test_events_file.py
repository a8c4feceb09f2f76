"""Event files: columns found, ids stable, purchases that are orders, rows that are refused with their line."""

import csv
import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from ingest.files.rows import FileInvalid
from tests.support.order_files import OrderShop
from tracker.event import Event, encode
from tracker.sites import Site

T = 1_500_000_000
"""Some second of 2017."""


@pytest.fixture
def shop(tmp_path: Path, site: Site) -> Iterator[OrderShop]:
    yield OrderShop(tmp_path, site)


def events(path: Path, shop: OrderShop) -> list[Event]:
    shop.imports_events(path)
    return shop.told


def test_a_tab_separated_file_with_sessions(tmp_path: Path, shop: OrderShop) -> None:
    file = tmp_path / "clicks.tsv"
    file.write_text("SessionId\tItemId\tTime\n1\t214\t1396860669.277\n1\t215\t1396860670\n")
    first, second = events(file, shop)
    assert (first.visitor, first.props["product_id"], first.ts) == ("1", "214", 1396860669277)
    assert first.context == {"session": "1", "backfill": True}
    assert first.name == "Product Viewed"
    assert second.ts == 1396860670000


def test_the_same_row_twice_counts_twice_and_the_same_file_twice_counts_once(
    tmp_path: Path, shop: OrderShop
) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text(f"visitor_id,item_id,timestamp\na,7,{T}\na,7,{T}\n")
    once = [event.id for event in events(file, shop)]
    assert len(set(once)) == 2
    file.write_text(file.read_text() + f"a,8,{T + 1}\n")
    assert [event.id for event in events(file, shop)][:2] == once


def test_purchases_with_users_and_prices(tmp_path: Path, shop: OrderShop) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("user;product;time;event;price;quantity\nu1;p;2026-01-02T03:04:05Z;purchase;9.5;2\n")
    (event,) = events(file, shop)
    assert (event.user, event.visitor, event.name) == ("u1", None, "Order Completed")
    assert event.props["products"] == [{"product_id": "p", "quantity": 2, "price": 9.5}]
    assert event.props["revenue"] == 19.0


def test_the_lines_of_one_transaction_are_one_order(tmp_path: Path, shop: OrderShop) -> None:
    file = tmp_path / "events.csv"
    rows = [
        f"{T}000,1,view,a,",
        f"{T + 9}000,1,transaction,a,77",
        f"{T + 5}000,2,addtocart,b,",
        f"{T + 9}000,1,transaction,b,77",
        f"{T + 9}000,2,transaction,b,78",
    ]
    file.write_text("timestamp,visitorid,event,itemid,transactionid\n" + "\n".join(rows) + "\n")
    found = {(event.name, event.props.get("order_id"), event.visitor): event for event in events(file, shop)}
    assert set(found) == {
        ("Product Viewed", None, "1"),
        ("Product Added", None, "2"),
        ("Order Completed", "77", "1"),
        ("Order Completed", "78", "2"),
    }
    lines = found["Order Completed", "77", "1"].props["products"]
    assert [line["product_id"] for line in lines] == ["a", "b"]


def test_without_a_number_what_was_bought_at_one_moment_is_one_order(tmp_path: Path, shop: OrderShop) -> None:
    file = tmp_path / "events.csv"
    head = "event_time,event_type,product_id,price,user_id,user_session\n"
    moment = "2019-11-01 00:00:01 UTC"
    rows = [f"{moment},purchase,{item},10.50,u1,s1" for item in "ab"] + [f"{moment},purchase,a,1,u2,s2"]
    file.write_text(head + "\n".join([*rows, f"{moment},view,c,5,u1,s1"]) + "\n")
    found = events(file, shop)
    orders = {event.user: event for event in found if event.name == "Order Completed"}
    assert {user: order.props["revenue"] for user, order in orders.items()} == {"u1": 21.0, "u2": 1.0}
    assert orders["u1"].context["session"] == "s1"
    shop.tell(found)
    assert shop.net() == Decimal(22)
    shop.imports_events(file)
    assert [event.name for event in shop.told] == ["Product Viewed"]  # its id is known: the command looks


def test_ga4s_export(tmp_path: Path, shop: OrderShop) -> None:
    base = {"event_timestamp": f"{T}000000", "user_pseudo_id": "1.2"}
    item = {"item_id": "a", "item_name": "A", "price": 5, "quantity": 3}
    records = [
        {**base, "event_name": "view_item", "items": [item]},
        {
            **base,
            "event_name": "purchase",
            "items": [item],
            "ecommerce": {"transaction_id": "T1", "purchase_revenue": 15},
        },
    ]
    file = tmp_path / "ga4.json"
    file.write_text("\n".join(map(json.dumps, records)))
    order, view = events(file, shop)
    assert (view.name, view.props["product_id"], view.visitor, view.ts) == (
        "Product Viewed",
        "a",
        "1.2",
        T * 1000,
    )
    assert (order.name, order.props["order_id"], order.props["revenue"]) == ("Order Completed", "T1", 15.0)


@pytest.mark.parametrize("word", ["NULL", "undefined", "null", "None", "nan", "guest", "-"])
def test_a_placeholder_is_no_id(tmp_path: Path, shop: OrderShop, word: str) -> None:
    file = tmp_path / "clicks.csv"
    head = "session,visitor,user,item,time\n"
    file.write_text(f"{head}s1,v1,{word},p,{T}\ns1,{word},u1,p,{T}\ns1,{word},{word},p,{T}\n")
    found = [
        (event.visitor, event.user, event.proven, event.context["session"]) for event in events(file, shop)
    ]
    assert found == [("v1", None, False, "s1"), (None, "u1", True, "s1"), ("s1", None, False, "s1")]
    file.write_text(f"{head}{word},{word},u1,p,{T}\n{word},{word},{word},p,{T}\n{word},,,p,{T}\n")
    (event,) = events(file, shop)
    assert (event.visitor, event.user, event.context) == (None, "u1", {"backfill": True})
    file.write_text(f"user,item,time\n{word},p,{T}\n")
    assert shop.imports_events(file).nobody == 1
    assert shop.told == []


@pytest.mark.parametrize("number", ["0", "-1", "00"])
def test_a_number_is_an_id(tmp_path: Path, shop: OrderShop, number: str) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text(f"visitor,user,item,time\n{number},,p,{T}\n,{number},p,{T}\n")
    assert [(event.visitor, event.user) for event in events(file, shop)] == [(number, None), (None, number)]


def test_parquet(tmp_path: Path, shop: OrderShop) -> None:
    file = tmp_path / "clicks.parquet"
    pa.parquet.write_table(pa.table({"session": [1, 2], "item": [7, 8], "time": [1.5e9, 1.6e9]}), file)
    assert [event.visitor for event in events(file, shop)] == ["1", "2"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("item,time\n1,2\n", "session, visitor or user"),
        ("session,time\n1,2\n", "item or url"),
        ("session,item\n1,2\n", "time column"),
        ("", "Empty"),
    ],
)
def test_a_file_that_is_no_table_of_events_is_refused(
    tmp_path: Path, shop: OrderShop, text: str, complaint: str
) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text(text)
    with pytest.raises(FileInvalid, match=complaint):
        events(file, shop)


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1,2,noon", "unreadable time"),
        (",2,1500000000", "no session, visitor or user"),
        ("1,2,", "no time"),
        ("1,2,1000", "unreadable time"),  # some second of 1970
        ("1,2,1969-12-31", "unreadable time"),
        ("1,2,9999-12-31T23:59:59-14:00", "unreadable time"),
        ("1,2,2096-10-03", "unreadable time"),
        ("1,2," + "9" * 5_000, "unreadable time"),
        ("1,2", "has 2 fields, the header has 3"),
    ],
)
def test_a_bad_row_is_refused_and_the_file_goes_on(
    tmp_path: Path, shop: OrderShop, row: str, reason: str
) -> None:
    file = tmp_path / "clicks.csv"
    file.write_text(f"session,item,time\na,p,{T}\n{row}\nb,p,{T}\n")
    assert [event.visitor for event in events(file, shop)] == ["a", "b"]
    assert shop.refused == {reason: 1}
    with (tmp_path / "clicks.csv.rejects.csv").open(encoding="utf-8-sig") as rejects:
        assert [each[0] for each in csv.reader(rejects)] == ["line", "3"]


def test_an_erased_person_does_not_come_back(tmp_path: Path, shop: OrderShop) -> None:
    file = tmp_path / "clicks.csv"
    head = "visitor,user,item,time,event\n"
    file.write_text(
        f"{head}v1,,p,{T},view\nv2,u2,p,{T},view\n,u2,p,{T},purchase\nv3,,p,{T},purchase\nv3,,p,{T},view\n"
    )
    shop.erased = {"v:v1": T * 1000 + 1, "u:u2": T * 1000 + 1, "v:v3": T * 1000 - 1}
    assert shop.imports_events(file).erased == 2
    assert [(event.visitor, event.name) for event in shop.told] == [
        ("v3", "Order Completed"), ("v3", "Product Viewed")
    ]  # fmt: skip


def test_the_real_file_is_read_whole(tmp_path: Path, shared_data: Path, shop: OrderShop) -> None:
    path = shared_data / "yoochoose-100k-train.tsv"
    with path.open() as file:
        expected = list(csv.DictReader(file, delimiter="\t"))
    shop.imports_events(path, rejects=None)
    assert len(shop.told) == len({event.id for event in shop.told}) == len(expected)
    assert {event.visitor for event in shop.told} == {row["SessionId"] for row in expected}


def test_what_a_table_holds_and_python_does_not_ends_in_no_traceback(tmp_path: Path, shop: OrderShop) -> None:
    file = tmp_path / "t.parquet"

    def written(time: pa.Array, price: object = 1.0) -> Path:
        table = pa.table({"visitor": ["a"], "item": ["p"], "time": time, "price": [price]})
        pa.parquet.write_table(table, file)
        return file

    nanoseconds = pa.array([1_795_000_000_123_456_789], pa.timestamp("ns"))
    (event,) = events(written(nanoseconds), shop)
    assert event.ts == 1_795_000_000_123
    (event,) = events(written(nanoseconds.cast(pa.timestamp("ns", "Asia/Seoul"))), shop)
    assert event.ts == 1_795_000_000_123
    with pytest.raises(FileInvalid, match=r"t\.parquet row 2"):
        events(written(pa.array([2**60], pa.timestamp("ms"))), shop)
    (event,) = events(written(nanoseconds, float("inf")), shop)
    assert event.props["price"] == "Infinity"
    (event,) = events(written(nanoseconds, b"\xff\0"), shop)
    assert encode(event)
    (event,) = events(written(nanoseconds, Decimal(2**63 + 1)), shop)
    assert event.props["price"] == "9223372036854775809"


def test_a_number_of_five_thousand_digits_is_no_traceback(tmp_path: Path, shop: OrderShop) -> None:
    file, digits = tmp_path / "t.csv", "9" * 5_000
    file.write_text(f"visitor,item,time,price\na,{digits},{T},{digits}\n")
    (event,) = events(file, shop)
    assert event.props["price"] == digits
    assert encode(event)


def test_a_column_that_is_there_twice_is_named(tmp_path: Path, shop: OrderShop) -> None:
    file = tmp_path / "t.csv"
    file.write_text(f"visitor,item,item,time,other,other\na,p,q,{T},1,2\n")
    with pytest.raises(FileInvalid, match="the column 'item' is there 2 times"):
        events(file, shop)
    file.write_text(f"visitor,item,time,other,other\na,p,{T},1,2\n")
    assert len(events(file, shop)) == 1


@pytest.mark.parametrize("zone", ["Mars/Phobos", "+25:00", "..", "A" * 300])
def test_a_zone_that_there_is_not_costs_no_moment(tmp_path: Path, shop: OrderShop, zone: str) -> None:
    file = tmp_path / "t.parquet"
    times = pa.array([1_795_000_000_123_456], pa.timestamp("us", zone))
    pa.parquet.write_table(pa.table({"visitor": ["a"], "item": ["p"], "time": times}), file)
    (event,) = events(file, shop)
    assert event.ts == 1_795_000_000_123
    inside = pa.array([[123_456]], pa.list_(pa.timestamp("us", zone)))
    table = pa.table({"visitor": ["a"], "item": ["p"], "time": [1_795_000_000], "price": inside})
    pa.parquet.write_table(table, file)
    with pytest.raises(FileInvalid, match=r"t\.parquet row 2"):
        events(file, shop)


def test_a_text_whose_writer_does_not_say_so_is_one(tmp_path: Path, shop: OrderShop) -> None:
    file = tmp_path / "t.parquet"
    table = pa.table({"visitor": [b"a\xff"], "item": [b"p"], "time": [b"2026-11-30"], "category": [None]})
    pa.parquet.write_table(table, file)
    (event,) = events(file, shop)
    assert (event.visitor, event.props["product_id"]) == ("a\ufffd", "p")
