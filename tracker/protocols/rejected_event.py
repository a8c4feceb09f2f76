"""What a protocol makes of one request: the events, and those that are left out beside them, each with the reason."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tracker import values
from tracker.admission import privacy
from tracker.event import Event, RefusedEvent, Source
from tracker.fields.consent_categories import analytics_choice
from tracker.http.request import ID_CHARACTERS
from tracker.refusal import Refusal

SENT_CHARACTERS = 2_000
"""Of what was sent, in a dead letter."""
LETTERS = 100
"""Of one request. All that is left out is named in the answer."""
_PRIVATE = frozenset({"ip", "cip", "token_auth", "api_secret", "writekey", "write_key", "location", "proof"})
"""Members that a dead letter must not hold: full addresses, keys and places."""
_VISITOR_NAMES = ("anonymousId", "duid", "_id", "cid", "client_id", "app_instance_id")
_USER_NAMES = ("userId", "uid", "user_id")
_ID_NAMES = ("messageId", "eid")


class RejectedEvent(NamedTuple):
    """One event that is left out. ``place`` is its index in the request; ``site`` is "" where that is unknown, too.

    ``sent`` is what came, decoded as far as it could be; ``sender`` as in Event.
    """

    place: int
    refusal: Refusal
    site: str
    sender: str
    sent: object = None

    def described(self) -> dict[str, object]:
        """As the answer names it."""
        return {
            "index": self.place,
            "messageId": _given(self.sent, _ID_NAMES),
            "code": self.refusal.code,
            "field": self.refusal.field,
            "reason": self.refusal.message,
        }

    def letter(self, source: Source, received: int) -> RefusedEvent:
        """As the log carries it to the dead letters."""
        return RefusedEvent(
            f"refused by the tracker: {self.refusal.field or 'the event'}: {self.refusal.message}"[:500],
            self.site,
            source,
            received,
            _given(self.sent, _VISITOR_NAMES),
            _given(self.sent, _USER_NAMES),
            _shown(self.sent),
        )

    def private(self) -> bool:
        """Whether its visitor refused analytics: then nothing of it is kept."""
        context = self.sent.get("context") if isinstance(self.sent, Mapping) else None
        consent = context.get("consent") if isinstance(context, Mapping) else None
        return analytics_choice(consent) is False


class Collected(NamedTuple):
    """The events of one request, each one's place in it, and what is left out."""

    events: list[Event]
    places: Sequence[int] = (0,)
    rejected: Sequence[RejectedEvent] = ()

    def left_out(self, events: Sequence[Event], refusal: Refusal) -> list[RejectedEvent]:
        """Some of the events, left out after all."""
        places = (
            {event.id: place for event, place in zip(self.events, self.places, strict=True)} if events else {}
        )
        return [
            RejectedEvent(places[event.id], refusal, event.site, event.sender, {"messageId": event.id})
            for event in events
        ]


def named(rejected: Sequence[RejectedEvent]) -> str:
    """The member of a JSON answer that names what is left out, with a comma before it; "" where nothing is."""
    if not rejected:
        return ""
    return ', "rejected": ' + msgspec.json.encode([each.described() for each in rejected]).decode()


def letters(
    rejected: Sequence[RejectedEvent], source: Source, clock: Callable[[], float]
) -> list[RefusedEvent]:
    """What the log tells of the first LETTERS that are left out, where their site is known."""
    told = [each for each in rejected[:LETTERS] if each.site and not each.private()]
    return [each.letter(source, int(clock() * 1000)) for each in told]


def _given(sent: object, names: Sequence[str]) -> str | None:
    """The first of these ids that could be one."""
    if not isinstance(sent, Mapping):
        return None
    for name in names:
        value = sent.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value) if abs(value) < 10**ID_CHARACTERS else ""
        if isinstance(value, str) and value and len(value) <= ID_CHARACTERS and value.isprintable():
            return values.text(value)
    return None


def _shown(sent: object) -> str:
    """What came as JSON text, without what is private, cut."""
    if sent is None:
        return ""
    text = msgspec.json.encode(_scrubbed(values.settled(sent))).decode()
    return text if len(text) <= SENT_CHARACTERS else text[:SENT_CHARACTERS] + "…"


def _scrubbed(value: Any) -> Any:
    if isinstance(value, str):
        return privacy.scrub(value[:SENT_CHARACTERS])
    if isinstance(value, Mapping):
        return dict(_public(value))
    if isinstance(value, list):
        return [_scrubbed(each) for each in value[:100]]
    return value


def _public(members: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in members.items():
        if name.lower() not in _PRIVATE:
            yield name, _scrubbed(value)
