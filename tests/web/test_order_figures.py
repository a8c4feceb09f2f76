"""Orders as the API and the desk tell them: net, other currencies apart, currencies without decimals."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from profiles.model import Profile
from profiles.store.port import Write
from tests.support.html import squeezed
from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site
from warehouse.tables.schema import EventRow

pytestmark = pytest.mark.redis


def told(ts: int, name: str, number: str, revenue: float | None = None, **more: object) -> EventRow:
    values = {
        "id": f"{name}{number}{ts}",
        "profile": "u:1",
        "session": "s",
        "sender": "site",
        "currency": "EUR",
    }
    return row(ts, type="track", name=f"Order {name}", order=number, revenue=revenue, **(values | more))


def line(product: str, quantity: float, price: float) -> dict[str, object]:
    return {"product": product, "category": "tea", "quantity": quantity, "price": price}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    """An order of 60.00 of which 20.00 went back, one in dollars, one that was cancelled, and one in won."""
    stage = stage_of(tmp_path, redis_url, site, clock)
    now = int(clock() * 1000) - 60_000
    rows = [
        row(now, profile="u:1", session="s", visitor="a"),
        told(now + 1, "Refunded", "1", -20.0, refund="r1", items=[line("cup", 1, 20.0)]),
        told(now + 2, "Completed", "1", 60.0, items=[line("cup", 3, 20.0)]),
        told(now + 3, "Refunded", "1", -20.0, refund="r1", items=[line("cup", 1, 20.0)]),
        told(now + 4, "Completed", "2", 120.0, currency="USD", items=[line("cup", 1, 120.0)]),
        told(now + 5, "Completed", "3", 12_900.0, currency="KRW"),
        told(now + 6, "Completed", "4", 75.0, items=[line("pot", 1, 75.0)]),
        told(now + 7, "Cancelled", "4"),
    ]
    stage.warehouse.append(rows, [], {})
    stage.profiles.save("default", [Write("u:1", b"", Profile(id="u:1", user="1", first_seen=now))])
    return stage


def test_the_api_tells_net_orders_and_other_currencies_apart(stage: Stage) -> None:
    found = stage.call("GET", "/v1/reports/overview").json
    assert (found["orders"], found["revenue"]) == (1, 40.0)
    assert found["other_currencies"] == [
        {"currency": "KRW", "orders": 1, "revenue": 12_900.0},
        {"currency": "USD", "orders": 1, "revenue": 120.0},
    ]
    products = stage.call("GET", "/v1/reports/products").json
    (cup,) = products["products"]
    assert {key: cup[key] for key in ("name", "sold", "returned", "bought", "revenue", "buyers")} == {
        "name": "cup", "sold": 4.0, "returned": 1.0, "bought": 3.0, "revenue": 40.0, "buyers": 1,
    }  # fmt: skip
    assert products["other_currencies"] == [{"currency": "USD", "orders": 1, "revenue": 120.0}]
    person = stage.call("GET", "/v1/reports/visitor", query_string={"id": "1"}).json
    assert [
        (each["number"], each["state"], each["revenue"], each["currency"]) for each in person["orders"]
    ] == [
        ("4", "cancelled", 0.0, ""),
        ("3", "completed", 12_900.0, "KRW"),
        ("2", "completed", 120.0, "USD"),
        ("1", "partly refunded", 40.0, ""),
    ]


def test_the_desk_tells_them_too(stage: Stage) -> None:
    desk = stage.desk()
    page = squeezed(desk.get("/desk?metric=revenue").text).replace("\xa0", " ")
    assert "also: 1 order, 12,900 KRW; 1 order, 120.00 USD" in page and "€40.00" in page
    assert "also: 1 order, 120.00 USD" in squeezed(desk.get("/desk/products").text).replace("\xa0", " ")
    korean = squeezed(desk.get("/desk", headers={"Accept-Language": "ko"}).text).replace("\xa0", " ")
    assert "그 외: 주문 1건, 12,900 KRW" in korean
    mine = squeezed(desk.get("/desk/dossier/u%3A1?part=1").text)
    assert "partly refunded" in mine and "cancelled" in mine and "₩12,900" in mine
    timeline = squeezed(desk.get("/desk/visitors/u%3A1").text)
    assert "4 · €75.00" in timeline and "2 · US$120.00" in timeline


def test_a_site_in_won_has_no_decimals(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> None:
    stage = stage_of(tmp_path, redis_url, replace(site, currency="KRW"), clock)
    stage.warehouse.append([told(int(clock() * 1000), "Completed", "1", 9_900.0, currency="KRW")], [], {})
    page = stage.desk().get("/desk?metric=revenue").text
    assert "₩9,900" in page and "₩9,900." not in page and "also:" not in page
