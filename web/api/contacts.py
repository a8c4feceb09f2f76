"""Contacts with customers outside of the site: a call, visit, letter or complaint. Secret keys only."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from flask import Response, request

from ingest.contact_files.contact import Contact, contact_event
from tracker import values
from tracker.admission.placeholder_ids import placeholder
from tracker.durations import DAY_MS
from tracker.event import Event, encode
from tracker.log.port import EventLog, Record
from web.access.audit import concerning
from web.http.json_body import answer, decoded, refusal
from web.http.problem import Problem
from web.http.routes import Routes, post
from web.http.site_keys import Keys

BODY_BYTES = 512_000
MOST = 1_000
"""Contacts of one request."""

Short = Annotated[str, msgspec.Meta(max_length=200)]


class ContactGiven(msgspec.Struct):
    """``customer`` is the shop's id. ``time`` is ISO 8601 or ms, now by default; ``duration`` in seconds. Contacts with
    the same ``id`` are told once."""

    customer: Annotated[str, msgspec.Meta(min_length=1, max_length=255)]
    kind: Short = "call"
    time: str | int | None = None
    id: Short = ""
    direction: Literal["in", "out", ""] = ""
    duration: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] | None = None
    agent: Short = ""
    topic: Short = ""
    outcome: Short = ""
    note: Annotated[str, msgspec.Meta(max_length=2_000)] = ""


class ContactRefused(msgspec.Struct):
    """Which contact of a list was refused, and why."""

    index: int
    message: str
    field: str | None


class ContactsTold(msgspec.Struct):
    """How many contacts are in the log, and which were refused."""

    contacts: int
    refused: list[ContactRefused]


@dataclass(frozen=True, slots=True)
class Contacts:
    log: EventLog
    keys: Keys
    clock: Callable[[], float]

    def routes(self) -> Routes:
        return (post("/v1/contacts", self.add),)

    def add(self) -> Response:
        """One contact, or a list. A bad one of a list is refused alone; the others are durable with the answer."""
        site, now = self.keys.secret_key().id, int(self.clock() * 1000)
        request.max_content_length = BODY_BYTES
        given: Any = decoded(request.get_data(cache=True), object)
        if not isinstance(given, list | dict):
            raise Problem(400, "A contact is an object, and several are a list of them")
        many = given if isinstance(given, list) else [given]
        if len(many) > MOST:
            raise Problem(413, f"At most {MOST} contacts at once")
        events: list[Event] = []
        refused: list[ContactRefused] = []
        for index, one in enumerate(many):
            try:
                events.append(_event(site, one, now))
            except Problem as problem:
                if given is not many:
                    raise
                refused.append(ContactRefused(index, problem.message, problem.field))
        for event in events[:100]:
            concerning(f"u:{event.user}")
        if events:
            self.log.append([Record(event.key, encode(event)) for event in events])
        return answer(ContactsTold(len(events), refused))


def _event(site: str, one: Any, now: int) -> Event:
    """Raises Problem 400 naming the field."""
    try:
        given = msgspec.convert(one, ContactGiven)
    except msgspec.ValidationError as error:
        raise refusal(error) from error
    customer = values.text(given.customer).strip()
    if not customer or placeholder(customer):
        raise Problem(400, f"{customer[:40]!r} is nobody: send the customer's id", "customer")
    contact = Contact(
        given.kind or "call",
        given.id,
        given.direction,
        given.duration,
        given.agent,
        given.topic,
        given.outcome,
        given.note,
    )
    return contact_event(site, customer, contact, _time(given.time, now), now)


def _time(value: str | int | None, now: int) -> int:
    if value is None or value == "":
        return now
    if isinstance(value, int):
        ts = value
    else:
        try:
            at = datetime.fromisoformat(value)
        except ValueError as error:
            raise Problem(400, f"{value[:40]!r} is no time: ISO 8601, or ms since 1970", "time") from error
        ts = int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)
    if not 315_532_800_000 <= ts <= now + DAY_MS:
        raise Problem(400, "A contact is after 1979 and not in the future", "time")
    return ts
