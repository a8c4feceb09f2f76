"""Orders of hosted shops: verified webhooks, told in any order, any number of times, with some of them lost."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.enrich.enrich import facts
from ingest.event_rows import row
from ingest.folding.events import EnrichedEvent
from profiles.fold.fold import Outcome
from profiles.model import Touch
from tests.support.machine import Clock
from tests.support.shop_payloads import (
    SECRET,
    cafe24_event,
    shopify_order,
    shopify_refund,
    webhook,
    woocommerce_order,
)
from tests.support.tracker_app import Answer, Client, ListLog, log
from tracker.app import Tracker
from tracker.event import SITE, Event
from tracker.integrations import cafe24, shopify, woocommerce
from tracker.integrations.shop_order import events_of
from tracker.sites import ShopConnection, Site, Sites
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

__all__ = ["log"]  # fixture
SHOPS = ("shopify", "woocommerce", "cafe24")


@pytest.fixture
def connected(site: Site) -> Site:
    return msgspec.structs.replace(site, shops={shop: ShopConnection(SECRET) for shop in SHOPS})


@pytest.fixture
def call(tmp_path: Path, connected: Site, log: ListLog, clock: Clock) -> Iterator[Client]:
    sites = Sites(tmp_path / "sites.json")
    sites.save(connected)
    tracker = Tracker(sites, log, clock=clock)
    yield Client(tracker)
    tracker.close()


def send(call: Client, shop: str, document: Any, topic: str = "", site: str = "default") -> Answer:
    body, headers = webhook(shop, document, topic)
    return call("POST", f"/integrations/{shop}/{site}", body, **headers)


class Ledger:
    """The orders of a warehouse that holds the events, each event once as ingest stores it."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.site, self.warehouse, self.known = site, Warehouse(str(folder / "warehouse")), set[str]()

    def take(self, events: list[Event]) -> None:
        fresh = []
        for event in events:
            if event.id not in self.known:
                self.known.add(event.id)
                outcome = Outcome("applied", "", Touch(event.ts))
                fresh.append(row(EnrichedEvent(event, facts(event, self.site)), f"u:{event.user}", outcome))
        if fresh:
            self.warehouse.append(fresh, [], {})

    def orders(self) -> list[tuple[str, str, float, float]]:
        """Number, state, net revenue, pieces left."""
        sql = """select number, state, revenue / 10000.0 as net,
            coalesce((select sum(quantity) from net_lines where net_lines.key = net_orders.key), 0)::double as pieces
            from net_orders order by number"""
        rows = self.warehouse.rows(sql, Scope("default", currency=self.site.currency))
        return [(each["number"], each["state"], each["net"], each["pieces"]) for each in rows]


SHOPIFY_ID = "820982911946154508"


def test_a_shopify_order_has_who_what_and_how_much(call: Client, log: ListLog, connected: Site) -> None:
    assert send(call, "shopify", shopify_order(), "orders/create").status == 200
    [event] = log.events
    assert (event.name, event.user, event.proven, event.sender) == (
        "Order Completed",
        "115310627314723954",
        True,
        SITE,
    )
    made = facts(event, connected)
    assert (made.order, made.revenue, made.currency) == (SHOPIFY_ID, 25.0, "EUR")
    assert [(line.product, line.quantity, line.price) for line in made.products] == [
        ("632910392", 2.0, 5.0),
        ("921728736", 1.0, 10.0),
    ]
    assert (event.props["coupon"], event.props["order_name"]) == ("SAVE5", "#1001")
    assert event.ts == 1_794_322_800_000


def test_a_guest_is_known_by_the_e_mail_else_as_the_order(call: Client, log: ListLog) -> None:
    send(call, "shopify", shopify_order(customer=None), "orders/create")
    send(call, "shopify", shopify_order(id=5, customer=None, email=""), "orders/create")
    assert [(event.user, event.visitor) for event in log.events] == [
        ("jon@example.com", None),
        (None, "order:shopify:5"),
    ]


LIFE = [
    (shopify_order(), "orders/create"),
    (shopify_order(updated_at="2026-11-10T10:00:30-05:00"), "orders/paid"),
    (
        shopify_order(
            updated_at="2026-11-11T09:00:01-05:00",
            financial_status="partially_refunded",
            current_total_price="20.00",
            refunds=[shopify_refund()],
            line_items=[
                {**shopify_order()["line_items"][0], "current_quantity": 1},
                shopify_order()["line_items"][1],
            ],
        ),
        "orders/updated",
    ),
    (shopify_refund(), "refunds/create"),
]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_webhooks_in_any_order_and_twice_make_one_order(
    call: Client, log: ListLog, connected: Site, tmp_path: Path, order: tuple[int, ...]
) -> None:
    for at in (*order, *order):
        assert send(call, "shopify", *LIFE[at]).status == 200
    ledger = Ledger(tmp_path, connected)
    ledger.take(log.events)
    assert ledger.orders() == [(SHOPIFY_ID, "partly refunded", 20.0, 2.0)]


@given(lost=st.sets(st.sampled_from([0, 1, 3])))
def test_what_a_lost_webhook_said_the_next_one_says(lost: set[int]) -> None:
    told = [
        order
        for at, (document, topic) in enumerate(LIFE)
        if at not in lost
        for order in shopify.orders(topic, document)
    ]
    names = {event.name for order in told for event in events_of(order, "shopify", "default", 1)}
    assert names >= {"Order Completed", "Order Refunded", "Order Updated"}


def test_an_edited_order_is_worth_what_it_became(
    call: Client, log: ListLog, connected: Site, tmp_path: Path
) -> None:
    send(call, "shopify", shopify_order(), "orders/create")
    edited = shopify_order(updated_at="2026-11-12T10:00:00-05:00", current_total_price="15.00")
    edited["line_items"][1]["current_quantity"] = 0
    send(call, "shopify", edited, "orders/edited")
    ledger = Ledger(tmp_path, connected)
    ledger.take(log.events)
    assert ledger.orders() == [(SHOPIFY_ID, "completed", 15.0, 2.0)]


def test_a_cancelled_order_is_worth_nothing(
    call: Client, log: ListLog, connected: Site, tmp_path: Path
) -> None:
    at = "2026-11-10T12:00:00-05:00"
    send(
        call,
        "shopify",
        shopify_order(cancelled_at=at, updated_at=at, financial_status="voided"),
        "orders/cancelled",
    )
    send(call, "shopify", shopify_order(id=7, test=True), "orders/create")
    ledger = Ledger(tmp_path, connected)
    ledger.take(log.events)
    assert ledger.orders() == [(SHOPIFY_ID, "cancelled", 0.0, 0.0)]


def test_a_woocommerce_order_through_its_life(
    call: Client, log: ListLog, connected: Site, tmp_path: Path
) -> None:
    ledger = Ledger(tmp_path, connected)
    later = {"date_modified_gmt": "2026-11-11T15:00:00"}
    steps = [
        (woocommerce_order(status="pending", date_paid=None), []),
        (woocommerce_order(), [("727", "completed", 25.0, 3.0)]),
        (woocommerce_order(total="30.00", **later), [("727", "completed", 30.0, 3.0)]),
        (
            woocommerce_order(refunds=[{"id": 9, "reason": "", "total": "-5.00"}], **later),
            [("727", "partly refunded", 20.0, 3.0)],
        ),
    ]
    for document, expected in steps:
        assert send(call, "woocommerce", document, "order.updated").status == 200
        ledger.take(log.events)
        log.events.clear()
        if document.get("refunds"):
            continue  # two updates of the same moment: either counts
        assert ledger.orders() == expected
    last = {"date_modified_gmt": "2026-11-12T15:00:00", "refunds": [{"id": 9, "total": "-5.00"}]}
    send(call, "woocommerce", woocommerce_order(**last), "order.updated")
    ledger.take(log.events)
    assert ledger.orders() == [("727", "partly refunded", 20.0, 3.0)]
    send(call, "woocommerce", {"id": 727}, "order.deleted")
    ledger.take(log.events)
    assert ledger.orders() == [("727", "cancelled", 0.0, 0.0)]


def test_woocommerce_pings_unsigned_when_a_webhook_is_saved(call: Client, log: ListLog) -> None:
    assert call("POST", "/integrations/woocommerce/default", b"webhook_id=12").status == 200
    assert call("POST", "/integrations/shopify/default", b"webhook_id=12").status == 401
    assert log.events == []


def test_a_cafe24_order_is_told_when_it_is_paid(
    call: Client, log: ListLog, connected: Site, tmp_path: Path
) -> None:
    site = msgspec.structs.replace(connected, currency="KRW")
    ledger = Ledger(tmp_path, site)
    for document, expected in (
        (cafe24_event(90023, paid="F"), []),
        (cafe24_event(90025), [("20261120-0000023", "completed", 24580.0, 2.0)]),
        (cafe24_event(90029), [("20261120-0000023", "completed", 24580.0, 2.0)]),
        (
            cafe24_event(90026, cancel_date="2026-11-11T02:20:20+09:00"),
            [("20261120-0000023", "cancelled", 0.0, 0.0)],
        ),
        (cafe24_event(90072, order_id="20261120-0000023,20261120-0000024"), None),
    ):
        assert send(call, "cafe24", document).status == 200
        ledger.take(log.events)
        if expected is not None:
            assert ledger.orders() == expected
    assert {event.user for event in log.events} == {"gdhong"}


def test_cafe24s_api_tells_what_came_back(connected: Site, tmp_path: Path) -> None:
    item = {"product_code": "P1", "product_name": "Socks", "quantity": 1, "product_price": "1000.00"}
    order = {
        "order_id": "20261120-0000023",
        "order_date": "2026-11-10T02:20:20+09:00",
        "currency": "KRW",
        "paid": "T",
        "canceled": "M",
        "member_id": "gdhong",
        "payment_amount": "3000.00",
        "items": [
            {**item, "order_item_code": "20261120-0000023-01", "order_status": "N40"},
            {**item, "order_item_code": "20261120-0000023-02", "order_status": "R40", "product_code": "P2"},
            {**item, "order_item_code": "20261120-0000023-03", "order_status": "C40", "product_code": "P3"},
        ],
    }
    ledger = Ledger(tmp_path, msgspec.structs.replace(connected, currency="KRW"))
    for each in (*cafe24.read(order), *cafe24.read(order)):
        ledger.take(events_of(each, "cafe24", "default", 1_800_000_000_000))
    assert ledger.orders() == [("20261120-0000023", "partly refunded", 1000.0, 1.0)]


@pytest.mark.parametrize("shop", SHOPS)
def test_a_webhook_must_be_signed(call: Client, log: ListLog, shop: str) -> None:
    document = {"shopify": shopify_order(), "woocommerce": woocommerce_order(), "cafe24": cafe24_event()}[
        shop
    ]
    topic = {"shopify": "orders/create", "woocommerce": "order.created", "cafe24": ""}[shop]
    body, headers = webhook(shop, document, topic)
    path = f"/integrations/{shop}/default"
    name = next(name for name in headers if "TOPIC" not in name)
    for wrong in (
        {**headers, name: ""},
        {**headers, name: headers[name][:-4]},
        webhook(shop, document, topic, "x")[1],
    ):
        assert call("POST", path, body, **wrong).error["code"] == "bad_signature"
    assert (
        call("POST", path, body, **{key: value for key, value in headers.items() if key != name}).status
        == 401
    )
    if shop != "cafe24":
        assert call("POST", path, body.replace(b"25.00", b"95.00"), **headers).status == 401
    assert call("POST", f"/integrations/{shop}/nobody", body, **headers).status == 404
    assert call("POST", "/integrations/else/default", body, **headers).status == 404
    assert log.events == []
    assert call("POST", path, body, **headers).status == 200
    assert len(log.events) == 1


def test_a_shop_that_is_not_connected_is_told_so(tmp_path: Path, site: Site, log: ListLog) -> None:
    sites = Sites(tmp_path / "sites.json")
    sites.save(msgspec.structs.replace(site, shops={"shopify": ShopConnection("")}))
    tracker = Tracker(sites, log)
    body, headers = webhook("shopify", shopify_order(), "orders/create", "")
    assert (
        Client(tracker)("POST", "/integrations/shopify/default", body, **headers).error["code"]
        == "not_connected"
    )
    tracker.close()


def test_unknown_topics_are_answered_and_counted(call: Client, log: ListLog) -> None:
    assert send(call, "shopify", {"id": 1}, "products/update").status == 200
    assert send(call, "woocommerce", {"id": 1}, "customer.created").status == 200
    assert send(call, "cafe24", {"event_no": 90001, "resource": {}}).status == 200
    assert log.events == []
    text = call.tracker.metrics.text().decode()
    for shop in SHOPS:
        assert f'dangol_tracker_webhooks_total{{outcome="unknown_topic",shop="{shop}"}} 1.0' in text


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@given(st.data())
def test_any_document_is_read_without_an_error(data: st.DataObject) -> None:
    adapter, whole = data.draw(
        st.sampled_from(
            [
                (shopify, shopify_order()),
                (woocommerce, woocommerce_order()),
                (cafe24, cafe24_event()["resource"]),
            ]
        )
    )
    wrong = data.draw(st.dictionaries(st.sampled_from(sorted(whole)), anything, max_size=4))
    for order in adapter.read({**whole, **wrong}):
        for event in events_of(order, "shopify", "default", 1_800_000_000_000):
            facts(event, Site(id="default", write_key="w", secret_key="s"))
            json.dumps(event.props)
