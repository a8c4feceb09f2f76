"""An occasion: one reason to send one campaign to one person. Its id is the same however often the log is read."""

from hashlib import blake2b
from typing import Any, Literal

import msgspec

from tracker.durations import DAY_MS

Cause = Literal["event", "enters", "date", "at"]
LATE_MS = 2 * DAY_MS
"""An occasion that could not be sent for so long after it was due is not sent any more."""
TRIGGER_LIMIT = 8 * 1024
"""Bytes of the triggering event that are kept."""


class Occasion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``visitor`` and ``user`` are as the trigger names the person; whose profile that is, is asked when it is sent.

    ``ts`` (ms) is when the trigger happened, ``due`` when the message is to go. ``trigger`` is what the message may
    tell of it. ``partition`` and ``position`` are the trigger's in the log, -1 where it was no event.
    """

    id: str
    site: str
    campaign: str
    cause: Cause
    visitor: str = ""
    user: str = ""
    ts: int
    due: int
    trigger: dict[str, Any] = {}
    partition: int = -1
    position: int = -1

    @property
    def names(self) -> tuple[str, ...]:
        """Profile ids under which the trigger names the person."""
        return tuple(f"{kind}:{name}" for kind, name in (("u", self.user), ("v", self.visitor)) if name)


def occasion_id(site: str, campaign: str, person: str, trigger: str) -> str:
    """32 hexadecimal digits. ``trigger``: the id of the event, or the cause and the day or moment."""
    told = "\0".join((site, campaign, person, trigger))
    return blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def kept(trigger: dict[str, Any]) -> dict[str, Any]:
    """The trigger, without its properties where they are too long."""
    if len(msgspec.json.encode(trigger)) <= TRIGGER_LIMIT:
        return trigger
    return {key: value for key, value in trigger.items() if key in ("name", "id", "ts")}
