"""Orders in the shop's files: every known export, returns and corrections, and what is refused."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ingest.files.rows import FileInvalid
from tests.support.order_files import OrderShop
from tests.support.spreadsheet import write_xlsx
from tracker.sites import Site

EXPORTS = Path(__file__).parent / "exports"
"""Made-up orders in the shape of each shop system's export."""


@pytest.fixture
def shop(tmp_path: Path, site: Site) -> Iterator[OrderShop]:
    yield OrderShop(tmp_path, site)


def saved(folder: Path, text: str, name: str = "orders.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def euros(shop: OrderShop) -> dict[str, float]:
    return {number: float(amount) for number, amount in shop.net_by_order().items()}


@pytest.mark.parametrize("export", ["shopify", "woocommerce", "magento", "prestashop"])
def test_the_same_orders_in_every_export(shop: OrderShop, tmp_path: Path, export: str) -> None:
    text = (EXPORTS / f"{export}.csv").read_text()
    path = saved(tmp_path, text)
    summary = shop.imports(path)
    partly = 50.0 if export == "prestashop" else 30.0  # whose export has no refunds
    by_id = (
        {"#1001": "5001", "#1002": "5002", "#1004": "5004"} if export == "shopify" else {}
    )  # as its webhooks do
    expected = {"#1001": 35.0, "#1002": partly, "#1004": 0.0}
    assert euros(shop) == {by_id.get(name, name): amount for name, amount in expected.items()}
    assert (summary.orders, summary.refunded, shop.refused) == (3, 1 + (partly == 30.0), {})
    assert summary.unpaid == len({row.split(",")[0].split(";")[0] for row in text.splitlines()[1:]}) - 3
    (first,) = (event for event in shop.told if event.props.get("order_id") in ("#1001", "5001"))
    assert (first.user, first.sender, first.proven, first.context["backfill"]) == (
        "ann@shop.test",
        "site",
        True,
        True,
    )
    lines = [(line["product_id"], line["quantity"], line["price"]) for line in first.props["products"]]
    assert lines == [("S1", 2, 10.0), ("S2", 1, 10.0)]
    before = euros(shop)
    assert shop.imports(path).unchanged == 3  # again: nothing
    assert shop.told == [] and euros(shop) == before


def test_cafe24_in_cp949(shop: OrderShop, tmp_path: Path) -> None:
    text = """주문번호,주문일시,주문상태,주문자ID,주문자 이메일,상품코드,상품명,수량,판매가,결제금액
20261120-0000001,2026-11-20 10:00:00,배송완료,kim,kim@shop.test,P1,셔츠,2,"12,900","30,800"
20261120-0000001,2026-11-20 10:00:00,배송완료,kim,kim@shop.test,P2,양말,1,"5,000","30,800"
20261120-0000002,2026-11-20 11:00:00,취소완료,lee,,P1,셔츠,1,"12,900","12,900"
20261120-0000003,2026-11-20 12:00:00,배송완료,park,,P1,셔츠,1,"12,900","17,900"
20261120-0000003,2026-11-20 12:00:00,반품완료,park,,P2,양말,1,"5,000","17,900"
20261120-0000004,2026-11-20 13:00:00,입금전,choi,,P1,셔츠,1,"12,900","12,900"
20261120-0000005,2026-11-20 14:00:00,반품신청,jung,,P1,셔츠,1,"12,900","12,900"
"""
    summary = shop.imports(saved(tmp_path, text, encoding="cp949"), zone=None)
    assert shop.refused == {}
    assert euros(shop) == {
        "20261120-0000001": 30_800,
        "20261120-0000002": 0,
        "20261120-0000003": 12_900,
        "20261120-0000005": 12_900,
    }
    assert {event.props.get("currency") for event in shop.told if event.name == "Order Completed"} == {"KRW"}
    assert (summary.unpaid, summary.cancelled) == (1, 1)
    (refund,) = (event for event in shop.told if event.name == "Order Refunded")
    assert refund.props["products"] == [{"product_id": "P2", "name": "양말", "quantity": 1, "price": 5000.0}]


def test_olist_in_four_files(shop: OrderShop, tmp_path: Path) -> None:
    files = [
        saved(tmp_path, text, name)
        for name, text in {
            "items.csv": """order_id,order_item_id,product_id,seller_id,shipping_limit_date,price,freight_value
o1,1,p1,s1,2017-10-06 11:07:15,10.00,2.50
o1,2,p1,s1,2017-10-06 11:07:15,10.00,2.50
o2,1,p2,s1,2018-01-06 11:07:15,99.90,0.10
""",
            "orders.csv": """order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at
o1,c1,delivered,2017-10-02 10:56:33,2017-10-02 11:07:15
o2,c2,canceled,2018-01-02 10:56:33,
o3,c3,delivered,2018-01-03 10:56:33,
""",
            "payments.csv": """order_id,payment_sequential,payment_type,payment_installments,payment_value
o1,1,credit_card,1,20.00
o1,2,voucher,1,5.00
o2,1,boleto,1,100.00
o3,1,boleto,1,7.00
""",
            "customers.csv": """customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state
c1,somebody,01234,sao paulo,SP
c2,somebody,01234,sao paulo,SP
c3,another,01234,sao paulo,SP
""",
        }.items()
    ]
    summary = shop.imports(*files)
    assert euros(shop) == {"o1": 25.0, "o2": 0.0, "o3": 7.0}
    assert (summary.customers, summary.guests) == (2, 0)
    assert {event.user for event in shop.told} == {"somebody", "another"}
    shop.imports(*reversed(files))
    assert shop.told == []


def test_retailrocket_and_ga4(shop: OrderShop, tmp_path: Path) -> None:
    text = """timestamp,visitorid,event,itemid,transactionid
1433221332117,257597,view,355908,
1433221333000,257597,transaction,355908,4000
1433221333000,257597,transaction,248676,4000
1433221334000,9,addtocart,1,
"""
    summary = shop.imports(saved(tmp_path, text, "rocket.csv"))
    (order,) = shop.told
    assert (order.visitor, order.user, order.ts, summary.other_events) == ("257597", None, 1433221333000, 2)
    assert [line["product_id"] for line in order.props["products"]] == ["355908", "248676"]
    records = [
        {"event_name": "page_view", "event_timestamp": "1795000000000000", "user_pseudo_id": "1.2"},
        {
            "event_name": "purchase",
            "event_timestamp": "1795000000000000",
            "user_pseudo_id": "1.2",
            "geo": {"country": "South Korea"},
            "ecommerce": {"transaction_id": "T9", "purchase_revenue": 25.5},
            "items": [{"item_id": "a", "item_name": "A", "price": 10.25, "quantity": 2}],
        },
        {
            "event_name": "refund",
            "event_timestamp": "1795000060000000",
            "user_pseudo_id": "1.2",
            "ecommerce": {"transaction_id": "T8", "refund_value": 3},
        },
    ]
    path = saved(tmp_path, "\n".join(map(json.dumps, records)), "ga4.json")
    shop.imports(path)
    bought = next(event for event in shop.told if event.name == "Order Completed")
    assert (bought.ts, bought.visitor, bought.props["revenue"]) == (1_795_000_000_000, "1.2", 25.5)
    assert (bought.props["country"], bought.props["products"][0]["price"]) == ("South Korea", 10.25)


def test_returns_and_credit_notes(shop: OrderShop, tmp_path: Path) -> None:
    text = """InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
536365,85123A,HOLDER,6,12/13/10 8:26,2.55,17850,United Kingdom
536365,71053,LANTERN,6,12/13/10 8:26,3.39,17850,United Kingdom
C536379,85123A,HOLDER,-1,12/14/10 9:41,2.55,17850,United Kingdom
536400,22752,BOXES,2,12/14/10 10:00,7.65,,France
536400,22752,BOXES,-1,12/14/10 10:00,7.65,,France
536401,22752,BOXES,-50,12/14/10 10:01,0,,France
536402,22752,BOXES,1,12/14/10 10:02,7.65,13047.0,France
536402,21730,HOLDER,-2,12/14/10 10:02,4.25,13047.0,France
"""
    summary = shop.imports(saved(tmp_path, text))
    expected = {"536365": 35.64, "C536379": -2.55, "536400": 7.65, "536402": 7.65, "536402/returns": -8.5}
    assert euros(shop) == expected
    assert (summary.orders, summary.credits, summary.empty, summary.customers, summary.guests) == (
        3,
        2,
        1,
        2,
        1,
    )
    assert {event.user for event in shop.told} == {"17850", "13047", None}
    note = next(event for event in shop.told if event.props.get("refund_id") == "C536379")
    assert "order_id" not in note.props
    assert summary.sums["EUR"].net == Decimal("39.89")


HEAD = "order,date,customer id,sku,quantity,price,total,status,refunded amount\n"


def test_a_grown_and_corrected_file_tells_what_changed(shop: OrderShop, tmp_path: Path) -> None:
    def told(*rows: str) -> list[str]:
        shop.imports(saved(tmp_path, HEAD + "\n".join(rows) + "\n"))
        return shop.names()

    first = "1,2026-11-20,u1,a,2,10,20,paid,"
    assert told(first) == ["Completed"]
    assert told(first) == []
    second = "2,2026-11-21,u1,b,1,5,5,paid,"
    assert told(first, second) == ["Completed"]
    assert told("1,2026-11-20,u1,a,3,10,30,paid,", second) == ["Updated"]
    assert euros(shop) == {"1": 30, "2": 5}
    assert told(first, second) == ["Updated"]  # and back
    assert euros(shop) == {"1": 20, "2": 5}
    assert told("1,2026-11-20,u1,a,2,10,20,paid,4", second) == ["Refunded"]
    assert told("1,2026-11-20,u1,a,2,10,20,paid,4", second) == []
    assert told("1,2026-11-20,u1,a,2,10,20,paid,9.5", second) == ["Refunded"]
    assert euros(shop) == {"1": 10.5, "2": 5}
    assert told("1,2026-11-20,u1,a,2,10,20,paid,9.5", "2,2026-11-21,u1,b,1,5,5,cancelled,") == ["Cancelled"]
    assert told("1,2026-11-20,u1,a,2,10,20,refunded,", "2,2026-11-21,u1,b,1,5,5,cancelled,") == ["Refunded"]
    assert euros(shop) == {"1": 0, "2": 0}
    assert told("1,2026-11-20,u1,a,2,10,20,refunded,", "2,2026-11-21,u1,b,1,5,5,paid,") == []
    assert list(shop.notes) == ["cancelled before, and not in the file: stays cancelled"]


def test_a_refund_that_the_shops_server_told_is_not_taken_off_again(shop: OrderShop, tmp_path: Path) -> None:
    shop.imports(saved(tmp_path, HEAD + "1,2026-11-20,u1,a,2,10,20,paid,\n"))
    server = shop.told[0]
    refund = {"order_id": "1", "refund_id": "re_1", "revenue": 5}
    shop.tell(
        [msgspec.structs.replace(server, id="hook", name="Order Refunded", ts=server.ts + 5, props=refund)]
    )
    shop.imports(saved(tmp_path, HEAD + "1,2026-11-20,u1,a,2,10,20,partially refunded,5\n"))
    assert shop.names() == []
    shop.imports(saved(tmp_path, HEAD + "1,2026-11-20,u1,a,2,10,20,partially refunded,8\n"))
    assert [event.props["revenue"] for event in shop.told] == [3.0]
    assert euros(shop) == {"1": 12}


def test_an_order_that_the_shops_server_told_is_not_told_again(shop: OrderShop, tmp_path: Path) -> None:
    shop.imports(saved(tmp_path, HEAD + "1,2026-11-20,u1,a,2,10,20,paid,\n"))
    props = {"order_id": "2", "revenue": 18}
    shop.tell([msgspec.structs.replace(shop.told[0], id="hook", props=props)])
    shop.imports(saved(tmp_path, HEAD + "2,2026-11-20,u1,a,2,10,20,refunded,18\n"))
    assert (shop.names(), euros(shop)) == (["Refunded"], {"1": 20, "2": 0})
    assert list(shop.notes) == ["told by the shop's server with another amount: stays as it was"]


def test_a_credit_note_that_grows(shop: OrderShop, tmp_path: Path) -> None:
    head = "InvoiceNo,StockCode,Quantity,InvoiceDate,UnitPrice,CustomerID\n"
    one = "C1,a,-1,2026-11-20,5,u1\n"
    shop.imports(saved(tmp_path, head + one))
    shop.imports(saved(tmp_path, head + one + "C1,b,-2,2026-11-20,4,u1\n"))
    assert [event.props["revenue"] for event in shop.told] == [8.0]
    shop.imports(saved(tmp_path, head + one + "C1,b,-2,2026-11-20,4,u1\n"))
    assert shop.told == []
    assert shop.net() == -13


def test_lines_of_an_order_need_not_stand_together(shop: OrderShop, tmp_path: Path) -> None:
    rows = [f"{order},2026-11-20,u{order},p{line},1,2,,," for line in range(3) for order in range(4_000)]
    summary = shop.imports(saved(tmp_path, HEAD + "\n".join(rows) + "\n"))
    assert (summary.orders, len(shop.told)) == (4_000, 4_000)
    assert {len(event.props["products"]) for event in shop.told} == {3}
    assert shop.net() == 24_000


def test_totals_of_a_till_without_lines_or_numbers(shop: OrderShop, tmp_path: Path) -> None:
    path = saved(
        tmp_path, "date,customer id,amount\n2026-11-20,u1,12.50\n2026-11-20,u1,12.50\n2026-11-20,,3\n"
    )
    summary = shop.imports(path)
    assert (summary.orders, summary.customers, summary.guests, shop.net()) == (3, 1, 1, 28)
    assert len({event.id for event in shop.told}) == 3
    path.write_text(path.read_text() + "2026-11-21,u2,1\n")
    shop.imports(path)
    assert (len(shop.told), shop.net()) == (1, 29)
    text = "receipt no,date,total\nR1,2026-11-20,7\nR1,2026-11-20,7\n"
    shop.imports(saved(tmp_path, text, "till.csv"))
    assert shop.net() == 36


@pytest.mark.parametrize(
    ("rows", "net"),
    [
        (["1,a,10", "1,b,12", "1,b,12", "2,a,10", "2,a,10"], {"1": 34, "2": 20}),  # each row its own amount
        (["1,a,34", "1,b,34", "2,a,10"], {"1": 34, "2": 10}),  # the order's amount in each row
        (["1,a,34", "1,b,34", "1,c,34", "3,a,7", "3,b,7", "2,a,1", "2,b,2"], {"1": 34, "3": 7}),
        (["1,a,10", "1,b,-4"], {"1": 6}),
    ],
)
def test_an_amount_in_every_row_is_the_orders_or_the_lines(
    shop: OrderShop, tmp_path: Path, rows: list[str], net: dict[str, float]
) -> None:
    shop.imports(saved(tmp_path, "order,sku,amount,date\n" + "".join(f"{row},2026-11-20\n" for row in rows)))
    assert euros(shop) == net


AMOUNTS = """Bestellnummer;Bestelldatum;E-Mail;Gesamtbetrag
1;20.11.2026;A@shop.test;€ 12,50
2;20.11.2026;a@shop.test;1.234,56
3;20.11.2026;a@shop.test;1.234
4;20.11.2026;a@shop.test;(5,00)
5;20.11.2026;a@shop.test;49,90 USD
6;20.11.2026;a@shop.test;₩12,900
7;20.11.2026;a@shop.test;viel
"""


def test_amounts_as_shops_write_them(shop: OrderShop, tmp_path: Path) -> None:
    summary = shop.imports(saved(tmp_path, AMOUNTS))
    assert euros(shop) == {"1": 12.5, "2": 1234.56, "3": 1234, "4": -5, "5": 49.9, "6": 12_900}
    assert (summary.customers, summary.credits, shop.refused) == (1, 1, {"unreadable total": 1})


def test_what_nobody_can_tell_is_refused_and_told_how(shop: OrderShop, tmp_path: Path) -> None:
    path = saved(tmp_path, 'order,date,total\n1,2026-11-20,"1,234"\n')
    shop.imports(path)
    assert shop.refused == {"ambiguous total": 1}
    shop.imports(path, currency="KRW")
    assert euros(shop) == {"1": 1234}
    path = saved(tmp_path, "order,date,total\n2,01/02/2026,5\n3,03/04/2026,6\n", "dates.csv")
    with pytest.raises(FileInvalid, match="say --dates dmy, mdy or ymd"):
        shop.imports(path)
    shop.imports(path, dates="dmy")
    assert {event.ts for event in shop.told} == {1769904000000, 1775174400000}


def test_orders_from_the_apis_of_shopify_and_woocommerce(shop: OrderShop, tmp_path: Path) -> None:
    line = {"sku": "S1", "name": "Hat", "quantity": 3, "price": "10.00"}
    shopify = {
        "id": 4501, "name": "#1001", "email": "ann@shop.test", "created_at": "2026-11-20T10:00:00+09:00",
        "financial_status": "paid", "currency": "EUR", "total_price": "30.00", "customer": {"id": 77},
        "line_items": [line],
    }  # fmt: skip
    shop.imports(saved(tmp_path, json.dumps({"orders": [shopify]}), "shopify.json"))
    (order,) = shop.told
    assert (order.user, order.props["order_id"], order.props["revenue"]) == ("77", "4501", 30.0)
    woo = {
        "id": 727, "status": "processing", "currency": "USD", "date_created": "2026-11-20T10:00:00", "total": "29.35",
        "customer_id": 0, "billing": {"email": "x@shop.test", "country": "US"},
        "line_items": [{**line, "product_id": 93}],
    }  # fmt: skip
    shop.imports(saved(tmp_path, json.dumps([woo], indent=2), "woo.json"))
    (order,) = shop.told
    assert (order.user, order.props["order_id"], order.context["country"]) == ("x@shop.test", "727", "US")


def test_orders_in_a_spreadsheet(shop: OrderShop, tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="no python-calamine here: install what setup.cfg names")
    rows = [
        ["Order Number", "Order Date", "Customer ID", "SKU", "Quantity", "Price"],
        [10001, datetime(2026, 11, 20, 9, 36), 7, "a", 2, 12.5],  # noqa: DTZ001
        [10001, datetime(2026, 11, 20, 9, 36), 7, "b", 1, 0.1],  # noqa: DTZ001
        [10002, 46347.5, 8, "b", 1, "1.234,50"],
    ]
    write_xlsx(tmp_path / "orders.xlsx", rows)
    shop.imports(tmp_path / "orders.xlsx")
    assert euros(shop) == {"10001": 25.1, "10002": 1234.5}
    assert {event.user for event in shop.told} == {"7", "8"}


def test_a_name_is_no_customers_number(shop: OrderShop, tmp_path: Path) -> None:
    path = saved(tmp_path, "order,date,customer,total\n1,2026-11-20,John Smith,5\n2,2026-11-20,17850,5\n")
    summary = shop.imports(path)
    assert ({event.user for event in shop.told}, summary.guests) == ({None, "17850"}, 1)


def test_costs_and_margins_are_kept(shop: OrderShop, tmp_path: Path) -> None:
    text = (
        "order,date,sku,quantity,price,unit cost,margin\n1,2026-11-20,a,2,10,4.25,3\n2,2026-11-20,a,1,10,,\n"
    )
    shop.imports(saved(tmp_path, text))
    first, second = shop.told
    assert (first.props["cost"], first.props["margin"], first.props["products"][0]["cost"]) == (
        8.5,
        3.0,
        4.25,
    )
    assert "cost" not in second.props


def test_currencies_stand_apart(shop: OrderShop, tmp_path: Path) -> None:
    rows = ["1,2026-11-20,10,EUR", "2,2026-11-20,20,usd", "3,2026-11-20,₩12900,", "4,2026-11-20,5,Taler"]
    text = "\n".join(["order,date,total,currency", *rows])
    summary = shop.imports(saved(tmp_path, text))
    assert {code: sums.net for code, sums in summary.sums.items()} == {"EUR": 10, "USD": 20, "KRW": 12_900}
    assert shop.refused == {"not a currency": 1}
    shop.imports(saved(tmp_path, "order,date,total\n9,2026-11-20,10\n"), currency="JPY")
    assert shop.told[0].props["currency"] == "JPY"


def test_a_bad_row_goes_to_the_rejects_and_the_file_goes_on(shop: OrderShop, tmp_path: Path) -> None:
    text = HEAD + (
        "1,2026-11-20,u1,a,1,10,,paid,\n"
        "2,someday,u1,a,1,10,,paid,\n"
        "3,2026-11-20,u1,a,many,10,,paid,\n"
        ",2026-11-20,u1,a,1,10,,paid,\n"
        "5,2026-11-20,u1\n"
        '6,2026-11-20,u1,"a,1,10,,paid,\n'
        "7,1970-01-01,u1,a,1,10,,paid,\n"
        "8,2026-11-20,u1,,,,,paid,\n"
        "9,2026-11-20,u1,a,1,10,,gewonnen,\n"
    )
    path = saved(tmp_path, text)
    summary = shop.imports(path)
    assert sorted(euros(shop)) == ["1", "9"]
    assert sum(shop.refused.values()) == 7
    assert summary.states == {"gewonnen": 1}
    with (tmp_path / "orders.csv.rejects.csv").open(encoding="utf-8-sig") as file:
        rejected = list(csv.DictReader(file))
    assert [row["line"] for row in rejected] == ["3", "4", "5", "6", "7", "8", "9"]
    assert rejected[0]["reason"] == "unreadable time: 'someday' is no time"
    mended = (tmp_path / "orders.csv.rejects.csv").read_text("utf-8-sig").replace("someday", "2026-11-20")
    shop.imports(saved(tmp_path, mended, "mended.csv"))
    assert sorted(euros(shop)) == ["1", "2", "9"]
    shop.imports(saved(tmp_path, HEAD + "1,2026-11-20,u1,a,1,10,,paid,\n"))
    assert not (tmp_path / "orders.csv.rejects.csv").exists()


def test_a_mapping_is_kept_for_the_same_header(shop: OrderShop, tmp_path: Path) -> None:
    text = 'Beleg,Wann,Wer,Was,Betrag\nB1,20.11.2026,u1,Hut,"12,50"\n'
    path = saved(tmp_path, text)
    with pytest.raises(
        FileInvalid, match=r"needs a time column; .* Beleg, Wann, Wer, Was, Betrag; .*--map COLUMN=time"
    ):
        shop.imports(path)
    named = {"Beleg": "order", "wann": "time", "Wer": "user", "Was": "item", "Betrag": "total"}
    shop.imports(path, mapping=named)
    assert (shop.told[0].user, shop.told[0].props["revenue"]) == ("u1", 12.5)
    shop.imports(saved(tmp_path, text + 'B2,21.11.2026,u2,Hut,"1,50"\n'))
    assert [event.user for event in shop.told] == ["u2"]
    with pytest.raises(FileInvalid, match="no column 'Nix'"):
        shop.imports(path, mapping={"Nix": "order"})
    with pytest.raises(FileInvalid, match="no field 'ordr'; the fields are: order, time"):
        shop.imports(path, mapping={"Beleg": "ordr"})


def test_an_erased_person_does_not_come_back(shop: OrderShop, tmp_path: Path) -> None:
    text = "order,date,customer id,email,total\n" + "".join(
        f"{number},2026-11-2{number},{user},{email},10\n"
        for number, user, email in [
            (1, "u1", ""), (2, "u2", ""), (3, "", "Ann@shop.test"), (4, "u4", "ann@shop.test"), (5, "", "")
        ]
    )  # fmt: skip
    shop.erased = {"u:u1": 1_900_000_000_000, "u:u2": 1_000, "u:ann@shop.test": 1_900_000_000_000}
    summary = shop.imports(saved(tmp_path, text))
    assert [event.props["order_id"] for event in shop.told] == ["2", "5"]
    assert summary.erased == 3


def test_ids_are_exact(shop: OrderShop, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"order_id": 10000001.0, "date": "2026-11-20", "user_id": 7.0, "total": 1},
        {"order_id": 10000002.0, "date": "2026-11-20", "user_id": 7, "total": 2},
        {"order_id": "10000001", "date": "2026-11-20", "user_id": "7", "total": 1},
    ]
    shop.imports(saved(tmp_path, "\n".join(map(json.dumps, rows)), "orders.jsonl"))
    assert euros(shop) == {"10000001": 1, "10000002": 2}
    assert {event.user for event in shop.told} == {"7"}


def test_a_dry_run_tells_nothing_and_writes_nothing_but_the_rejects(shop: OrderShop, tmp_path: Path) -> None:
    summary = shop.reads(saved(tmp_path, (EXPORTS / "shopify.csv").read_text()))
    assert (summary.rows, summary.orders, summary.unpaid) == (6, 3, 2)
    assert shop.rows("select * from events") == []


def test_an_order_column_that_is_none_is_refused(shop: OrderShop, tmp_path: Path) -> None:
    rows = "".join(f"store 1,2026-11-20,{number}\n" for number in range(6_000))
    shop.imports(saved(tmp_path, "order,date,total\n" + rows))
    assert shop.told == []
    assert list(shop.refused) == ["an order of more than 5,000 rows"]
