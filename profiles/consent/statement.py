"""What an event says of consent: its fields are read one by one, and what cannot be read is told as a loss."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from profiles.consent.record import PURPOSES
from profiles.model import Consent, Purpose, Wish
from tracker.durations import DAY_MS
from tracker.event import SITE, Event
from tracker.fields.consent_categories import preferences
from tracker.fields.losses import Loss, loss
from tracker.protocols.client_clock import milliseconds

TEXT_CHARACTERS = 100
EVERY_DAYS_MOST = 365
PAUSE_MOST_MS = 366 * DAY_MS
CHANNELS_READ = 16
PREFERENCES_UPDATED = "Segment Consent Preference Updated"
"""Segment's event for a choice; the categories stand in ``context.consent.categoryPreferences``."""


class Statement(NamedTuple):
    """The answers that an event gives, and what of it could not be read."""

    answers: tuple[Consent, ...] = ()
    losses: tuple[Loss, ...] = ()
    wish: Wish | None = None


NOTHING = Statement()


def statement_of(event: Event) -> Statement:
    """What a consent event says, or Segment's event for a choice. Other events say nothing here."""
    if event.type == "consent":
        said: Mapping[str, Any] = event.props
    elif event.type == "track" and event.name == PREFERENCES_UPDATED:
        said = {}
    else:
        return NOTHING
    losses: list[Loss] = []
    purposes = {**_preferences(event, losses), **_purposes(said, losses)}
    channel, topic = (_text(said, name, losses).lower() for name in ("channel", "topic"))
    about = Consent(
        "marketing",
        False,
        _given_at(event, losses),
        channel,
        topic,
        _answer(said, "night", losses),
        _text(said, "jurisdiction", losses).upper(),
        _text(said, "textVersion", losses),
        _text(said, "source", losses) or event.source,
        *_confirmation(event, losses),
    )
    answers = [_replaced(about, purpose, given) for purpose, given in purposes.items()]
    answers += [_replaced(about, "marketing", given, name) for name, given in _channels(said, losses)]
    wish = _wish(said, about.given_at, losses)
    return Statement(tuple(answers), tuple(losses), wish)


def _confirmation(event: Event, losses: list[Loss]) -> tuple[int, str]:
    """When the address was confirmed, and which. A browser cannot tell: it could name anybody's address."""
    verified, address = _moment(event.props, "verifiedAt", losses), _text(event.props, "address", losses)
    return (verified, address) if event.sender == SITE else (0, "")


def _wish(said: Mapping[str, Any], at: int, losses: list[Loss]) -> Wish | None:
    """``pauseUntil`` and ``everyDays``: said together, since the newest counts as a whole."""
    if "pauseUntil" not in said and "everyDays" not in said:
        return None
    days = said.get("everyDays", 0)
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= EVERY_DAYS_MOST:
        losses.append(loss("consent", "invalid", days))
        days = 0
    until = _moment(said, "pauseUntil", losses)
    return Wish(at, min(until, at + PAUSE_MOST_MS), days)


def _replaced(about: Consent, purpose: Purpose, given: bool, channel: str = "") -> Consent:
    return msgspec.structs.replace(about, purpose=purpose, given=given, channel=channel or about.channel)


def _preferences(event: Event, losses: list[Loss]) -> dict[Purpose, bool]:
    """Segment's categories, by the purposes that they mean. What several categories mean is given if all are."""
    found: dict[str, bool] = {}
    for purpose, value in preferences(event.context.get("consent")):
        given = _answer({"": value}, "", losses)
        if given is not None:
            found[purpose] = given and found.get(purpose, True)
    return {purpose: found[purpose] for purpose in PURPOSES if purpose in found}


def _purposes(said: Mapping[str, Any], losses: list[Loss]) -> dict[Purpose, bool]:
    answers = {purpose: _answer(said, purpose, losses) for purpose in PURPOSES}
    return {purpose: given for purpose, given in answers.items() if given is not None}


def _channels(said: Mapping[str, Any], losses: list[Loss]) -> Iterator[tuple[str, bool]]:
    """``channels``: answers about marketing by channel, as files of customers have them."""
    channels = said.get("channels")
    if not isinstance(channels, Mapping):
        return
    for name in list(channels)[:CHANNELS_READ]:
        given = _answer(channels, name, losses)
        if given is not None and name:
            yield str(name)[:TEXT_CHARACTERS].lower(), given


def _given_at(event: Event, losses: list[Loss]) -> int:
    """When it was said: the site itself may tell of an earlier time than the event's, never of a later one."""
    told = _moment(event.props, "givenAt", losses) if event.sender == SITE else 0
    return min(told, event.received) if told else event.ts


def _answer(said: Mapping[str, Any], name: str, losses: list[Loss]) -> bool | None:
    value = said.get(name)
    if value is not None and not isinstance(value, bool):
        losses.append(loss("consent", "type", value))
        return None
    return value


def _text(said: Mapping[str, Any], name: str, losses: list[Loss]) -> str:
    value = said.get(name)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        if value is not None:
            losses.append(loss("consent", "type", value))
        return ""
    if len(value) > TEXT_CHARACTERS:
        losses.append(loss("consent", "cut", value))
    return value[:TEXT_CHARACTERS].strip()


def _moment(said: Mapping[str, Any], name: str, losses: list[Loss]) -> int:
    value = said.get(name)
    if value is None or value == "":
        return 0
    found = milliseconds(value)
    if found is None or found <= 0:
        losses.append(loss("consent", "invalid", value))
        return 0
    return found
