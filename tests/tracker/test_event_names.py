"""What other products call an event is counted under its standard name; a shop's own names stay."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.enrich.enrich import facts
from profiles.facts import ORDER_EVENTS
from tests.support.machine import Clock
from tests.support.tracker_app import Client, ListLog, log, sites
from tracker.app import Tracker
from tracker.event import Event
from tracker.sites import Site, Sites
from tracker.standard_events.names import STANDARD, SYNONYMS, standard_name
from tracker.standard_events.shape import standard

__all__ = ["log", "sites"]  # fixtures


@pytest.fixture
def call(sites: Sites, log: ListLog, clock: Clock) -> Iterator[Client]:
    tracker = Tracker(sites, log, clock=clock)
    yield Client(tracker)
    tracker.close()


SHOP = Site(id="shop", write_key="wk", secret_key="sk")


def track(name: str, **props: Any) -> Event:
    return standard(Event("shop", "e1", "track", 1, 1, "segment", name, user="u", props=props))


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("Order Completed", "Order Completed"),
        ("order_completed", "Order Completed"),
        ("ORDER-COMPLETED", "Order Completed"),
        ("Completed Order", "Order Completed"),
        ("Placed Order", "Order Completed"),
        ("order.placed", "Order Completed"),
        ("orders/create", "Order Completed"),
        ("order.created", "Order Completed"),
        ("purchase", "Order Completed"),
        ("Order Canceled", "Order Cancelled"),
        ("Cancelled Order", "Order Cancelled"),
        ("order.canceled", "Order Cancelled"),
        ("orders/cancelled", "Order Cancelled"),
        ("Refunded Order", "Order Refunded"),
        ("order.refund_created", "Order Refunded"),
        ("refunds/create", "Order Refunded"),
        ("Fulfilled Order", "Order Shipped"),
        ("shipment.created", "Order Shipped"),
        ("delivery.created", "Order Delivered"),
        ("Ordered Product", "Order Item"),
        ("Viewed Product", "Product Viewed"),
        ("Added Product", "Product Added"),
        ("view_item", "Product Viewed"),
        ("begin_checkout", "Checkout Started"),
        ("search", "Products Searched"),
        ("product viewed", "Product Viewed"),
    ],
)
def test_a_synonym_is_counted_under_the_standard_name(sent: str, meant: str) -> None:
    event = track(sent)
    assert event.name == meant
    kept = sent if sent != meant else None
    assert (event.context.get("event_name"), event.props.get("event_name")) == (kept, kept)


@pytest.mark.parametrize(
    "name",
    [
        *("Order Completed by Phone", "My Order Completed", "Pre-Order Placed", "Search", "Purchase Intent"),
        *(
            "Order",
            "order completed!",
            "Product Viewed 2",
            "Refund Requested",
            "주문 완료",
            "order.completed.v2",
            "",
        ),
    ],
)
def test_a_name_of_the_shops_own_stays(name: str) -> None:
    event = track(name, items=[{"itemId": "a"}], id=5, OrderId="7")
    assert (event.name, event.context) == (name, {})
    assert event.props == {"items": [{"itemId": "a"}], "id": 5, "OrderId": "7"}


@given(st.text(max_size=80))
def test_any_other_text_stays(name: str) -> None:
    plain = " ".join(name.replace("_", " ").replace("-", " ").split()).casefold()
    known = {each.replace("_", " ").casefold() for each in [*STANDARD, *sum(SYNONYMS.values(), ()), "search"]}
    if plain not in known:
        assert standard_name(name) == name


def test_the_table_is_sound() -> None:
    told = [synonym for synonyms in SYNONYMS.values() for synonym in synonyms]
    assert len(told) == len({standard_name(each) and each.casefold() for each in told}), (
        "one synonym, two names"
    )
    assert all(standard_name(synonym) == name for name, synonyms in SYNONYMS.items() for synonym in synonyms)
    assert all(standard_name(name) == name for name in STANDARD)
    assert set(STANDARD) >= ORDER_EVENTS


def test_klaviyos_order_has_its_id_amount_and_lines() -> None:
    line = {"ProductID": "p1", "SKU": "s1", "ProductName": "Socks", "Quantity": 2, "ItemPrice": 5.5}
    event = track("Placed Order", **{"$event_id": "1234", "$value": 11.0, "Items": [line], "OrderId": "A-1"})
    made = facts(event, SHOP)
    assert (made.order, made.revenue) == ("A-1", 11.0)
    [product] = made.products
    assert (product.product, product.quantity, product.price, product.name) == ("p1", 2.0, 5.5, "Socks")
    assert facts(track("Placed Order", **{"$event_id": "1234"}), SHOP).order == "1234"


def test_a_medusa_topic_has_its_order() -> None:
    assert track("order.placed", id="order_01").props["order_id"] == "order_01"
    assert track("refunds/create", id=9, order_id=7).props["refund_id"] == 9
    assert "order_id" not in track("Placed Order", id="x").props, "an id of something else"


def test_a_return_that_names_lines_or_an_amount_is_a_refund() -> None:
    for props in (
        {"products": [{"product_id": "a", "price": 3}]},
        {"total": 5},
        {"items": [{"item_id": "a"}]},
    ):
        event = track("Order Returned", order_id="1", return_id="r1", **props)
        assert (event.name, event.props["refund_id"]) == ("Order Refunded", "r1")
        assert event.context["event_name"] == "Order Returned"
    assert track("Order Returned", order_id="1").name == "Order Returned"


def test_products_of_ga4_have_our_members() -> None:
    item = {"item_id": "p1", "item_name": "Socks", "item_category": "wear", "item_variant": "red", "price": 5}
    event = track("view_item", items=[item], currency="EUR", value=5)
    [line] = facts(event, SHOP).products
    assert (line.product, line.category, line.price, line.name) == ("p1", "wear", 5.0, "Socks")
    assert event.props["product_id"] == "p1"
    assert event.props["items"] == [item], "what came stays"
    bought = track("purchase", transaction_id="T1", value=9, items=[item, {**item, "item_id": "p2"}])
    assert facts(bought, SHOP).order == "T1"
    assert [line.product for line in facts(bought, SHOP).products] == ["p1", "p2"]


@given(
    st.sampled_from([*STANDARD, "Placed Order", "order.placed", "view_item"]),
    st.dictionaries(
        st.sampled_from(["products", "items", "Items", "id", "orderId", "order_id", "value", "sku", "title"]),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(st.sampled_from(["item_id", "productId", "categories"]), inner, max_size=3)
            ),
        ),
    ),
)
def test_any_properties_are_kept(name: str, props: dict[str, Any]) -> None:
    event = track(name, **props)
    for member, value in props.items():
        if member != "products":
            assert event.props[member] == value
    assert msgspec.json.decode(msgspec.json.encode(event.props)) == event.props


@pytest.mark.parametrize("protocol", ["segment", "snowplow", "matomo", "pixel"])
def test_every_protocol_has_one_table(call: Client, log: ListLog, protocol: str) -> None:
    if protocol == "segment":
        body = {"writeKey": "wk_test", "userId": "u", "event": "Placed Order", "properties": {"orderId": "7"}}
        call("POST", "/v1/track", json.dumps(body).encode())
    elif protocol == "snowplow":
        call("GET", "/i", query="aid=default&e=se&se_ca=shop&se_ac=Placed+Order&duid=d")
    elif protocol == "matomo":
        call("GET", "/matomo.php", query="idsite=1&rec=1&e_c=shop&e_a=placed_order&_id=0123456789abcdef")
    else:
        call("GET", "/t.gif", query="k=wk_test&e=Placed%20Order&p.orderId=7")
    assert [event.name for event in log.events] == ["Order Completed"]
    assert log.events[0].context["event_name"].lower().replace("_", " ") == "placed order"
    if protocol in ("segment", "pixel"):
        assert log.events[0].props["order_id"] == "7"
