"""Click → the next /v1/personalize reflects it, on a whole installation (embedded Redis).

Each round a new visitor's click is posted; then /v1/personalize is asked until an answer gives the clicked product as
its reason. The floor is the same two requests with nothing to wait for: the click posted, one answer asked.
"""

import random
import tempfile
import time
import uuid
from pathlib import Path

from bench.results import percentiles, record

ROUNDS = 300


def main() -> None:
    from tests.support.installation import WRITE, Installation

    with tempfile.TemporaryDirectory() as folder, Installation(Path(folder), "--demo") as running:
        running.run("demo-traffic", "--visitors", "300", "--seed", "1")
        running.run("train")
        status, body = running.call("GET", "/v1/items")
        assert status == 200, body
        products = [item["id"] for item in body["items"]]
        floor, seen = [], []
        for _ in range(ROUNDS):
            visitor, product = uuid.uuid4().hex, random.choice(products)
            started = time.perf_counter()
            click(running, WRITE, visitor, product)
            reflected = reason_given(running, WRITE, visitor, product)
            floor.append(time.perf_counter() - started)
            while not reflected:
                reflected = reason_given(running, WRITE, visitor, product)
            seen.append(time.perf_counter() - started)
    rows = []
    for name, values in (("click, one answer (floor)", floor), ("click, until reflected", seen)):
        rows.append((name, *(f"{value * 1000:.1f} ms" for value in percentiles(values, 50, 95, 99))))
    ratio = percentiles(seen, 95)[0] / percentiles(floor, 95)[0]
    record(
        "Click to personalization",
        "python -m bench.freshness",
        ("what", "p50", "p95", "p99"),
        rows,
        f"p95 is {ratio:.1f} × the floor's; the budget is 250 ms. {ROUNDS} visitors, one after another.",
    )


def click(running, key: str, visitor: str, product: str) -> None:
    event = {
        "anonymousId": visitor,
        "event": "Product Viewed",
        "properties": {"product_id": product},
        "writeKey": key,
    }
    status, body = running.call("POST", "/v1/track", event, key="")
    assert status == 200, body


def reason_given(running, key: str, visitor: str, product: str) -> bool:
    ask = {"visitor": visitor, "slots": [{"id": "s", "kind": "items", "strategy": "personal", "limit": 6}]}
    status, body = running.call("POST", "/v1/personalize", ask, key=key)
    assert status == 200, body
    return any(item["reason"].get("item") == product for item in body["slots"]["s"]["items"])


if __name__ == "__main__":
    main()
