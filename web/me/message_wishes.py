"""What somebody wants of messages: topics, channels, a pause and how often. Pure functions on a profile."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Protocol

from messages.permission.addresses import TRAITS, address_of
from messages.permission.gate import countries_of
from profiles.consent.record import note, standing
from profiles.consent.standing import marketing_answer
from profiles.encoding import codec
from profiles.model import Consent, Profile
from tracker.durations import DAY_MS
from web.me.statements import Said

CHANNELS = ("email", "sms", "kakao", "push", "call", "post")
TOPICS_SHOWN = 20
PAUSES = (0, 7, 30, 90)
"""Days; 0 for none."""
FREQUENCIES = (0, 7, 14, 30)
"""Days between two messages; 0: as often as the shop does."""
NIGHT_COUNTRIES = frozenset({"KR"})
"""Where the law knows a consent of its own for the night."""


class Form(Protocol):
    """A submitted form."""

    def getlist(self, key: str) -> list[str]: ...

    def get(self, key: str) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Choice:
    name: str
    given: bool


@dataclass(frozen=True, slots=True)
class MessageWishes:
    """``pause_left`` is in days, 0 for none. ``night`` is None where the person is not asked."""

    channels: tuple[Choice, ...]
    topics: tuple[Choice, ...]
    pause_until: int
    every_days: int
    night: bool | None


def wishes_of(profile: Profile, topics: Collection[str], now: int) -> MessageWishes:
    """What the page shows as of ``now`` (ms). ``topics`` are the site's; those that the person spoke of are added."""
    said = standing(profile)
    named = dict.fromkeys((*topics, *sorted(subject[2] for subject in said if subject[2])))
    spoken = {subject[1] for subject in said if subject[0] == "marketing"}
    night = None
    if NIGHT_COUNTRIES & set(countries_of(profile)):
        night = any(one.given and bool(one.night) for one in said.values() if one.purpose == "marketing")
    paused = profile.wish.pause_until
    shown = [each for each in CHANNELS if each in spoken or address_of(profile, each) or each not in TRAITS]
    return MessageWishes(
        tuple(Choice(each, _given(marketing_answer(profile, each, ""))) for each in shown),
        tuple(Choice(each, _wanted(profile, shown, each)) for each in list(named)[:TOPICS_SHOWN]),
        paused if paused > now else 0,
        profile.wish.every_days,
        night,
    )


def said_by(
    form: Form, profile: Profile, shown: MessageWishes, now: int, about: Said, confirmed: str
) -> Iterator[Said]:
    """The consent events that the form amounts to: what it changes, and nothing else. ``about`` is their source and
    text version. ``confirmed`` is the digest of the e-mail address that the form's link was sent to, "" for none."""
    channels, topics = (set(form.getlist(name)) for name in ("channel", "topic"))
    night = bool(form.get("night")) if shown.night is not None else None
    about = {**about, "jurisdiction": profile.country}
    after = codec.copy(profile)
    for each in shown.channels:
        wanted = each.name in channels
        if wanted == each.given and not (wanted and night != shown.night):
            continue
        proof: Said = {"night": night} if night is not None and wanted else {}
        if wanted and each.name == "email" and confirmed:
            proof = {**proof, "verifiedAt": now, "address": confirmed}
        note(after, [Consent("marketing", wanted, now, each.name)])
        yield {**about, **proof, "marketing": wanted, "channel": each.name}
    for each in shown.topics:
        # A yes to a channel is one to every topic that was not refused: what is not ticked is refused with it.
        wanted = each.name in topics
        if wanted == _wanted(after, [one.name for one in shown.channels], each.name):
            continue
        for channel in [one.name for one in shown.channels if one.name in channels] if wanted else [""]:
            yield {**about, "marketing": wanted, "channel": channel, "topic": each.name}
    pause, every = _days(form.get("pause"), PAUSES), _days(form.get("every"), FREQUENCIES)
    until = shown.pause_until if form.get("pause") == "keep" else now + pause * DAY_MS if pause else 0
    if until != shown.pause_until or every != shown.every_days:
        yield {**about, **({"pauseUntil": until} if until else {}), "everyDays": every}


def _days(text: str | None, allowed: Collection[int]) -> int:
    found = int(text) if text is not None and text.isdecimal() and len(text) < 4 else 0
    return found if found in allowed else 0


def _given(answer: Consent | None) -> bool:
    return answer is not None and answer.given


def _wanted(profile: Profile, channels: Collection[str], topic: str) -> bool:
    """Whether messages about the topic may come by any of the channels."""
    return any(_given(marketing_answer(profile, each, topic)) for each in channels)
