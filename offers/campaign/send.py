"""Send: what makes a campaign a message. Its slot is a channel, and ``when`` says what makes it due."""

import re
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from tracker.durations import DAY_MS, HOUR_MS, MINUTE_MS

SendChannel = Literal["email", "webhook", "push", "call", "post", "kakao", "sms"]
CHANNELS: tuple[SendChannel, ...] = ("email", "webhook", "push", "call", "post", "kakao", "sms")
KINDS: dict[SendChannel, str] = {"email": "email", "push": "push"}
"""The kind of the creatives that a channel takes; every other channel takes "json"."""
DURATION = re.compile(r"([1-9][0-9]{0,4})([smhd])")
UNITS_MS = {"s": 1_000, "m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}
WAIT_MOST_MS = 400 * DAY_MS
TRAIT = re.compile(r"trait\.[A-Za-z0-9_.-]{1,64}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class SendInvalid(ValueError):
    """What is wrong with a field of ``send``. ``field`` is its path below it, such as ``when.wait``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message


class When(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What makes a message due: one of ``on``, ``enters``, ``date`` and ``at``.

    ``on``: an event, ``wait`` (a duration) ago; not if the event ``unless`` came after it. Both by name.
    ``campaign``: only events of that campaign count, which is how the steps of a journey hang together.
    ``enters``: the person entered a segment. ``date``: the day of the year of a trait, such as ``trait.birthday``.
    ``at``: one moment, the same for everybody, as ISO; local to the site without an offset.
    """

    on: str = ""
    campaign: str = ""
    wait: str = ""
    unless: str = ""
    enters: str = ""
    date: str = ""
    at: str = ""

    @property
    def wait_ms(self) -> int:
        return duration_ms(self.wait)

    def at_ms(self, zone: ZoneInfo) -> int:
        """The moment ``at``. Raises ValueError."""
        moment = datetime.fromisoformat(self.at)
        return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)


class Send(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    omit_defaults=True,
    rename={"message_class": "class"},
):
    """How a campaign is sent.

    ``again``: the duration after which the same person may get it again; "": whenever it is due.
    ``topic``: what the person can refuse by itself. ``quiet``: from and to in the recipient's timezone; it waits then.
    ``class`` "service" is for receipts and the like, which need no consent to marketing.
    ``best_hour``: it waits for the hour of the day at which the person usually visits, a day at most.
    """

    channel: SendChannel
    when: When
    again: str = ""
    topic: str = ""
    quiet: tuple[str, str] | None = None
    message_class: Literal["marketing", "service"] = "marketing"
    best_hour: bool = False

    @property
    def again_ms(self) -> int:
        return duration_ms(self.again)

    @property
    def kind(self) -> str:
        """The kind of its creatives."""
        return KINDS.get(self.channel, "json")


def duration_ms(text: str) -> int:
    """Milliseconds of a number with s, m, h or d; 0 for ""."""
    return int(text[:-1]) * UNITS_MS[text[-1]] if text else 0


def check_send(send: Send, own: str, zone: ZoneInfo) -> None:
    """Raises SendInvalid. ``own`` is the id of the campaign."""
    when = send.when
    given = [name for name in ("on", "enters", "date", "at") if getattr(when, name)]
    if len(given) != 1:
        raise SendInvalid("when", "give one of on, enters, date and at")
    _check_event(when, own)
    for field, text in (("when.wait", when.wait), ("again", send.again)):
        if text and (not DURATION.fullmatch(text) or duration_ms(text) > WAIT_MOST_MS):
            raise SendInvalid(field, "a number with s, m, h or d, such as 4h; 400d at most")
    if when.wait and not (when.on or when.enters):
        raise SendInvalid("when.wait", "needs on or enters")
    for field, name in (("when.enters", when.enters), ("topic", send.topic)):
        if name and not NAME.fullmatch(name):
            raise SendInvalid(field, "1 to 64 letters, digits, '.', '_' or '-', the first a letter or digit")
    if when.date and not TRAIT.fullmatch(when.date):
        raise SendInvalid("when.date", "a trait with a date, such as trait.birthday")
    _check_times(send, zone)
    if send.message_class == "service" and send.best_hour:
        raise SendInvalid("best_hour", "a service message does not wait")


def _check_event(when: When, own: str) -> None:
    for field, name in (("on", when.on), ("unless", when.unless)):
        if len(name) > 64 or name != name.strip():
            raise SendInvalid(f"when.{field}", "the name of an event, at most 64 characters")
    if when.unless and not (when.on and when.wait):
        raise SendInvalid("when.unless", "needs on and wait: nothing can happen in between without a wait")
    if when.campaign and not when.on:
        raise SendInvalid("when.campaign", "needs on")
    if when.campaign and not NAME.fullmatch(when.campaign):
        raise SendInvalid("when.campaign", "the id of a campaign")
    if when.campaign == own:
        raise SendInvalid("when.campaign", "is this campaign: it would send itself again for ever")


def _check_times(send: Send, zone: ZoneInfo) -> None:
    if send.when.at:
        try:
            send.when.at_ms(zone)
        except (ValueError, OverflowError) as error:
            raise SendInvalid("when.at", "an ISO instant such as 2026-12-01T09:00") from error
        if send.again:
            raise SendInvalid("again", "at comes once")
    if send.quiet is not None:
        for index, clock in enumerate(send.quiet):
            if not CLOCK.fullmatch(clock):
                raise SendInvalid(f"quiet[{index}]", "a time of day such as 21:00")
        if send.quiet[0] == send.quiet[1]:
            raise SendInvalid("quiet", "is empty")
