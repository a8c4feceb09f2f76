"""A contact with a customer outside of the site: a call, visit, letter or complaint, and the event that tells of it."""

from hashlib import blake2b

import msgspec

from tracker import values
from tracker.event import SITE, Event

TEXT_LIMIT = 2_000
NAMES = {
    "call": "Call",
    "phone": "Call",
    "전화": "Call",
    "통화": "Call",
    "visit": "Store Visit",
    "store": "Store Visit",
    "방문": "Store Visit",
    "letter": "Letter",
    "편지": "Letter",
    "우편": "Letter",
    "complaint": "Complaint",
    "불만": "Complaint",
    "클레임": "Complaint",
    "email": "E-mail",
    "e-mail": "E-mail",
    "이메일": "E-mail",
    "chat": "Chat",
    "채팅": "Chat",
    "채팅상담": "Chat",
}
OTHER = "Contact"
"""The name of an event by the kind of contact; any other kind is a contact, with its kind as it came."""


class Contact(msgspec.Struct, frozen=True, omit_defaults=True):
    """``direction`` is in, out or ""; ``duration`` in seconds. ``id`` is the source's own: what has the same id is told
    once."""

    kind: str = "call"
    id: str = ""
    direction: str = ""
    duration: int | None = None
    agent: str = ""
    topic: str = ""
    outcome: str = ""
    note: str = ""


def contact_event(
    site: str, user: str, contact: Contact, ts: int, received: int, nth: int = 0, *, backfill: bool = False
) -> Event:
    """The event of a contact with ``user`` at ``ts`` (ms); ``nth`` of several that say the same."""
    kind = contact.kind.strip().lower()
    said = (contact.id,) if contact.id else (user, ts, kind, msgspec.structs.astuple(contact), nth)
    identity = msgspec.json.encode((site, *said))
    props = {
        field: value[:TEXT_LIMIT] if isinstance(value, str) else value
        for field, value in msgspec.structs.asdict(contact).items()
        if value not in ("", None)
    }
    return Event(
        site=site,
        id="contact-" + blake2b(identity, digest_size=16).hexdigest(),
        type="track",
        name=NAMES.get(kind, OTHER),
        user=user,
        ts=ts,
        received=received,
        props=values.settled(props),
        context={"backfill": True} if backfill else {},
        source="api",
        proven=True,
        sender=SITE,
    )
