"""Every field of an order keeps its meaning, or the event says that it was lost: amounts, currencies, ids and lines."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as some

from ingest.enrich.enrich import facts
from ingest.enrich.order_limits import with_limits
from ingest.enrich.products import LINES_LIMIT
from profiles.facts import Facts, ProductLine
from tracker.event import SITE, Event
from tracker.sites import Site, new_site

NOON = int(datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp() * 1000)
EUROS = Site(id="s", write_key="w", secret_key="k", currency="EUR")
WON = Site(id="s", write_key="w", secret_key="k", currency="KRW", timezone="Asia/Seoul")
RATES = {"USD": (("2026-01-01", 0.92), ("2026-11-30", 0.95)), "KRW": (("2026-06-01", 0.0006),)}
RATED = Site(id="s", write_key="w", secret_key="k", currency="EUR", rates=RATES)


def told(props: dict[str, Any], site: Site = EUROS, name: str = "Order Completed", ts: int = NOON) -> Facts:
    event = Event("s", "1", "track", ts, ts, "segment", name, "v", props=props, sender=SITE)
    return facts(event, site)


def lost(found: Facts) -> list[tuple[str, str]]:
    return [(each.field, each.reason) for each in found.losses]


def test_products_and_orders_by_segments_names() -> None:
    one = {"product_id": "p1", "category": "shoes", "price": "19.90", "quantity": 2, "name": "Boot"}
    assert told(one, name="Product Viewed").products == (ProductLine("p1", "shoes", 2.0, 19.9, "Boot"),)
    assert told({"order_id": "o", "total": 50, "revenue": 40}).revenue == 40
    assert told({"products": [one]}).revenue == 39.8
    assert told({"order_id": "o", "total": 50}, name="Order Refunded").revenue == -50
    assert told({"order_id": "o", "total": -50}, name="Order Refunded").revenue == -50
    assert told({"order_id": "o"}, name="Order Refunded").revenue is None
    assert told({"order_id": "o", "total": 50}, name="Order Cancelled").revenue is None
    assert told({"refund_id": "r1"}, name="Order Refunded").refund == "r1"
    viewed = told({"product_id": "p", "price": 9}, name="Product Viewed")
    assert (viewed.revenue, viewed.order, viewed.currency, viewed.losses) == (None, None, None, ())


@pytest.mark.parametrize(
    ("site", "revenue", "stored", "currency"),
    [
        (WON, "12900원", 12900, "KRW"),
        (EUROS, "19,99 EUR", 19.99, "EUR"),
        (WON, "12,900", 12900, "KRW"),
        (WON, "12.900 원", 12900, "KRW"),
        (WON, "₩12,900", 12900, "KRW"),
        (msgspec.structs.replace(EUROS, locale="de"), "1.234", 1234, "EUR"),
        (msgspec.structs.replace(EUROS, locale="de-CH"), "1.234", 1.234, "EUR"),
    ],
)
def test_amounts_are_read_as_the_site_writes_them(
    site: Site, revenue: str, stored: float, currency: str
) -> None:
    found = told({"order_id": "o", "revenue": revenue}, site)
    assert (found.revenue, found.currency, found.losses) == (stored, currency, ())


@pytest.mark.parametrize(
    ("revenue", "reason"),
    [
        ("1,234", "ambiguous"),
        ("12 Taler", "currency"),
        ("nan", "unreadable"),
        (True, "unreadable"),
        ([], "unreadable"),
        ({}, "unreadable"),
        (1e300, "too_large"),
        (10**400, "too_large"),
        ("inf", "too_large"),
        (-50, "negative"),
        ("(50.00)", "negative"),
        ("-0.01", "negative"),
    ],
)
def test_an_amount_that_cannot_be_read_is_none_and_said(revenue: object, reason: str) -> None:
    for name in ("Order Completed", "Order Updated"):
        found = told({"order_id": "o", "revenue": revenue}, name=name)
        assert found.revenue is None and lost(found) == [("revenue", reason)]
    found = told({"order_id": "o", "revenue": revenue, "total": 7}, name="Order Completed")
    assert found.revenue == 7 and lost(found) == [("revenue", reason)], "what comes next can be read"


def test_an_unreadable_amount_falls_back_to_lines_only_if_all_can_be_read() -> None:
    good = {"product_id": "a", "price": 5, "quantity": 2}
    for bad, whole in (
        ({"product_id": "b", "price": 3}, True),
        ({"product_id": "b", "price": "1,234"}, False),
        ({"product_id": "b"}, False),
        ({"product_id": "b", "price": 3, "quantity": "many"}, False),
        ({"price": 3}, False),
        ("junk", False),
    ):
        found = told({"order_id": "o", "revenue": "12?", "products": [good, bad]})
        assert found.revenue == (13 if whole else None), bad
        assert ("revenue", "unreadable") in lost(found)


def test_a_sum_of_lines_is_exact() -> None:
    lines = [{"product_id": f"p{n}", "price": 0.1, "quantity": 3} for n in range(1_000)]
    assert told({"products": lines}).revenue == 300.0


def test_lines_beyond_the_limit_are_counted_and_no_amount_is_made_of_the_rest() -> None:
    lines = [{"product_id": f"p{n}", "price": 1} for n in range(LINES_LIMIT + 7)]
    whole = told({"products": lines[:LINES_LIMIT]})
    assert (len(whole.products), whole.revenue, whole.losses) == (LINES_LIMIT, LINES_LIMIT, ())
    cut = told({"products": lines})
    assert (len(cut.products), cut.revenue) == (LINES_LIMIT, None)
    assert lost(cut) == [("products", "cut")] and cut.losses[0].example == str(LINES_LIMIT + 7)


@pytest.mark.parametrize("currency", ["euros", "EURO", "dollar", "€", "XXX", 978, "E U R", ["EUR"]])
def test_what_is_no_currency_is_said_and_its_amount_is_added_to_no_other(currency: object) -> None:
    found = told({"order_id": "o", "revenue": 50, "currency": currency})
    assert (found.revenue, found.currency) == (50, "XXX")
    assert lost(found) == [("currency", "not_iso")]


def test_the_currency_inside_of_the_amount_counts() -> None:
    found = told({"revenue": "49.90 USD"})
    assert (found.revenue, found.currency, lost(found)) == (49.9, "USD", [("currency", "no_rate")])
    found = told({"revenue": "49.90 USD", "currency": "EUR"}, RATED)
    assert (found.revenue, found.currency, lost(found)) == (47.405, "EUR", [("currency", "contradiction")])
    found = told({"revenue": "$49.90", "currency": "cad"})
    assert (found.revenue, found.currency, lost(found)) == (49.9, "CAD", [("currency", "no_rate")])


def test_an_order_in_another_currency_is_converted_by_the_rate_of_its_day() -> None:
    props = {
        "order_id": "o",
        "currency": "usd",
        "revenue": 100,
        "products": [{"product_id": "p", "price": 50}],
    }
    now, before = told(props, RATED), told(props, RATED, ts=NOON - 86_400_000)
    assert (now.revenue, now.currency, now.products[0].price) == (95.0, "EUR", 47.5)
    assert (before.revenue, before.currency, before.products[0].price) == (92.0, "EUR", 46.0)
    assert now.losses == before.losses == ()
    long_ago = told(props, RATED, ts=NOON - 400 * 86_400_000)
    assert (long_ago.revenue, long_ago.currency, long_ago.products[0].price) == (100.0, "USD", 50.0)
    assert lost(long_ago) == [("currency", "no_rate")]


def test_the_day_of_a_rate_is_the_sites() -> None:
    seoul = msgspec.structs.replace(WON, rates={"USD": (("2026-01-01", 1300.0), ("2026-12-01", 1400.0))})
    late = NOON + 4 * 3_600_000  # 1 a.m. of December in Seoul
    assert told({"revenue": 1, "currency": "USD"}, seoul).revenue == 1300
    assert told({"revenue": 1, "currency": "USD"}, seoul, ts=late).revenue == 1400


def test_a_refund_is_converted_too_and_known_by_what_was_said() -> None:
    props = {"order_id": "o", "revenue": 10, "currency": "USD"}
    one = told(props, RATED, "Order Refunded")
    two = told({**props, "revenue": "10.00 USD"}, RATED, "Order Refunded", ts=NOON - 86_400_000)
    assert (one.revenue, one.currency, two.revenue) == (-9.5, "EUR", -9.2)
    assert one.refund == two.refund and one.refund is not None
    other = told({**props, "currency": "EUR"}, RATED, "Order Refunded")
    assert other.refund != one.refund
    assert told({"order_id": "o", "revenue": 10}, RATED, "Order Refunded").currency is None, "the order's"


def test_a_refund_with_an_unreadable_amount_is_set_apart_unless_its_lines_tell() -> None:
    apart = told({"order_id": "o", "revenue": "a tenner"}, name="Order Refunded")
    assert (apart.revenue, apart.doubtful, lost(apart)) == (None, True, [("revenue", "unreadable")])
    line = {"product_id": "p", "price": 4, "quantity": -2}
    read = told({"order_id": "o", "revenue": "a tenner", "products": [line]}, name="Order Refunded")
    assert (read.revenue, read.doubtful, read.products[0].quantity) == (-8, False, 2)


def test_a_price_in_another_currency_is_no_price_of_a_catalogue() -> None:
    viewed = {"product_id": "p", "price": 10, "currency": "USD"}
    assert told(viewed, RATED, "Product Viewed").products[0].price == 9.5
    found = told(viewed, EUROS, "Product Viewed")
    assert (found.products[0].price, lost(found)) == (0.0, [("currency", "no_rate")])


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (10000001, 10000001.0, True),
        (10000001.0, 10000002.0, False),
        (1e7, "10000000", True),
        ("1e+07", 10000000, False),
        (1e22, 10**22, True),
        (123456789012345678901234567890, 123456789012345678901234567891, False),
        ("a" * 300 + "1", "a" * 300 + "2", False),
        (1.5, 1.25, False),
        (0.1, "0.1", True),
        (" o1 ", "o1", True),
        ("O1", "o1", False),
        ("007", 7, False),
    ],
)
def test_ids_are_exact(one: object, other: object, same: bool) -> None:
    for field, of in (("order_id", "order"), ("refund_id", "refund")):
        first, second = (
            getattr(told({field: each, "revenue": 1}, name="Order Refunded"), of) for each in (one, other)
        )
        assert first and second and (first == second) is same
        assert len(first) <= 200
    lines = [told({"product_id": each}, name="Product Viewed").products[0].product for each in (one, other)]
    assert (lines[0] == lines[1]) is same
    contexts = [
        facts(Event("s", "1", "page", 1, 1, "segment", "", "v", context={"session": each}), EUROS)
        for each in (one, other)
    ]
    assert (contexts[0].session_hint == contexts[1].session_hint) is same


IDS = (
    some.integers() | some.floats(allow_nan=False, allow_infinity=False) | some.text(min_size=1, max_size=400)
)


@given(IDS, IDS)
def test_two_ids_are_never_one(one: Any, other: Any) -> None:
    first, second = (told({"order_id": each, "revenue": 1}).order for each in (one, other))
    if first and first == second:
        same = one.strip() if isinstance(one, str) else Decimal(one)
        assert (
            same == (other.strip() if isinstance(other, str) else Decimal(other))
            or str(one).strip() == first
            or str(other).strip() == first
        )


def test_what_an_id_lost_is_said() -> None:
    assert lost(told({"order_id": "x" * 201, "revenue": 1})) == [("order", "cut")]
    assert lost(told({"order_id": 1e17, "revenue": 1})) == [("order", "rounded")]
    for word in ("undefined", "null", "[object Object]", "{{ order.id }}", "0"):
        found = told({"order_id": word, "revenue": 1})
        assert (found.order, lost(found)) == (None, [("order", "placeholder")])
    assert told({"product_id": "undefined"}, name="Product Viewed").products == ()
    assert told({"product_id": 0}, name="Product Viewed").products[0].product == "0", "data sets count from 0"


def test_an_example_shows_no_persons_data() -> None:
    for value in ("kim@shop.example", "010 1234 5678", "4111 1111 1111 1111"):
        (found,) = told({"revenue": value}).losses
        assert not set("kim12345678") & set(found.example) and len(found.example) <= 40
    (found,) = told({"revenue": "12.900 원?\x00\n" + "x" * 500}).losses
    assert found.example.startswith("12.900 원?") and len(found.example) <= 40 and found.example.isprintable()


PUBLIC = "203.0.113.0"


def test_the_limit_of_an_order_is_compared_in_its_own_currency() -> None:
    limited = with_limits(facts, lambda _: 0.0)

    def doubtful(site: Site, **props: object) -> bool:
        event = Event(
            "s", "1", "track", NOON, NOON, "segment", "Order Completed", "v", props=props, sender=PUBLIC
        )
        return limited(event, site).doubtful

    assert not doubtful(EUROS, revenue=5_000_000, currency="KRW"), "about 3,300 euros"
    assert doubtful(EUROS, revenue=500_000_000, currency="KRW")
    assert not doubtful(RATED, revenue=5_000_000, currency="KRW")
    assert not doubtful(WON, revenue=5_000_000) and doubtful(WON, revenue=5_000_000, currency="EUR")
    assert doubtful(EUROS, revenue="9" * 40) and doubtful(EUROS, revenue=1, total="1e999") is False


def test_refunds_with_the_public_key_are_doubtful_unless_the_site_trusts() -> None:
    limited = with_limits(facts, lambda _: 0.0)
    event = Event(
        "s", "1", "track", NOON, NOON, "segment", "Order Refunded", "v", props={"revenue": 5}, sender=PUBLIC
    )
    assert limited(event, EUROS).doubtful
    assert not limited(event, msgspec.structs.replace(EUROS, identity="trusting")).doubtful


JUNK = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=30),
    lambda inner: some.lists(inner, max_size=4) | some.dictionaries(some.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = (
    "order_id",
    "refund_id",
    "revenue",
    "total",
    "value",
    "currency",
    "products",
    "product_id",
    "price",
    "quantity",
)


@given(
    some.dictionaries(some.sampled_from(FIELDS), JUNK),
    some.sampled_from(["Order Completed", "Order Refunded"]),
)
def test_nothing_that_is_sent_breaks_it_and_a_number_is_never_out_of_nothing(
    props: dict[str, Any], name: str
) -> None:
    found = told(props, RATED, name)
    if found.revenue is not None:
        assert abs(found.revenue) < 1e12 and (found.revenue >= 0) == (
            name == "Order Completed" or not found.revenue
        )
        assert any(props.get(each) is not None for each in ("revenue", "total", "value", "products", "price"))
    assert all(len(each.example) <= 40 for each in found.losses)


def test_new_sites_have_no_rates() -> None:
    assert new_site("s").rates == {} and new_site("s").decimal_mark == ""
