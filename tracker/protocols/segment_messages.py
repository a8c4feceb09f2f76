"""The JSON of Segment's calls: one message, or a batch of them, of which each is read for itself.

Our snippet sends batches in a short form of it, so that a page view costs few bytes: ``expand`` makes Segment's of it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from tracker.protocols.exact_ids import with_exact_ids
from tracker.protocols.json_bodies import decoded, embedded, split
from tracker.refusal import Refusal

EVENT_LIMIT = 32 * 1024
BATCH_LIMIT = 2_500
_DEVICE = ("new", "dropped", "screen", "touch")
_LIBRARY = {"name": "dangol.js"}
_IDS = ("messageId", "anonymousId", "userId", "previousId", "groupId")


class SegmentMessage(msgspec.Struct, rename="camel"):
    """One message. ``type`` only in a batch, ``writeKey`` and ``sentAt`` also on the batch.

    From ``short_id`` on: what only our snippet sends. ``age`` is how many ms before the sending it happened.
    """

    type: str = ""
    message_id: str | None = None
    anonymous_id: str | None = None
    user_id: str | None = None
    previous_id: str | None = None
    group_id: str | None = None
    event: str | None = None
    name: str | None = None
    category: str | None = None
    properties: dict[str, Any] | None = None
    traits: dict[str, Any] | None = None
    context: dict[str, Any] | None = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    write_key: str | None = None
    short_id: str | None = msgspec.field(default=None, name="i")
    age: Any = msgspec.field(default=None, name="a")
    short_visitor: str | None = msgspec.field(default=None, name="v")
    url: str | None = msgspec.field(default=None, name="u")
    title: str | None = msgspec.field(default=None, name="t")
    referrer: str | None = msgspec.field(default=None, name="r")
    demo: Any = None
    proof: Any = None
    consent: Any = None


class SegmentBatch(msgspec.Struct, rename="camel"):
    """A batch, all of whose messages can be read. ``backfill`` is for each of them; our snippet sends the last four."""

    batch: list[SegmentMessage]
    backfill: Any = None
    context: dict[str, Any] | None = None
    sent_at: Any = None
    write_key: str | None = None
    new: Any = None
    dropped: Any = None
    screen: Any = None
    touch: Any = None


class Unread(NamedTuple):
    """A message of a batch that cannot be read: why, and its JSON."""

    refusal: Refusal
    raw: bytes

    def sent(self) -> object:
        """What it says, as far as any decoder can tell."""
        return embedded(self.raw)


class SegmentCall(NamedTuple):
    """One request: the members of its envelope, and its messages."""

    context: dict[str, Any] | None
    sent_at: Any
    write_key: str | None
    messages: "Sequence[SegmentMessage | Unread]"


_message = msgspec.json.Decoder(SegmentMessage)
_batch = msgspec.json.Decoder(SegmentBatch)


def one_message(raw: bytes) -> SegmentCall | Refusal:
    """A call with one message."""
    message = _read(raw)
    if isinstance(message, Unread):
        return message.refusal if message.refusal.code == "bad_json" else _refused_call(message)
    return SegmentCall(None, None, message.write_key, [message])


def batch(raw: bytes) -> SegmentCall | Refusal:
    """A call with many. It is refused as a whole only where the envelope cannot be read or holds too many."""
    whole = decoded(raw, _batch)
    if isinstance(whole, SegmentBatch) and len(raw) <= EVENT_LIMIT:
        return _too_many() if len(whole.batch) > BATCH_LIMIT else _call(whole, whole.batch)
    apart = split(raw, "batch")
    if isinstance(apart, Refusal):
        return apart
    if len(apart.items) > BATCH_LIMIT:
        return _too_many()
    if isinstance(whole, SegmentBatch) and all(len(item) <= EVENT_LIMIT for item in apart.items):
        return _call(whole, whole.batch)
    envelope = decoded(apart.envelope, _batch)
    return (
        envelope if isinstance(envelope, Refusal) else _call(envelope, [_read(item) for item in apart.items])
    )


def _call(envelope: SegmentBatch, messages: Sequence[SegmentMessage | Unread]) -> SegmentCall:
    context = envelope.context
    if envelope.backfill is True:
        context = {**(context or {}), "backfill": True}
    told = [(name, value) for name in _DEVICE if (value := getattr(envelope, name)) is not None]
    if told:
        context = {**(context or {}), **dict(told)}
    return SegmentCall(context, envelope.sent_at, envelope.write_key, messages)


def _read(raw: bytes) -> SegmentMessage | Unread:
    if len(raw) > EVENT_LIMIT:
        return Unread(Refusal("too_large", f"an event may have at most {EVENT_LIMIT} bytes"), raw)
    message = decoded(raw, _message)
    if isinstance(message, Refusal) and message.code == "bad_value" and raw.lstrip()[:1] == b"{":
        message = decoded(with_exact_ids(raw, _IDS), _message)
    return Unread(message, raw) if isinstance(message, Refusal) else message


def _refused_call(message: Unread) -> SegmentCall:
    """The key may be read where the message cannot."""
    sent = message.sent()
    key = sent.get("writeKey") if isinstance(sent, dict) else None
    return SegmentCall(None, None, key if isinstance(key, str) else None, [message])


def expand(message: SegmentMessage, received: int) -> None:
    """The snippet's short form as Segment's own members. A view has no type; without a visitor nobody is named."""
    message.message_id = message.short_id
    message.anonymous_id = message.short_visitor or message.anonymous_id
    message.type = message.type or "page"
    if isinstance(message.age, int | float):
        message.timestamp, message.sent_at = received - message.age, received
    page = {"url": message.url, "title": message.title, "referrer": message.referrer}
    told = {"demo": message.demo, "proof": message.proof, "consent": message.consent}
    context = {name: value for name, value in told.items() if value is not None}
    message.context = {"library": _LIBRARY, "page": page, **context, **(message.context or {})}


def _too_many() -> Refusal:
    return Refusal("too_large", f"a batch may have at most {BATCH_LIMIT} events", "batch")
