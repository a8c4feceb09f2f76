"""What /debug/mp/collect says about a request of Google Analytics 4's Measurement Protocol. It stores nothing.

https://developers.google.com/analytics/devguides/collection/protocol/ga4/validating-events names the codes.
"""

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from tracker.http.request import Request
from tracker.protocols import ga4
from tracker.protocols.exact_ids import with_exact_ids
from tracker.protocols.json_bodies import decoded
from tracker.refusal import Refusal

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_RESERVED = re.compile(r"(firebase_|ga_|google_|gtag\.)")
PARAMS_LIMIT, PROPERTIES_LIMIT = 25, 25
MESSAGES_LIMIT = 100
_anything: msgspec.json.Decoder[Any] = msgspec.json.Decoder()


class ValidationMessage(msgspec.Struct, frozen=True, rename="camel"):
    """One fault, in the words of Google's codes."""

    field_path: str
    description: str
    validation_code: str


def messages(request: Request) -> list[ValidationMessage]:
    """The faults of a request, the first MESSAGES_LIMIT of them."""
    found = []
    for message in _faults(request):
        found.append(message)
        if len(found) == MESSAGES_LIMIT:
            break
    return found


def answer(faults: list[ValidationMessage]) -> bytes:
    """As the validation server writes them."""
    return msgspec.json.encode({"validationMessages": faults})


def _faults(request: Request) -> Iterator[ValidationMessage]:
    apart = ga4.read(request.body)
    if isinstance(apart, Refusal):
        yield ValidationMessage(apart.field or "", apart.message, "VALUE_INVALID")
        return
    hit = decoded(with_exact_ids(apart.envelope, ("client_id", "app_instance_id", "user_id")), _anything)
    hit = hit if isinstance(hit, dict) else {}
    yield from _faults_of_hit(hit, request.received)
    if not apart.items:
        yield ValidationMessage("events", "A request needs at least one event.", "VALUE_REQUIRED")
    if len(apart.items) > ga4.EVENTS_LIMIT:
        many = f"{len(apart.items)} events were sent; at most {ga4.EVENTS_LIMIT} are taken."
        yield ValidationMessage("events", many, "EXCEEDED_MAX_ENTITIES")
    for place, raw in enumerate(apart.items):
        yield from _faults_of_event(place, decoded(raw, _anything), request.received)


def _faults_of_hit(hit: dict[str, Any], received: int) -> Iterator[ValidationMessage]:
    ids = [hit.get(name) for name in ("client_id", "app_instance_id", "user_id")]
    if not any(isinstance(each, str) and each for each in ids):
        yield ValidationMessage("client_id", "client_id or app_instance_id is required.", "VALUE_REQUIRED")
    yield from _faults_of_time("timestamp_micros", hit.get("timestamp_micros"), received)
    properties = hit.get("user_properties")
    if properties is not None and not isinstance(properties, dict):
        yield ValidationMessage("user_properties", "User properties are an object.", "VALUE_INVALID")
    if isinstance(properties, dict) and len(properties) > PROPERTIES_LIMIT:
        many = f"There are {len(properties)} user properties; Google takes {PROPERTIES_LIMIT}."
        yield ValidationMessage("user_properties", many, "EXCEEDED_MAX_ENTITIES")


def _faults_of_event(place: int, event: object, received: int) -> Iterator[ValidationMessage]:
    where = f"events[{place}]"
    if not isinstance(event, dict):
        yield ValidationMessage(where, f"The event at index [{place}] is no object.", "VALUE_INVALID")
        return
    name = event.get("name")
    if not isinstance(name, str) or not name.strip():
        yield ValidationMessage(
            f"{where}.name", f"The event at index [{place}] has no name.", "VALUE_REQUIRED"
        )
    elif not _NAME.fullmatch(name):
        text = f"The event at index [{place}] has the invalid name [{name[:100]}]."
        yield ValidationMessage(f"{where}.name", text, "NAME_INVALID")
    elif _RESERVED.match(name):
        text = f"The event at index [{place}] has the reserved name [{name}]."
        yield ValidationMessage(f"{where}.name", text, "NAME_RESERVED")
    params = event.get("params")
    if params is not None and not isinstance(params, dict):
        yield ValidationMessage(f"{where}.params", "Parameters are an object.", "VALUE_INVALID")
    elif params and len(params) > PARAMS_LIMIT:
        many = f"There are {len(params)} parameters; Google takes {PARAMS_LIMIT}."
        yield ValidationMessage(f"{where}.params", many, "EXCEEDED_MAX_ENTITIES")
    yield from _faults_of_time(f"{where}.timestamp_micros", event.get("timestamp_micros"), received)


def _faults_of_time(where: str, micros: object, received: int) -> Iterator[ValidationMessage]:
    if micros is None:
        return
    ms = ga4.milliseconds(micros)
    if ms is None:
        yield ValidationMessage(where, "A time is a number of microseconds since 1970.", "VALUE_INVALID")
    elif ms < received - ga4.BACK_MS:
        old = "The time is more than 72 hours back: the time of arrival is taken."
        yield ValidationMessage(where, old, "VALUE_OUT_OF_BOUNDS")
    elif ms > received + 15 * 60_000:
        yield ValidationMessage(where, "The time is in the future.", "VALUE_OUT_OF_BOUNDS")
