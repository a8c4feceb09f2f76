"""A bad event never refuses its neighbours: the others are stored, and it is named in the answer and in the log."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.support.machine import Clock
from tests.support.tracker_app import Client, ListLog, log, sites
from tracker.app import Tracker
from tracker.event import RefusedEvent, encode
from tracker.protocols.exact_ids import digits
from tracker.sites import Sites

__all__ = ["log", "sites"]  # fixtures


@pytest.fixture
def call(sites: Sites, log: ListLog, clock: Clock) -> Iterator[Client]:
    tracker = Tracker(sites, log, clock=clock)
    yield Client(tracker)
    tracker.close()


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
deep = st.sampled_from(["[" * 5_000 + "]" * 5_000, '{"context":' * 3_000 + "1" + "}" * 3_000])
large = st.sampled_from(
    ['"' + "x" * 33_000 + '"', json.dumps({"userId": "u", "properties": {"x": "y" * 33_000}})]
)
EVENT = {"type": "track", "event": "E", "userId": "u", "anonymousId": "a", "messageId": "m"}
wrong_type = st.tuples(
    st.sampled_from([*EVENT, "properties", "traits", "context", "timestamp"]), anything
).map(lambda field: json.dumps({**EVENT, field[0]: field[1]}))
wrong_and_deep = st.tuples(st.sampled_from([*EVENT, "timestamp"]), st.integers(0, 9), deep).map(
    lambda parts: json.dumps({**EVENT, parts[0]: parts[1]})[:-1] + f', "context": {parts[2]}}}'
)
"""The wrong type is found before the depth is."""
bad = anything.map(json.dumps) | wrong_type | deep | large | wrong_and_deep
"""Raw JSON, most of it no event."""
some = st.lists(st.booleans() | bad, max_size=8)
"""True and False stand for a good event."""


def batch_of(parts: list[bool | str], good: dict[str, Any], name: str) -> tuple[str, list[str]]:
    """The items of a list in JSON, and the ids of the good ones among them."""
    items, ids = [], []
    for part in parts:
        if isinstance(part, str):
            items.append(part)
        else:
            ids.append(f"good-{len(ids)}")
            items.append(json.dumps({**good, name: ids[-1]}))
    return ",".join(items), ids


def stored(log: ListLog, name: str = "id") -> list[str]:
    found = [getattr(event, name) if name == "id" else event.props.get(name) for event in log.events]
    return [each for each in found if str(each).startswith("good-")]


PROPERTY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@PROPERTY
@given(some)
@example([True, "[" * 100_000 + "]" * 100_000, False])
@example([True, '{"type":7,"userId":7,"context":' + "[" * 5_000 + "]" * 5_000 + "}"])
@example([True, '{"type":"track","event":"E","userId":"\\ud800"}', '{"userId":NaN}', True])
def test_every_good_event_of_a_batch_is_stored_once(
    call: Client, log: ListLog, parts: list[bool | str]
) -> None:
    items, ids = batch_of(parts, EVENT, "messageId")
    log.events.clear()
    answer = call("POST", "/v1/batch", f'{{"writeKey":"wk_test","batch":[{items}]}}'.encode())
    assert stored(log) == ids
    if ids:
        assert answer.status == 200
        rejected = json.loads(answer.body).get("rejected", [])
        assert len(log.events) + len(rejected) == len(parts)
        assert all(isinstance(parts[each["index"]], str) for each in rejected)


@PROPERTY
@given(some)
def test_every_good_event_of_a_snowplow_payload_is_stored_once(
    call: Client, log: ListLog, parts: list[bool | str]
) -> None:
    good = {"aid": "default", "e": "pv", "p": "web", "duid": "d"}
    items, ids = batch_of(parts, good, "eid")
    log.events.clear()
    path = "/com.snowplowanalytics.snowplow/tp2"
    call("POST", path, f'{{"schema":"s","data":[{items}]}}'.encode())
    assert stored(log) == ids


@PROPERTY
@given(some)
def test_every_good_request_of_a_matomo_bulk_is_stored_once(
    call: Client, log: ListLog, parts: list[bool | str]
) -> None:
    good = {"idsite": 1, "rec": 1, "_id": "0123456789abcdef", "e_c": "c", "e_a": "a"}
    items, ids = batch_of(parts, good, "e_n")
    log.events.clear()
    answer = json.loads(call("POST", "/matomo.php", f'{{"requests":[{items}]}}'.encode()).body)
    assert stored(log, "name") == ids
    assert answer["tracked"] + answer["invalid"] == len(parts)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("10000001", "10000001"),
        ("10000001.0", "10000001"),
        ("1e7", "10000000"),
        ("12345678901234567890.0", "12345678901234567890"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("9007199254740993.0", "9007199254740993"),
        ("-12", "-12"),
        ("1.50", "1.5"),
        ('"007"', "007"),
    ],
)
@pytest.mark.parametrize("field", ["userId", "anonymousId", "messageId"])
def test_an_id_that_is_a_number_is_taken_exactly(
    call: Client, log: ListLog, field: str, written: str, meant: str
) -> None:
    rest = {name: value for name, value in EVENT.items() if name != field}
    item = json.dumps(rest)[:-1] + f', "{field}": {written}}}'
    body = f'{{"writeKey":"wk_test","batch":[{item},{json.dumps({**EVENT, "messageId": "next"})}]}}'
    assert call("POST", "/v1/batch", body.encode()).status == 200
    single = item[:-1] + ',"writeKey":"wk_test"}'
    assert call("POST", "/v1/track", single.encode()).status == 200
    column = {"userId": "user", "anonymousId": "visitor", "messageId": "id"}[field]
    assert [getattr(log.events[at], column) for at in (0, 2)] == [meant, meant]
    assert len(log.events) == 3


@given(st.integers(-(10**40), 10**40), st.integers(0, 5))
def test_digits_of_a_whole_number_do_not_depend_on_how_it_is_written(number: int, zeros: int) -> None:
    assert digits(f"{number}.{'0' * zeros or '0'}") == digits(str(number)) == str(number)
    assert digits(f"{number}e{zeros}") == str(number * 10**zeros)


def test_snowplow_and_matomo_take_numbers_exactly(call: Client, log: ListLog) -> None:
    data = b'{"schema":"s","data":[{"aid":"default","e":"pv","duid":"d","uid":10000001.0}]}'
    assert call("POST", "/com.snowplowanalytics.snowplow/tp2", data).status == 200
    bulk = b'{"requests":[{"idsite":1,"rec":1,"uid":10000001.0,"idgoal":0,"ec_id":20000002.0,"revenue":5}]}'
    assert call("POST", "/matomo.php", bulk).status == 200
    assert [event.user for event in log.events] == ["10000001", "10000001"]
    assert log.events[1].props["order_id"] == "20000002"


def test_what_is_left_out_is_named_in_the_answer_and_told_in_the_log(call: Client, log: ListLog) -> None:
    items = [
        {**EVENT, "messageId": "m1"},
        {"type": "track", "messageId": "m2", "userId": "kim", "context": {"ip": "203.0.113.77"}},
        {**EVENT, "messageId": "m3", "properties": {"x": "y" * 33_000}},
        7,
    ]
    answer = call("POST", "/v1/batch", json.dumps({"writeKey": "wk_test", "batch": items}).encode())
    told = json.loads(answer.body)
    assert (answer.status, told["success"]) == (200, True)
    named = [(each["index"], each["messageId"], each["field"]) for each in told["rejected"]]
    assert named == [(1, "m2", "batch[1].event"), (2, "m3", "batch[2]"), (3, None, "batch[3]")]
    assert all(each["reason"] for each in told["rejected"])
    assert [event.id for event in log.events] == ["m1"]
    assert [(letter.site, letter.user) for letter in log.letters] == [
        ("default", "kim"),
        ("default", "u"),
        ("default", None),
    ]
    assert "a track call needs an event name" in log.letters[0].refused
    assert "203.0.113" not in log.letters[0].sent
    assert max(len(encode(letter)) for letter in log.letters) < 4_000


def test_a_batch_of_only_bad_events_is_refused_and_told(call: Client, log: ListLog) -> None:
    answer = call("POST", "/v1/batch", b'{"writeKey":"wk_test","batch":[1,{"type":"track","userId":"u"}]}')
    assert (answer.status, answer.error["field"]) == (400, "batch[0]")
    assert (len(log.events), len(log.letters)) == (0, 2)
    assert call("POST", "/v1/batch", b'{"writeKey":"wk_test","batch":[]}').status == 200
    assert call("POST", "/v1/batch", b'{"writeKey":"nobody","batch":[1]}').status == 401
    assert len(log.letters) == 2, "a stranger without a key leaves no letter"


@pytest.mark.parametrize("said", [{"HTTP_SEC_GPC": "1"}, {"HTTP_DNT": "1"}, {}])
def test_nothing_is_kept_of_who_opted_out(call: Client, log: ListLog, said: dict[str, str]) -> None:
    item = {"type": "track", "userId": "u", "context": {"consent": {"analytics": False}}}
    body = json.dumps({"writeKey": "wk_test", "batch": [item, EVENT]}).encode()
    assert call("POST", "/v1/batch", body, **said).status == 200
    assert log.letters == []


def test_letters_of_one_request_are_bounded(call: Client, log: ListLog) -> None:
    items = ",".join(["0"] * 2_400) + "," + json.dumps(EVENT)
    answer = call("POST", "/v1/batch", f'{{"writeKey":"wk_test","batch":[{items}]}}'.encode())
    assert len(json.loads(answer.body)["rejected"]) == 2_400
    assert (len(log.events), len(log.letters)) == (1, 100)


def test_no_event_can_pass_for_a_letter() -> None:
    letter = RefusedEvent("why", "default", "segment", 1)
    assert encode(letter).startswith(b'{"refused":')


@PROPERTY
@given(bad)
@example('{"event":"E","userId":7,"properties":' + "[" * 5_000 + "]" * 5_000 + "}")
def test_a_bad_single_call_is_refused_without_a_failure(call: Client, log: ListLog, sent: str) -> None:
    for path in ("/v1/track", "/v1/p", "/v1/identify"):
        key = "Basic d2tfdGVzdDo="
        assert call("POST", path, sent.encode(), HTTP_AUTHORIZATION=key).status in (200, 400)
