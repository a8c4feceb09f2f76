"""Google Analytics 4's Measurement Protocol, by a public client against a running tracker and by hand."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from ga4mp import FirebaseMP, GtagMP
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.enrich.enrich import facts
from tests.support.machine import Clock
from tests.support.tracker_app import Answer, Client, ListLog, log, sites
from tests.support.tracker_server import TrackerServer
from tracker.app import Tracker
from tracker.event import SITE
from tracker.sites import Site, Sites

__all__ = ["log", "sites"]  # fixtures

QUERY = "measurement_id=G-1&api_secret=wk_test"
HOUR = 3_600_000


@pytest.fixture
def call(sites: Sites, log: ListLog, clock: Clock) -> Iterator[Client]:
    tracker = Tracker(sites, log, clock=clock)
    yield Client(tracker)
    tracker.close()


def send(call: Client, body: Any, query: str = QUERY, path: str = "/mp/collect") -> Answer:
    return call("POST", path, body if isinstance(body, bytes) else json.dumps(body).encode(), query)


def hit(*events: Any, **more: Any) -> dict[str, Any]:
    return {"client_id": "c.1", "events": list(events), **more}


ITEM = {
    "item_id": "SKU_1",
    "item_name": "Socks",
    "item_category": "wear",
    "item_variant": "red",
    "price": 5.5,
    "quantity": 2,
}


def test_the_python_client(tracker: TrackerServer) -> None:
    tracker.reset()
    client = GtagMP(api_secret="sk_test", measurement_id="default", client_id="111.222")
    client._base_domain, client._validation_domain = (
        f"{tracker.host}/mp/collect",
        f"{tracker.host}/debug/mp/collect",
    )
    client.store.set_user_property("tier", "gold")

    def event(name: str, **params: Any) -> Any:
        made = client.create_new_event(name)
        for member, value in {"k": 1, **params}.items():
            made.set_event_param(member, value)
        return made

    bought, viewed = event("purchase", transaction_id="T1", currency="EUR", value=11), event("view_item")
    for each in (bought, viewed):
        each.add_item_to_event(ITEM)
    client.send([bought, viewed])
    earlier = datetime.now() - timedelta(hours=5)  # noqa: DTZ005  the client takes local times
    client.send([event("begin_checkout")], date=earlier)
    client.send([event("add_to_cart")], postpone=True)
    client.postponed_send()
    client.send([event("never_stored")], validation_hit=True)
    events = tracker.wait_for(7)
    assert [event.name or event.type for event in events] == [
        *("identify", "Order Completed", "Product Viewed"),
        *("identify", "Checkout Started", "identify", "Product Added"),
    ]
    order = events[1]
    assert (order.visitor, order.sender, order.source) == ("111.222", SITE, "ga4")
    assert events[0].traits == {"tier": "gold"}
    assert 4.9 * HOUR < events[4].received - events[4].ts < 5.1 * HOUR
    made = facts(order, Site(id="default", write_key="w", secret_key="s"))
    assert (made.order, made.revenue, made.currency) == ("T1", 11.0, "EUR")
    [line] = made.products
    assert (line.product, line.category, line.quantity, line.price) == ("SKU_1", "wear", 2.0, 5.5)


def test_the_python_client_for_apps(tracker: TrackerServer) -> None:
    tracker.reset()
    client = FirebaseMP(api_secret="wk_test", firebase_app_id="1:2:web:3", app_instance_id="a" * 32)
    client._base_domain = f"{tracker.host}/mp/collect"
    searched = client.create_new_event("search")
    searched.set_event_param("search_term", "socks")
    client.send([searched])
    [event] = tracker.wait_for(1)
    assert (event.name, event.visitor, event.proven) == ("Products Searched", "a" * 32, False)
    assert event.props["query"] == "socks"


def test_a_view_and_a_screen(call: Client, log: ListLog) -> None:
    page = {
        "page_location": "https://x/a",
        "page_title": "T",
        "page_referrer": "https://r/",
        "ga_session_id": 77,
    }
    view = {
        "name": "page_view",
        "params": {**page, "language": "ko-kr", "screen_resolution": "390x844", "k": 1},
    }
    screen = {"name": "screen_view", "params": {"firebase_screen": "Home"}}
    assert send(call, hit(view, screen, user_id=10000001.0)).status == 204
    first, second = log.events
    assert (first.type, first.url, first.title, first.referrer) == ("page", "https://x/a", "T", "https://r/")
    assert (first.lang, first.screen, first.context["session"]) == ("ko-kr", "390x844", "77")
    assert (first.user, first.proven, first.props["k"]) == ("10000001", False, 1)
    assert (second.type, second.name) == ("screen", "Home")


@pytest.mark.parametrize(
    ("params", "revenue"),
    [
        ({"value": 4, "items": [{"item_id": "SKU_1", "quantity": 1}]}, -4.0),
        ({"items": [{**ITEM, "quantity": 1}]}, -5.5),
        ({}, None),
        ({"value": 0}, None),
    ],
)
def test_a_refund(call: Client, log: ListLog, params: dict[str, Any], revenue: float | None) -> None:
    event = {"name": "refund", "params": {"transaction_id": "T1", "currency": "EUR", **params}}
    send(call, hit(event), "api_secret=sk_test")
    assert log.events[0].name == "Order Refunded"
    made = facts(log.events[0], Site(id="default", write_key="w", secret_key="s"))
    assert (made.order, made.revenue, made.doubtful) == ("T1", revenue, False)


@pytest.mark.parametrize(
    ("hours", "back", "flag"), [(0, 0, None), (71, 71, None), (73, 0, "past"), (-100, 0, "future")]
)
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize("as_text", [False, True])
def test_events_may_lie_72_hours_back(
    call: Client,
    log: ListLog,
    clock: Clock,
    hours: int,
    back: int,
    flag: str | None,
    inside: bool,
    as_text: bool,
) -> None:
    micros: Any = int(clock.now * 1_000_000) - hours * HOUR * 1_000
    micros = str(micros) if as_text else micros
    event, common = {"name": "x"}, {"timestamp_micros": micros}
    send(call, hit({**event, **common}, timestamp_micros=1) if inside else hit(event, **common))
    made = log.events[0]
    assert (made.received - made.ts, made.context.get("clock")) == (back * HOUR, flag)


def test_the_answer_is_204_whatever_comes(call: Client, log: ListLog) -> None:
    for body, code in (
        (b"", "bad_json"),
        (b"[]", "bad_value"),
        ({"events": [{"name": "x"}]}, "missing"),
        ({"client_id": ["x"], "events": [{"name": "x"}]}, "bad_value"),
        (hit(7), "bad_value"),
        (hit({"name": "x", "params": {"a": "b" * 140_000}}), "too_large"),
    ):
        answer = send(call, body)
        assert (answer.status, answer.body, answer.headers["x-dangol-refused"]) == (204, b"", code)
    assert send(call, hit({"name": "x"}), "api_secret=nobody").headers["x-dangol-refused"] == "bad_api_secret"
    assert log.events == []
    assert [letter.visitor for letter in log.letters] == ["c.1"]
    log.down = True
    assert send(call, hit({"name": "x"})).status == 503, "204 says that it is stored"


anything = st.recursive(
    st.none() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "params", "timestamp_micros"]), inner, max_size=3)
    ),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.booleans() | anything, max_size=24),
    st.dictionaries(st.text(max_size=9), anything, max_size=3),
)
def test_every_good_event_is_stored_once(
    call: Client, log: ListLog, parts: list[Any], properties: dict[str, Any]
) -> None:
    log.events.clear()
    good = [place for place, part in enumerate(parts) if isinstance(part, bool)]
    sent = [
        {"name": "good", "params": {"place": place}} if place in good else part
        for place, part in enumerate(parts)
    ]
    assert send(call, hit(*sent, user_properties=properties)).status == 204
    assert [event.props["place"] for event in log.events if event.name == "good"] == good


def test_events_beyond_the_25th_are_left_out_alone(call: Client, log: ListLog) -> None:
    send(call, hit(*({"name": f"e{n}"} for n in range(30))))
    assert [event.name for event in log.events] == [f"e{n}" for n in range(25)]
    assert len(log.letters) == 5


def test_the_validation_server_names_the_faults_and_stores_nothing(
    call: Client, log: ListLog, clock: Clock
) -> None:
    def codes(body: Any) -> list[tuple[str, str]]:
        answer = send(call, body, path="/debug/mp/collect")
        assert answer.status == 200
        told = json.loads(answer.body)["validationMessages"]
        return [(each["fieldPath"], each["validationCode"]) for each in told]

    assert codes(hit({"name": "purchase", "params": {"value": 1}})) == []
    assert codes(hit({"name": "_bad"})) == [("events[0].name", "NAME_INVALID")]
    assert codes(hit({"name": "ga_x"}, {"params": {}}, 5)) == [
        ("events[0].name", "NAME_RESERVED"),
        ("events[1].name", "VALUE_REQUIRED"),
        ("events[2]", "VALUE_INVALID"),
    ]
    assert codes({"events": []}) == [("client_id", "VALUE_REQUIRED"), ("events", "VALUE_REQUIRED")]
    assert codes(hit(*[{"name": "x"}] * 26)) == [("events", "EXCEEDED_MAX_ENTITIES")]
    old = int(datetime.fromtimestamp(clock.now, UTC).timestamp() * 1e6) - 80 * HOUR * 1_000
    assert codes(hit({"name": "x"}, timestamp_micros=old)) == [("timestamp_micros", "VALUE_OUT_OF_BOUNDS")]
    assert codes(b"{")[0][1] == "VALUE_INVALID"
    assert log.events == log.letters == []
