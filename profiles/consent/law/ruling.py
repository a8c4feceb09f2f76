"""What a rule is asked about one message, and what it answers. Values only."""

from typing import Literal

import msgspec

from profiles.model import Consent

Reason = Literal[
    "refused",
    "no consent",
    "consent without proof",
    "not confirmed",
    "too long ago",
    "night",
]
Duty = Literal[
    "ad label",
    "ad notice",
    "sender name",
    "contact",
    "postal address",
    "free refusal",
    "unsubscribe",
]
"""What a message must carry. ``ad label``: "(광고)" at the very start of subject or text. ``ad notice``: it says that
it is advertising. ``free refusal``: how to refuse without cost, as text at the end. ``unsubscribe``: a working way to
refuse."""
Basis = Literal["", "consent", "sale", "not refused", "service"]
"""Why a message is lawful. ``sale``: own similar products, to an address that came with a sale."""

NEAR = frozenset({"sms", "kakao", "push", "call", "webhook"})
"""Channels that ring or light up at the recipient's side, so that hours matter. What a webhook does is not known."""
WRITTEN = frozenset({"email", "post"})


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one person at one moment.

    ``country`` is the recipient's (ISO 3166, "" unknown). ``at`` (ms) is now, and ``zones`` the timezones that the
    recipient may be in (IANA names); none is treated as night. ``answer`` is what the person last said about this
    channel and topic, None for nothing. ``bought_at`` (ms, 0: never) is their last order. ``similar``: the message is
    about the shop's own products like those bought, the address came with that sale, and a refusal was offered then.
    """

    country: str
    channel: str
    service: bool
    at: int
    zones: tuple[str, ...] = ()
    answer: Consent | None = None
    bought_at: int = 0
    similar: bool = False


class Ruling(msgspec.Struct, frozen=True, kw_only=True):
    """``reasons`` are all that forbid it. ``opens_at`` (ms) is when the hours allow it next, 0 where they allow it
    now."""

    basis: Basis = ""
    reasons: tuple[Reason, ...] = ()
    duties: tuple[Duty, ...] = ()
    opens_at: int = 0

    @property
    def lawful(self) -> bool:
        return not self.reasons


def proven(answer: Consent) -> bool:
    """Whether the record keeps when, where and to which text the person agreed."""
    return bool(answer.given_at and answer.source and answer.text_version)
