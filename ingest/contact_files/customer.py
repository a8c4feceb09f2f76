"""A row of a file of customers, and the events that tell of it: who they are, and what they agreed to."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from ingest.contact_files.words import WordUnknown, birthday, unquoted, yes_or_no
from ingest.files.import_file import OpenFile, RowUnusable
from ingest.files.rows import Row, cell_id
from tracker import values
from tracker.admission.placeholder_ids import placeholder
from tracker.event import SITE, Event

SAID = "import"
"""The property with a digest of what a file said."""
TEXTS = {"name": "name", "first_name": "firstName", "last_name": "lastName", "gender": "gender"} | {
    "city": "city",
    "country": "country",
    "grade": "grade",
}
"""Field → trait."""
CONSENT_FIELDS = ("marketing", "sms", "unsubscribed", "consent_time", "unsubscribe_time")


class Customer(msgspec.Struct, frozen=True):
    """``created`` is when they signed up, in ms. ``channels`` are answers by channel, ``proof`` where they stand,
    ``said_at`` when they were given (ms), where the file says it."""

    line: int
    user: str
    traits: Mapping[str, Any]
    created: int | None = None
    channels: Mapping[str, bool] = {}
    proof: Mapping[str, Any] = {}
    said_at: int | None = None

    @property
    def said(self) -> str:
        return _digest(self.traits)

    @property
    def consent_said(self) -> str:
        """A digest of what was agreed to; "" where nothing was said."""
        return _digest(self.channels) if self.channels else ""

    def with_earlier(self, row: "Customer") -> "Customer":
        """This row and an earlier one of the same customer: what this one does not say, that one does."""
        return msgspec.structs.replace(
            self,
            traits={**row.traits, **self.traits},
            created=self.created or row.created,
            channels={**row.channels, **self.channels},
            proof=self.proof or row.proof,
            said_at=self.said_at if self.proof else row.said_at,
        )


def user_of(file: OpenFile, row: Row) -> str:
    """The customer's id, else the e-mail; "" where neither is said."""
    user = unquoted(cell_id(file.value(row, "user")))
    if user and not placeholder(user):
        return user
    email = _email(file, row)
    return email if "@" in email else ""


def customer_of(file: OpenFile, row: Row) -> Customer:
    """Raises RowUnusable."""
    if row.fault:
        raise RowUnusable(row.fault)
    user, email = user_of(file, row), _email(file, row)
    if not user:
        raise RowUnusable("no customer id and no e-mail")
    if email and ("@" not in email or any(each.isspace() for each in email)):
        raise RowUnusable(f"unreadable e-mail: {email[:60]!r}")
    traits: dict[str, Any] = {trait: file.text(row, field) for field, trait in TEXTS.items()}
    traits |= {"email": email, "phone": unquoted(file.value(row, "phone"))}
    traits |= {"birthday": birthday(file.value(row, "birthday"))}
    traits |= {"tags": _tags(file.value(row, "tags"))}
    if not traits["name"] and (traits["firstName"] or traits["lastName"]):
        traits["name"] = f"{traits['firstName']} {traits['lastName']}".strip()
    channels, proof = _consent(file, row)
    kept = {name: value for name, value in traits.items() if value}
    said_at = _said_at(file, row, channels)
    return Customer(
        row.line, user, values.settled(kept), file.moment(row, "created"), channels, proof, said_at
    )


def identify_event(site: str, customer: Customer, number: int, now: int) -> Event:
    """The ``number``-th word of files about the customer."""
    traits = {**customer.traits}
    return _event(site, customer, "identify", number, now, {SAID: customer.said}, traits)


def consent_event(site: str, customer: Customer, number: int, now: int) -> Event:
    props = {"marketing": any(customer.channels.values()), "channels": customer.channels}
    props |= {"proof": customer.proof, SAID: customer.consent_said}
    props |= {"source": "import-contacts", "givenAt": customer.said_at or now}
    return _event(site, customer, "consent", number, now, props, {})


def _event(
    site: str,
    customer: Customer,
    kind: Any,
    number: int,
    now: int,
    props: dict[str, Any],
    traits: dict[str, Any],
) -> Event:
    identity = msgspec.json.encode((site, customer.user, kind, number, props[SAID]))
    return Event(
        site=site,
        id=f"{kind}-" + blake2b(identity, digest_size=16).hexdigest(),
        type=kind,
        user=customer.user,
        ts=min(customer.created or now, now),
        received=now,
        props=values.settled(props),
        traits=traits,
        context={"backfill": True},
        source="api",
        proven=True,
        sender=SITE,
    )


def _email(file: OpenFile, row: Row) -> str:
    return file.text(row, "email").lower()


def _tags(value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each)[:100] for each in value if each][:50]
    text = unquoted(value)
    for mark in (";", "|", ","):
        if mark in text:
            parts = [part.strip().strip('"') for part in text.split(mark)]
            return [part[:100] for part in parts if part][:50]
    return [text[:100]] if text else []


def _consent(file: OpenFile, row: Row) -> tuple[dict[str, bool], dict[str, Any]]:
    """What the row says of e-mail and SMS, and where it says it. A refusal in any column counts."""
    answers: dict[str, bool | None] = {
        "email": _answer(file, row, "marketing"),
        "sms": _answer(file, row, "sms"),
    }
    since, until = file.text(row, "consent_time"), file.text(row, "unsubscribe_time")
    if answers["email"] is None and since and "marketing" not in file.columns:
        answers["email"] = True  # Mailchimp says only when
    if _answer(file, row, "unsubscribed") or until:
        answers["email"] = False
    channels = {name: answer for name, answer in answers.items() if answer is not None}
    if not channels:
        return {}, {}
    cells = {
        file.table.names[file.columns[field]]: file.text(row, field)[:200]
        for field in CONSENT_FIELDS
        if field in file.columns and file.text(row, field)
    }
    return channels, {
        "source": "import-contacts",
        "file": Path(file.path).name,
        "line": row.line,
        "says": cells,
    }


def _said_at(file: OpenFile, row: Row, channels: Mapping[str, bool]) -> int | None:
    """When the answers were given, as far as an ISO 8601 time says it: a yes at the time of consent, a no at that of
    unsubscribing. None: not known, so that they count from the import on."""
    times = {True: "consent_time", False: "unsubscribe_time"}
    found = [_iso(file.text(row, times[given]), file.site.zone) for given in channels.values()]
    return None if None in found else max(filter(None, found), default=None)


def _iso(text: str, zone: ZoneInfo) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
        return round((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)
    except (ValueError, OverflowError):
        return None


def _answer(file: OpenFile, row: Row, field: str) -> bool | None:
    try:
        return yes_or_no(file.value(row, field))
    except WordUnknown as error:
        raise RowUnusable(str(error)) from error


def _digest(value: Any) -> str:
    return blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=8).hexdigest()
