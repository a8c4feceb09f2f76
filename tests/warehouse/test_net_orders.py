"""Orders from any sequence of transitions, told by anybody in any order: what a naive ledger says of them."""

import tempfile
from collections import Counter, defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.order_ledger import Entry, kept, ledger
from tests.support.warehouse_rows import NOON, row
from tests.support.warehouse_sql import overview_in_sql
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.feeds.interactions import interactions
from warehouse.feeds.purchase_days import purchase_days
from warehouse.question.span import Span
from warehouse.reports.overview import overview
from warehouse.reports.products import product_report
from warehouse.tables.schema import EventRow

SITE = Site(id="default", write_key="w", secret_key="s", timezone="Asia/Seoul")
SPANS = (Span.parse(SITE, "2026-10-25", "2026-11-10"), Span.parse(SITE, "2026-11-02", "2026-11-03"))
PRICES = {"p0": 7.35, "p1": 0.1, "p2": 22.05, "p3": 1234.5}
PRODUCTS = st.dictionaries(st.sampled_from(sorted(PRICES)), st.integers(1, 4), max_size=3)
AMOUNTS = st.sampled_from([0.0, 0.1, 0.2, 0.3, 19.99, 20.0, 1_234_567.89, 12_900.0])


@st.composite
def transition(draw: st.DrawFn) -> dict[str, Any]:
    name = draw(st.sampled_from(["Completed"] * 5 + ["Updated", "Refunded", "Refunded", "Cancelled"]))
    lines = draw(PRODUCTS)
    values: dict[str, Any] = {
        "name": f"Order {name}",
        "type": "track",
        "order": draw(st.sampled_from(["10000001", "10000002", "o-3", "o-4", None])),
        "ts": NOON + draw(st.integers(-3, 3)) * DAY_MS // 2 + draw(st.integers(0, 9)),
        "profile": draw(st.sampled_from(["a", "b", "c"])),
        "session": draw(st.sampled_from(["", "1", "2"])),
        "sender": draw(st.sampled_from(["site", "site", "net", None])),
        "doubtful": draw(st.sampled_from([None, None, None, True])),
        "currency": draw(st.sampled_from([None, None, None, "EUR", "EUR", "USD", "KRW"])),
        "items": [
            {"product": product, "category": "c", "quantity": float(quantity), "price": PRICES[product]}
            for product, quantity in lines.items()
        ],
    }
    values["session"] = values["session"] and f"{values['profile']}-{values['session']}"
    if name == "Completed":
        values["revenue"] = draw(st.one_of(AMOUNTS, AMOUNTS, AMOUNTS, st.none()))
    elif name == "Updated":
        values["revenue"] = draw(st.none() | AMOUNTS)
    elif name == "Refunded":
        values["revenue"] = draw(st.sampled_from([None, *[-0.1, -0.2, -19.99, -5.0] * 3]))
        values["refund"] = draw(st.sampled_from(["r1", "r2"]))
    if name == "Cancelled" or (values["order"] is None and name == "Updated"):
        values["order"] = "o-3"  # most of the others stand
    return values


@st.composite
def history(draw: st.DrawFn) -> list[EventRow]:
    told = draw(st.lists(transition(), min_size=8, max_size=24))
    rows = [row(each.pop("ts"), **each, id=f"e{at:02}") for at, each in enumerate(told)]
    again = draw(st.lists(st.sampled_from(rows), max_size=4))  # the same event, in another file
    return draw(st.permutations([*rows, *again]))


def within(entries: list[Entry], span: Span) -> list[Entry]:
    return [each for each in entries if span.start <= each.ts < span.end]


def check_overview(warehouse: Warehouse, entries: list[Entry], span: Span) -> None:
    found = overview(warehouse, "default", span, "EUR")
    assert found == overview_in_sql(warehouse, "default", span, "EUR")
    own = [each for each in entries if each.currency == "EUR"]
    assert found.orders == sum(each.stands for each in own)
    assert found.revenue == float(sum((each.net for each in own), Decimal(0)))
    others: dict[str, list[Entry]] = defaultdict(list)
    for each in entries:
        if each.currency != "EUR" and (each.stands or each.net):
            others[each.currency].append(each)
    assert {each.currency: (each.orders, each.revenue) for each in found.other_currencies} == {
        currency: (sum(each.stands for each in mine), float(sum(each.net for each in mine)))
        for currency, mine in others.items()
        if sum(each.stands for each in mine) or sum(each.net for each in mine)
    }
    days = Counter[str]()
    for each in own:
        days[str((each.ts + 9 * 3_600_000) // DAY_MS)] += each.stands
    assert [day.orders for day in found.series] == [
        days[str(day.day.toordinal() - 719_163)] for day in found.series
    ]


def check_products(warehouse: Warehouse, entries: list[Entry], span: Span) -> None:
    found = {each.name: each for each in product_report(warehouse, "default", span, "EUR").products}
    for name, price in PRICES.items():
        mine = [(each, each.lines[name]) for each in entries if name in each.lines]
        if not mine:
            assert name not in found
            continue
        kept = Counter[str]()
        for each, (sold, returned, _) in mine:
            kept[each.profile] += int(sold - returned)
        revenue = sum(
            (
                (sold - returned) * Decimal(str(price))
                for each, (sold, returned, _) in mine
                if each.currency == "EUR"
            ),
            Decimal(0),
        )
        assert (found[name].sold, found[name].returned, found[name].bought) == (
            sum(sold for _, (sold, _, _) in mine),
            sum(returned for _, (_, returned, _) in mine),
            sum(sold - returned for _, (sold, returned, _) in mine),
        )
        assert found[name].revenue == float(revenue)
        assert found[name].buyers == sum(many > 0 for many in kept.values())


def check_purchases(warehouse: Warehouse, entries: list[Entry], span: Span) -> None:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for each in purchase_days(warehouse, "default", span, "EUR").to_pylist():
        found[each["profile"]].append(each)
    buyers = {each.profile for each in entries if each.stands}
    assert {who for who, days in found.items() if any(day["orders"] for day in days)} == buyers
    for who in buyers:
        mine = [each for each in entries if each.profile == who]
        net = sum((each.net for each in mine if each.currency == "EUR"), Decimal(0))
        assert sum(day["orders"] for day in found[who]) == sum(each.stands for each in mine)
        assert sum(Decimal(str(day["revenue"])) for day in found[who]) == max(net, Decimal(0))
        assert max(day["ts"] for day in found[who] if day["orders"]) == max(
            each.ts for each in mine if each.stands
        )


def check_interactions(warehouse: Warehouse, entries: list[Entry], span: Span) -> None:
    found: dict[tuple[str, str, int], Decimal] = defaultdict(Decimal)
    for each in interactions(warehouse, "default", "EUR", span.start, span.end).to_pylist():
        assert each["name"] == "Order Completed"
        found[each["profile"], each["product"], each["ts"]] += Decimal(str(each["quantity"]))
    assert found == kept(entries)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(history(), st.integers(1, 4))
def test_any_transitions_equal_a_naive_ledger(rows: list[EventRow], files: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        warehouse = Warehouse(folder)
        for at in range(files):
            if rows[at::files]:
                warehouse.append(rows[at::files], [], {})
                overview(
                    warehouse, "default", SPANS[0], "EUR"
                )  # what is kept between must not be believed later
        entries = ledger(rows, "EUR")
        for span in SPANS:
            check_overview(warehouse, within(entries, span), span)
            check_products(warehouse, within(entries, span), span)
            check_purchases(warehouse, within(entries, span), span)
            check_interactions(warehouse, within(entries, span), span)
        warehouse.engine.close()
