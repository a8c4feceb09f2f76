"""The event, and its encoding in the event log."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from tracker.fields.losses import Loss

EventType = Literal["page", "screen", "track", "identify", "alias", "group", "consent", "erase"]
Source = Literal["snippet", "pixel", "segment", "snowplow", "matomo", "log", "api", "ga4"]

FETCHES = "dangol-agents"
"""The library in the context of records that the middleware in a shop's application sends: what agents read."""
SITE = "site"
"""The sender of events that the site itself sends; no address looks like it."""
UNKNOWN = "unknown"
"""The sender where the server does not know the caller's address."""
ID_LIMIT = 100
"""Characters in an event id; the limit Segment sets for messageId."""


class EventInvalid(ValueError):
    """Bytes from the log that are not an event. They go to the dead letters; they are never thrown away."""


class EventRefused(EventInvalid):
    """The tracker refused an event and tells so in the log; the message is the reason."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One thing a visitor did. Times are milliseconds since the epoch, UTC.

    ``ts`` is when it happened, corrected for the client's clock; ``received`` is the tracker's clock.
    ``visitor`` is the anonymous id, ``user`` the site's own customer id: at least one is set.
    ``ip`` is truncated (IPv4 /24, IPv6 /48) before an event is made.
    ``name`` is set for track (Segment's e-commerce names and ours) and optional for page and screen.
    ``proven``: the tracker verified that the site itself named ``user`` (``tracker.admission.proof``); otherwise
    ``user`` is a claim.
    ``sender`` is who sent it: the site itself (``SITE``), by its secret key or a file of its own, or the network
    (/24, /48) that the request came from, whatever ``ip`` the event names; "" in logs of earlier releases.
    ``losses``: what the tracker could not read, or keep whole, of what was sent.
    ``gc=False``: what was decoded from JSON has no cycles.
    """

    site: str
    id: str
    type: EventType
    ts: int
    received: int
    source: Source
    name: str = ""
    visitor: str | None = None
    user: str | None = None
    url: str = ""
    title: str = ""
    referrer: str = ""
    ip: str = ""
    ua: str = ""
    lang: str = ""
    screen: str = ""
    props: Mapping[str, Any] = {}
    traits: Mapping[str, Any] = {}
    context: Mapping[str, Any] = {}
    v: int = 1
    proven: bool = False
    sender: str = ""
    losses: tuple[Loss, ...] = ()

    @property
    def backfill(self) -> bool:
        """Whether the site tells it later, as history: it counts, and triggers nothing."""
        return self.context.get("backfill") is True

    @property
    def fetch(self) -> bool:
        """Whether it is a record of ``tracker.middleware``: an agent's at most, and nobody's visit."""
        library = self.context.get("library")
        return isinstance(library, dict) and library.get("name") == FETCHES

    @property
    def key(self) -> str:
        """The log key: events of one key stay in order."""
        return f"{self.site}:{self.visitor or self.user}"


class RefusedEvent(msgspec.Struct, frozen=True):
    """An event that the tracker refused beside others that it took: ingest makes it a dead letter.

    ``refused`` is the reason, ``sent`` the JSON that came, without addresses and keys, cut. ``visitor`` and ``user``
    are set where they could be read. Encoded, it begins with REFUSED, which no event does.
    """

    refused: str
    site: str
    source: Source
    received: int
    visitor: str | None = None
    user: str | None = None
    sent: str = ""

    @property
    def key(self) -> str:
        return f"{self.site}:{self.visitor or self.user or ''}"


REFUSED = b'{"refused":'

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Event)
_refused = msgspec.json.Decoder(RefusedEvent)


def encode(event: Event | RefusedEvent) -> bytes:
    """The event as JSON, readable by any consumer of the topic."""
    return _encoder.encode(event)


def decode(raw: bytes) -> Event:
    """The event in ``raw``. Raises EventInvalid with the reason."""
    try:
        event = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if raw.startswith(REFUSED):
            raise EventRefused(_reason(raw)) from error
        raise EventInvalid(str(error)) from error
    if not event.visitor and not event.user:
        raise EventInvalid("neither visitor nor user")
    return event


def _reason(raw: bytes) -> str:
    try:
        return _refused.decode(raw).refused
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return str(error)
