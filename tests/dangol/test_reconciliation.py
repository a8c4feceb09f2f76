"""Orders that no webhook told are asked for: from a real server on this machine, through a real log."""

import json
import threading
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from dangol.shops import https
from dangol.shops.changed_orders import PAGE_ORDERS
from dangol.shops.https import ShopUnavailable
from dangol.shops.reconciliation import Reconciliation
from profiles.erasures import RedisErased
from tests.support.machine import Clock
from tests.support.shop_payloads import shopify_order, woocommerce_order
from tracker.event import Event, decode
from tracker.integrations import shopify, woocommerce
from tracker.integrations.shop_order import events_of
from tracker.log.open import open_log
from tracker.log.port import EventLog
from tracker.redis_connection import connect
from tracker.sites import ShopConnection, Site, Sites


class ShopServer:
    """Answers as the two REST APIs do, from a list of orders; or with ``status`` and ``headers``."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.renewed = 0
        self.status, self.headers, self.body = 200, dict[str, str](), b""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
                given = {name.lower(): value for name, value in self.headers.items()}
                server.asked.append((self.path, given, sent))
                body, headers = server.answer(self.path)
                self.send_response(server.status)
                for name, value in {**headers, **server.headers, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815  the library's name

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, path: str) -> tuple[bytes, dict[str, str]]:
        if self.body:
            return self.body, {}
        parts = urlsplit(path)
        if parts.path == "/api/v2/oauth/token":
            return self.tokens(), {}
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if parts.path.startswith("/wp-json/"):
            since, at = query["modified_after"][:19], int(query["page"]) - 1
            found = sorted(
                (each for each in self.orders if each["date_modified_gmt"] > since),
                key=lambda each: each["date_modified_gmt"],
            )
            size = int(query["per_page"])
            return json.dumps(found[at * size : (at + 1) * size]).encode(), {}
        if parts.path == "/api/v2/admin/orders":
            start, size = int(query["offset"]), int(query["limit"])
            days = query["start_date"], query["end_date"] + "~"
            found = [each for each in self.orders if days[0] <= each["order_date"] <= days[1]]
            return json.dumps({"orders": found[start : start + size]}).encode(), {}
        since = datetime.fromisoformat(query["updated_at_min"]) if "updated_at_min" in query else None
        found = sorted(
            (
                each
                for each in self.orders
                if since is None or datetime.fromisoformat(each["updated_at"]) >= since
            ),
            key=lambda each: each["updated_at"],
        )
        at, size = int(query.get("page_info", "0")), int(query.get("limit", PAGE_ORDERS))
        following = f"{self.url}{parts.path}?limit={size}&page_info={at + size}"
        headers = (
            {"Link": f'<{self.url}/x>; rel="previous", <{following}>; rel="next"'}
            if len(found) > at + size
            else {}
        )
        return json.dumps({"orders": found[at : at + size]}).encode(), headers

    def tokens(self) -> bytes:
        """A refresh token works once."""
        _, headers, body = self.asked[-1]
        form = parse_qs(body)
        if headers["authorization"] != "Basic aWQ6c2VjcmV0" or form["refresh_token"] != [
            f"refresh-{self.renewed}"
        ]:
            self.status = 401
            return b"{}"
        self.renewed += 1
        return json.dumps({"access_token": "access", "refresh_token": f"refresh-{self.renewed}"}).encode()

    def get(self) -> Any:
        port = self.http.server_port
        return partial(https.ask, connect=lambda _: HTTPConnection("127.0.0.1", port, timeout=5))


@pytest.fixture
def shop() -> Iterator[ShopServer]:
    server = ShopServer()
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def log(redis_url: str) -> Iterator[EventLog]:
    log = open_log(f"{redis_url}?stream=shops&shards=1")
    yield log
    log.close()


def no_rows(*_: object) -> set[str]:
    return set()


def nobody(*_: object) -> dict[str, int]:
    return {}


def reconciliation_of(
    log: EventLog,
    folder: Path,
    shop: ShopServer,
    clock: Clock,
    stored: Any = no_rows,
    forgotten: Any = nobody,
) -> Reconciliation:
    return Reconciliation(log, Sites(folder / "sites.json"), folder, stored, forgotten, shop.get(), clock)


def events(log: EventLog) -> list[Event]:
    consumer = log.consumer("test", "one")
    found = []
    while batch := consumer.poll(1_000, 0.2):
        found += [decode(message.value) for message in batch]
    consumer.close()
    return found


def site_with(site: Site, shop: str, url: str) -> Site:
    return msgspec.structs.replace(site, shops={shop: ShopConnection("s", url, "ck_1", "cs_1")})


def at(minute: int, zone: str = "+00:00") -> str:
    return f"2026-11-18T{8 + minute // 60:02}:{minute % 60:02}:00{zone}"


@pytest.mark.redis
@pytest.mark.parametrize("name", ["shopify", "woocommerce"])
def test_every_changed_order_is_told_once_and_as_its_webhook_would(
    shop: ShopServer, log: EventLog, site: Site, tmp_path: Path, clock: Clock, name: str
) -> None:
    count = 2 * PAGE_ORDERS + 7
    if name == "shopify":
        shop.orders = [shopify_order(id=n + 1, updated_at=at(n % 90)) for n in range(count)]
    else:
        shop.orders = [woocommerce_order(id=n + 1, date_modified_gmt=at(n % 90, "")) for n in range(count)]
    reconciliation = reconciliation_of(log, tmp_path, shop, clock)
    connected = site_with(site, name, shop.url)
    [told] = reconciliation.run(connected)
    assert told.orders >= count
    found = events(log)
    adapter = {"shopify": shopify, "woocommerce": woocommerce}[name]
    sent = {
        each.id
        for order in shop.orders
        for one in adapter.read(order)
        for each in events_of(one, name, "default", 1)
    }
    assert {event.id for event in found} == sent
    assert {event.props["order_id"] for event in found} == {str(n + 1) for n in range(count)}
    before = len(shop.asked)
    changed = {"updated_at": at(150)} if name == "shopify" else {"date_modified_gmt": at(150, "")}
    shop.orders[3] |= changed
    reconciliation.run(connected)
    assert len(shop.asked) == before + 1, "only what changed since is asked for"
    header = shop.asked[-1][1]
    assert header.get("x-shopify-access-token") == "cs_1" or header["authorization"] == "Basic Y2tfMTpjc18x"


@pytest.mark.redis
def test_many_orders_of_one_second_are_all_told(
    shop: ShopServer, log: EventLog, site: Site, tmp_path: Path, clock: Clock
) -> None:
    shop.orders = [woocommerce_order(id=n + 1, date_modified_gmt=at(5, "")) for n in range(3 * PAGE_ORDERS)]
    reconciliation_of(log, tmp_path, shop, clock).run(site_with(site, "woocommerce", shop.url))
    assert len({event.props["order_id"] for event in events(log)}) == 3 * PAGE_ORDERS


@pytest.mark.redis
def test_a_run_that_fails_goes_on_where_it_was(
    shop: ShopServer, log: EventLog, site: Site, tmp_path: Path, clock: Clock
) -> None:
    connected = site_with(site, "shopify", shop.url)
    shop.orders = [shopify_order(id=1, updated_at=at(10))]
    reconciliation = reconciliation_of(log, tmp_path, shop, clock)
    reconciliation.run(connected)
    shop.orders += [shopify_order(id=2, updated_at=at(40))]
    for status, body in ((500, b"x"), (302, b"x"), (200, b"no json"), (200, b"[]")):
        shop.status, shop.body, shop.headers = status, body, {"Location": "http://127.0.0.1:1/"}
        with pytest.raises(ShopUnavailable):
            reconciliation.run(connected)
    shop.status, shop.body, shop.headers = 200, b"", {}
    reconciliation.run(connected)
    assert {event.props["order_id"] for event in events(log)} == {"1", "2"}


@pytest.mark.redis
def test_cafe24_is_asked_with_a_token_that_is_renewed_each_time(
    shop: ShopServer, log: EventLog, site: Site, tmp_path: Path, clock: Clock
) -> None:
    item = {"product_code": "P1", "quantity": 1, "product_price": "1000.00", "order_status": "N40"}
    shop.orders = [
        {
            "order_id": f"20261117-{n:07}",
            "order_date": "2026-11-17T10:00:00+09:00",
            "paid": "T",
            "canceled": "F",
            "currency": "KRW",
            "member_id": "gdhong",
            "payment_amount": "1000.00",
            "items": [{**item, "order_item_code": f"{n}-01"}],
        }
        for n in range(PAGE_ORDERS + 3)
    ]
    connected = msgspec.structs.replace(
        site, shops={"cafe24": ShopConnection("s", shop.url, "id:secret", "refresh-0")}
    )
    sites = Sites(tmp_path / "sites.json")
    sites.save(connected)
    stored: set[str] = set()
    reconciliation = Reconciliation(log, sites, tmp_path, lambda *_: stored, nobody, shop.get(), clock)
    assert reconciliation.run(connected)[0].events == PAGE_ORDERS + 3
    stored |= {event.id for event in events(log)}
    renewed = Sites(sites.path).get(site.id)
    assert renewed is not None and renewed.shops["cafe24"].token == "refresh-1"
    shop.orders[0]["items"] = [{**item, "order_item_code": "0-01", "order_status": "R40"}]
    assert reconciliation.run(renewed)[0].events == 1, "what reports hold is not told again"
    with pytest.raises(ShopUnavailable, match="401"):
        reconciliation.run(connected)


@pytest.mark.redis
def test_what_an_erased_customer_did_does_not_come_back(
    shop: ShopServer, log: EventLog, site: Site, tmp_path: Path, clock: Clock, redis_url: str
) -> None:
    erased = RedisErased(connect(redis_url, 5.0))
    shop.orders = [
        shopify_order(id=1, updated_at=at(10), customer={"id": 7}),
        shopify_order(id=2, updated_at=at(10), customer={"id": 8}),
        shopify_order(id=3, updated_at=at(20), processed_at=at(20), customer={"id": 7}),
    ]
    erased.mark(site.id, ["u:7"], int(datetime.fromisoformat(at(15)).timestamp() * 1000))
    reconciliation = reconciliation_of(log, tmp_path, shop, clock, forgotten=erased.forgotten)
    reconciliation.run(site_with(site, "shopify", shop.url))
    assert {(event.props["order_id"], event.user) for event in events(log)} == {("2", "8"), ("3", "7")}


def test_the_next_page_must_be_the_shops_own(
    shop: ShopServer, site: Site, tmp_path: Path, clock: Clock
) -> None:
    shop.headers = {"Link": '<http://169.254.169.254/latest>; rel="next"'}
    with pytest.raises(ShopUnavailable, match="another host"):
        reconciliation_of(open_log("memory://"), tmp_path, shop, clock).run(
            site_with(site, "shopify", shop.url)
        )
    assert len(shop.asked) == 1


def test_an_answer_is_bounded(shop: ShopServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(https, "BYTES_LIMIT", 1_000)
    shop.body = b"x" * 1_001
    with pytest.raises(ShopUnavailable, match="more than 1000 bytes"):
        shop.get()(shop.url, {})


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://shop.example/",
            "https://127.0.0.1/",
            "https://localhost/",
            "https://10.0.0.8/",
            "https://[::1]/",
        ),
        *(
            "https://169.254.169.254/",
            "https://192.168.1.1:8443/",
            "https://[::ffff:10.0.0.1]/",
            "https://0.0.0.0/",
        ),
        *(
            "https://user:pw@8.8.8.8/",
            "ftp://8.8.8.8/",
            "https://[64:ff9b::a00:1]/",
            "https://[fd00::1]/",
            "https:///x",
        ),
        *("https://[2002:a00:1::1]/", "https://224.0.0.1/", "https://100.64.0.1/", "https://2130706433/"),
    ],
)
def test_no_address_of_our_own_network_is_asked(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def connected(*_: object, **__: object) -> None:
        pytest.fail("a connection was made")

    monkeypatch.setattr("socket.create_connection", connected)
    with pytest.raises(ShopUnavailable):
        https.ask(url, {})


def test_one_private_address_of_a_host_is_enough_to_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(2, 1, 6, "", (address, 443)) for address in ("93.184.216.34", "10.0.0.1")]
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found)
    with pytest.raises(ValueError, match="not one of the internet"):
        https.public_address("shop.example", 443)
    monkeypatch.setattr("socket.getaddrinfo", lambda *_, **__: found[:1])
    assert https.public_address("shop.example", 443) == "93.184.216.34"


def test_a_shop_without_an_address_is_not_asked(site: Site, tmp_path: Path) -> None:
    sites = Sites(tmp_path / "sites.json")
    reconciliation = Reconciliation(open_log("memory://"), sites, tmp_path, no_rows, nobody)
    told = reconciliation.run(site_with(site, "shopify", ""))
    assert told == []
