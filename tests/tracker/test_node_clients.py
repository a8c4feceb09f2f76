"""The official npm clients, unchanged, against a running tracker. Skipped where Node is absent."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.node_modules import NODE, NPM, SCRIPTS
from tests.support.tracker_server import TrackerServer

pytestmark = pytest.mark.skipif(
    not (NODE and NPM), reason="the npm clients need Node: apt-get install nodejs npm"
)


def run(script: str, tracker: TrackerServer, modules: Path) -> str:
    command = [str(NODE), str(SCRIPTS / script), tracker.host]
    env = {**os.environ, "NODE_PATH": str(modules)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_segment_analytics_node(tracker: TrackerServer, modules: Path) -> None:
    run("segment.js", tracker, modules)
    events = {event.type: event for event in tracker.wait_for(6)}
    assert set(events) == {"identify", "track", "page", "screen", "group", "alias"}
    assert (events["track"].id, events["track"].visitor, events["track"].name) == (
        "m1",
        "a1",
        "Product Viewed",
    )
    assert events["page"].url == "https://shop.example/"
    assert (events["alias"].visitor, events["alias"].user) == ("a1", "u1")
    assert events["identify"].traits == {"plan": "gold"}
    assert {event.source for event in events.values()} == {"segment"}


def test_rudder_sdk_node_with_gzip_under_another_name(tracker: TrackerServer, modules: Path) -> None:
    run("rudder.js", tracker, modules)
    events = {event.type: event for event in tracker.wait_for(2)}
    assert events["identify"].traits == {"plan": "gold"}
    assert events["track"].props == {"order_id": "o1", "revenue": 9.5}


def test_snowplow_node_tracker_by_post_and_get(tracker: TrackerServer, modules: Path) -> None:
    run("snowplow.js", tracker, modules)
    events = tracker.wait_for(6)
    for method in ("post", "get"):
        mine = {event.name or event.type: event for event in events if event.user == f"u-{method}"}
        assert set(mine) == {"page", "Search", "Product Viewed"}
        assert {event.visitor for event in mine.values()} == {f"d-{method}"}
        page = mine["page"]
        assert (page.url, page.title) == ("https://shop.example/한글", "T")
        assert page.referrer == "https://r.example/"
        assert mine["Search"].props == {"category": "shop", "action": "Search", "label": "boots", "value": 3}
        product = mine["Product Viewed"].props
        assert (product["product_id"], product["category"], product["price"]) == ("p7", "shoes", 49.9)
        assert abs(page.ts - page.received) < 60_000


@pytest.mark.slow
def test_matomo_tracker_single_and_bulk(tracker: TrackerServer, modules: Path) -> None:
    printed = run("matomo.js", tracker, modules)
    assert '"tracked": 2' in printed
    events = tracker.wait_for(5)
    assert len(events) == 5
    urls = {event.url: event for event in events if event.type == "page"}
    assert urls["https://shop.example/"].context["cookieless"] is True
    product = urls["https://shop.example/p/7"]
    assert (product.title, product.visitor, product.user, product.ua) == (
        "Boot",
        "0123456789abcdef",
        "u1",
        "Mozilla/5.0",
    )
    named = {event.name: event.props for event in events if event.type == "track"}
    assert named["Play"] == {"category": "Videos", "action": "Play", "name": "Intro", "value": 42}
    line = {"product_id": "p7", "name": "Boot", "category": "shoes", "price": 49.75, "quantity": 2}
    assert named["Order Completed"] == {"order_id": "o1", "revenue": 99.5, "products": [line]}
