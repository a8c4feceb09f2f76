"""The demo's traffic: the same for the same seed, bounded, believable, and sent as a client should send it."""

import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain, pairwise
from pathlib import Path
from statistics import mean
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dangol.demo.people import MANNERS, person
from dangol.demo.traffic import BATCH, SENDERS, Traffic, play, visits_of
from dangol.demo.visits import EVENTS_LIMIT
from dangol.shop.catalogue import load, push_catalogue
from dangol.shop.client import Client, DangolUnreachable, RequestRefused
from tests.support.machine import free_port
from tests.support.tracker_server import TrackerServer
from tracker.durations import DAY_SECONDS
from tracker.sites import new_site

NOW = 1_795_000_000.0
SITE = new_site("default", "wk_test", "sk_test")


class Recorder:
    """A server that keeps what it is sent. ``answers`` are (status, headers) given first, in order."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.connections: set[tuple[str, int]] = set()
        lock = threading.Lock()
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                with lock:
                    recorder.connections.add(self.client_address)
                    status, headers = recorder.answers.pop(0) if recorder.answers else (200, {})
                    if status == 200:
                        kept = json.loads(body) if body else None
                        recorder.requests.append((self.command, self.path, dict(self.headers), kept))
                text = (
                    b'{"error":{"code":"c","message":"said why"}}' if status >= 400 else b'{"success": true}'
                )
                self.send_response(status)
                for name, value in {"Content-Length": str(len(text)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def do_GET(self) -> None:
                self.answer()

            def do_POST(self) -> None:
                self.answer()

            def do_PUT(self) -> None:
                self.answer()

            def log_message(self, *_: Any) -> None: ...

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None: ...  # a client that goes away

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def messages(self) -> list[dict[str, Any]]:
        return [message for *_, document in self.requests for message in document["batch"]]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    recorder = Recorder()
    yield recorder
    recorder.close()


def played(
    seed: int, number: int, now: float = NOW, days: int = 28, zone: tzinfo = UTC
) -> list[dict[str, Any]]:
    return visits_of("http://shop.example", seed, number).play(now, days, zone)


def instant(message: dict[str, Any]) -> float:
    return datetime.fromisoformat(message["timestamp"]).timestamp()


def test_a_seed_always_gives_the_same_messages() -> None:
    for number in range(40):
        assert played(7, number) == played(7, number)
    assert played(7, 3) != played(8, 3)


def test_who_comes_later_today_is_told_of_later_under_the_same_ids() -> None:
    def essence(messages: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
        return [(m["messageId"], m["anonymousId"], m["type"], m.get("properties")) for m in messages]

    midnight, added = NOW // DAY_SECONDS * DAY_SECONDS, 0
    for number in range(200):
        known: list[tuple[Any, ...]] = []
        for hour in (0.1, 3.0, 11.0, 23.9):
            told = essence(played(7, number, midnight + hour * 3600))
            assert told[: len(known)] == known
            added += bool(known) and len(told) > len(known)
            known = told
    assert added


@pytest.mark.parametrize("days", [1, 14, 60])
@pytest.mark.parametrize("zone", [UTC, ZoneInfo("Asia/Seoul"), ZoneInfo("America/Lima")])
def test_every_message_is_of_the_days_before_today_or_of_today(days: int, zone: tzinfo) -> None:
    first = datetime.fromtimestamp(NOW, zone).date() - timedelta(days)
    for number in range(100):
        messages = played(3, number, days=days, zone=zone)
        times = [instant(message) for message in messages]
        assert datetime.fromtimestamp(times[0], zone).date() >= first - timedelta(days)
        assert times[-1] <= NOW
        assert all(one < other for one, other in pairwise(times))
        assert 1 <= len(messages) <= EVENTS_LIMIT


def test_days_and_hours_are_a_shop_s() -> None:
    """Weekends are busier, nights are quiet on the shop's own clock, and neither end of the time stands out."""
    zone = ZoneInfo("Asia/Seoul")
    starts = [visit for number in range(1_500) for visit in visit_starts(played(1, number, zone=zone), zone)]
    days = Counter(start.date() for start in starts)
    today = datetime.fromtimestamp(NOW, zone).date()
    assert min(days) == today - timedelta(28)
    full = [days[today - timedelta(ago)] for ago in range(28, 0, -1)]
    assert max(full) < 2.2 * min(full)
    weeks = [sum(full[start : start + 7]) for start in range(0, 28, 7)]
    assert max(weeks) < 1.15 * min(weeks)
    weekend = [count for day, count in days.items() if day.weekday() >= 5]
    rest = [count for day, count in days.items() if day.weekday() < 5 and day != today]
    assert mean(weekend) > 1.2 * mean(rest)
    hours = Counter(start.hour for start in starts)
    assert sum(hours[hour] for hour in (19, 20, 21, 22)) > 6 * sum(hours[hour] for hour in (2, 3, 4, 5))


def visit_starts(messages: list[dict[str, Any]], zone: tzinfo) -> list[datetime]:
    times = [datetime.fromtimestamp(instant(message), zone) for message in messages]
    return [
        at for before, at in pairwise([None, *times]) if before is None or at - before > timedelta(minutes=30)
    ]


def test_messages_are_what_segment_allows() -> None:
    seen: set[str] = set()
    for number in range(200):
        for message in played(5, number):
            assert len(json.dumps(message)) < 32 * 1024
            assert message["messageId"] not in seen
            seen.add(message["messageId"])
            assert len(message["messageId"]) <= 100
            assert message["context"]["demo"] is True
            assert "sentAt" not in message
            assert message["context"]["page"]["url"].startswith("http://shop.example/shop/")


def test_the_crowd_is_believable() -> None:
    catalogue = load()
    people = [person(1, number, catalogue) for number in range(600)]
    visits = [visits_of("http://shop.example", 1, number) for number in range(600)]
    messages = [each.play(NOW, 28, UTC) for each in visits]

    reached: Counter[str] = Counter()
    for each in messages:
        reached.update({message.get("event", message["type"]) for message in each})
    funnel = ["page", "Product Viewed", "Product Added", "Checkout Started", "Order Completed"]
    counts = [reached[name] for name in funnel]
    assert counts[0] == 600
    assert counts == sorted(counts, reverse=True)
    assert all(one > other for one, other in pairwise(counts)), "someone drops out at each step"
    assert 0.03 < counts[-1] / counts[0] < 0.25

    assert {"identify", "Products Searched", "Cart Viewed", "Product List Viewed"} <= set(reached)
    assert sum(each.sessions > 1 for each in visits) > 60, "returners"
    orders = [sum(message.get("event") == "Order Completed" for message in each) for each in messages]
    assert max(orders) >= 2, "some buy again"
    assert 2 <= sum(one.bot for one in people) <= 40
    assert {one.region.locale for one in people} == {"ko-KR", "de-DE", "en-US", "fr-FR", "ja-JP"}
    assert sum(len(one.devices) > 1 for one in people) >= 3

    pages = [message["context"]["page"] for each in messages for message in each]
    for mark in ("google.com/search?q=", "search.naver.com/search.naver?query=", "l.instagram.com"):
        assert any(mark in page["referrer"] for page in pages), mark
    for mark in ("utm_source=newsletter", "utm_medium=cpc"):
        assert any(mark in page["url"] for page in pages), mark


def test_visitors_have_a_taste() -> None:
    catalogue = load()
    own = every = 0
    for number in range(300):
        tastes = person(2, number, catalogue).tastes
        for message in played(2, number):
            if message.get("event") == "Product Viewed":
                every += 1
                own += message["properties"]["category"] in tastes
    assert own / every > 0.6, "two of eight shelves would be a quarter by chance"


def test_bots_only_open_pages() -> None:
    catalogue = load()
    bots = [number for number in range(400) if person(1, number, catalogue).bot]
    for number in bots:
        messages = played(1, number)
        assert {message["type"] for message in messages} == {"page"}
        assert (
            "bot" in messages[0]["context"]["userAgent"].lower()
            or "Yeti" in messages[0]["context"]["userAgent"]
        )


def test_an_order_adds_up() -> None:
    orders = [
        m["properties"] for n in range(300) for m in played(4, n) if m.get("event") == "Order Completed"
    ]
    assert orders
    assert len({order["order_id"] for order in orders}) == len(orders)
    for order in orders:
        goods = sum(line["price"] * line["quantity"] for line in order["products"])
        assert order["revenue"] == pytest.approx(goods)
        assert order["total"] == pytest.approx(goods + order["shipping"])


def test_after_signing_in_the_customer_is_named() -> None:
    for number in range(200):
        known: set[str] = set()
        for message in played(9, number):
            if message["type"] == "identify":
                known.add(message["anonymousId"])
                assert message["traits"]["email"].endswith("@example.com")
            assert ("userId" in message) == (message["anonymousId"] in known)


def test_the_shop_proves_who_signed_in() -> None:
    messages = [m for n in range(60) for m in visits_of("http://shop.example", 9, n, "sk").play(NOW, 28, UTC)]
    told = {m["userId"]: m["context"].get("proof") for m in messages if "userId" in m}
    assert told == {user: hmac.new(b"sk", user.encode(), "sha256").hexdigest() for user in told} != {}
    assert not any("proof" in m["context"] for m in messages if "userId" not in m)


def test_play_sends_everything_once_over_few_connections(recorder: Recorder) -> None:
    told: list[int] = []
    traffic = play(recorder.url, SITE, 200, 1, now=NOW, progress=told.append)
    messages, catalogue = recorder.messages(), load()
    expected = {number: [message["messageId"] for message in played(1, number)] for number in range(200)}
    assert sorted(message["messageId"] for message in messages) == sorted(chain(*expected.values()))
    robots = {number for number in expected if person(1, number, catalogue).bot}
    events = sum(len(ids) for number, ids in expected.items() if number not in robots)
    assert (traffic.visitors, traffic.robots, sum(told)) == (200 - len(robots), len(robots), 200)
    assert traffic.events == events and robots
    assert traffic.orders == sum(message.get("event") == "Order Completed" for message in messages)
    assert len(recorder.connections) <= SENDERS
    for method, path, headers, document in recorder.requests:
        assert (method, path) == ("POST", "/v1/batch")
        assert headers["Authorization"] == "Basic d2tfdGVzdDo="
        assert len(document["batch"]) <= BATCH
        assert set(document) == {"batch"}, "no sentAt: the times are meant as they are"


def test_one_visitors_messages_arrive_in_order(recorder: Recorder) -> None:
    play(recorder.url, SITE, 60, 1, now=NOW)
    latest: dict[str, int] = {}
    for message in recorder.messages():
        _, _, number, place = message["messageId"].split("-")
        assert int(place) == latest.get(number, -1) + 1
        latest[number] = int(place)


def test_a_smaller_crowd_is_part_of_a_larger_one(recorder: Recorder) -> None:
    play(recorder.url, SITE, 10, 1, now=NOW)
    few = {message["messageId"] for message in recorder.messages()}
    play(recorder.url, SITE, 20, 1, now=NOW)
    both = Counter(message["messageId"] for message in recorder.messages())
    assert {name for name, times in both.items() if times == 2} == few


@pytest.mark.parametrize(("visitors", "days"), [(0, 14), (-1, 14), (100_001, 14), (10, 0), (10, 366)])
def test_amounts_are_bounded(visitors: int, days: int) -> None:
    with pytest.raises(ValueError, match="between 1 and"):
        play("http://127.0.0.1:9", SITE, visitors, 1, days=days)


def test_nothing_there_is_said_clearly() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(DangolUnreachable, match=f"no Dangol answers at {url}.*dangol up"):
        play(url, SITE, 300, 1)
    for wrong in ("127.0.0.1:8000", "ftp://x", "", "http://"):
        with pytest.raises(DangolUnreachable, match="is not an http"):
            play(wrong, SITE, 3, 1)


def test_a_refusal_is_said_clearly(recorder: Recorder) -> None:
    recorder.answers = [(401, {})] * 100
    with pytest.raises(RequestRefused, match=r"POST .*/v1/batch: 401 said why") as refused:
        play(recorder.url, SITE, 20, 1, now=NOW)
    assert refused.value.status == 401
    assert isinstance(refused.value, OSError)


def test_busy_is_waited_for(recorder: Recorder) -> None:
    pauses: list[float] = []
    client = Client(recorder.url, "Bearer sk", pause=pauses.append)
    recorder.answers = [(503, {"Retry-After": "2"}), (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"})]
    client.send("POST", "/v1/batch", {"batch": []})
    assert pauses == [2.0, 1.0]
    recorder.answers = [(503, {"Retry-After": "86400"})] * 9
    with pytest.raises(RequestRefused, match="503"):
        client.send("POST", "/v1/batch", {"batch": []})
    assert max(pauses) == 5.0
    client.close()


def test_a_connection_closed_meanwhile_is_opened_again(recorder: Recorder) -> None:
    client = Client(recorder.url, "Bearer sk", pause=lambda _: None)
    recorder.answers = [(200, {"Connection": "close"})]
    for _ in range(3):
        client.send("POST", "/v1/batch", {"batch": []})
    assert client.fetch("/v1/campaigns") == {"success": True}
    assert len(recorder.requests) == 4
    client.close()


def test_the_catalogue_is_pushed_as_a_backend_would(recorder: Recorder) -> None:
    assert push_catalogue(recorder.url, "sk_test") == len(load().products)
    [(method, path, headers, document)] = recorder.requests
    assert (method, path, headers["Authorization"]) == ("PUT", "/v1/items", "Bearer sk_test")
    assert {item["id"] for item in document["items"]} == set(load().products)


def test_shares_add_up() -> None:
    assert sum(manner.share for manner in MANNERS) == pytest.approx(1)


def test_a_real_tracker_takes_it_all(tmp_path: Path) -> None:
    with TrackerServer(tmp_path) as server:
        first = play(server.host, SITE, 300, 1)
        play(server.host, SITE, 30, 1)
        events = server.unique()
    assert isinstance(first, Traffic)
    robots = sum("bot" in event.ua.lower() or "Yeti" in event.ua for event in events)
    assert len(events) - robots == first.events, "the second time counts nothing"
    assert all(event.context["demo"] is True for event in events)
    assert not any("clock" in event.context for event in events), "no time was found odd"
    assert all(event.url and event.ua and event.screen and event.lang for event in events)
    assert {event.ip.rpartition(".")[2] for event in events} == {"0"}
