"""A message: what a campaign sends to one person over one channel, and the contract that every channel fulfils.

The order of the steps, in ``messages.sending``: the person is read and the gate asked, the variant is decided, the
channel prepares the message, the ledger claims it in one atomic step, and only then the channel hands it over. A crash
after the claim leaves it ``unknown``: it is counted, and never sent again by itself.
"""

from typing import Any, Literal, Protocol

import msgspec

from profiles.model import Profile
from tracker.sites import Site
from tracker.unavailable import Unavailable

Channel = Literal["email", "webhook", "push", "call", "post", "kakao", "sms"]
MessageClass = Literal["marketing", "service"]
"""``service``: receipts, passwords, answers to what the person asked for; needs no consent to marketing."""
State = Literal["due", "claimed", "handed over", "refused", "unknown"]
"""Of an occasion in the ledger."""


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Absolute addresses of ours that belong into a message. ``unsubscribe`` takes RFC 8058's POST without a login;
    a GET only shows. ``opened`` is the open pixel's prefix and ``click`` the redirect's (``/v1/messages/opened`` and
    ``…/click``): the channel adds its signed mark. Both are "" without consent to analytics."""

    unsubscribe: str = ""
    preferences: str = ""
    opened: str = ""
    click: str = ""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message, with all that a channel needs to write it.

    ``id`` is the occasion's: a digest of site, campaign, person and trigger, the same for every attempt (Message-ID,
    webhook-id). ``address``: where to, as the channel has it (e-mail, telephone number, push subscription as JSON; ""
    for a webhook). ``content`` is the creative's, its placeholders not filled in. ``items`` are the recommended items
    of the creative's slots, filled at this moment. ``token`` is the signed decision: links carry it. ``trigger`` is
    the event or date that made it due. ``at`` (ms) is now. ``duties`` is what the law asks it to carry
    (``Permission.duties``): ``messages.permission.wording`` has the label and the lines.
    """

    id: str
    site: Site
    campaign: str
    variant: str
    channel: Channel
    message_class: MessageClass = "marketing"
    topic: str = ""
    profile: Profile
    address: str = ""
    content: Any = None
    items: tuple[dict[str, Any], ...] = ()
    coupon: str = ""
    token: str = ""
    links: Links = Links()
    trigger: dict[str, Any] = {}
    lang: str = "en"
    at: int = 0
    duties: tuple[str, ...] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What the other side answered. ``handed_over``: it took responsibility. Otherwise ``reason`` says why not, and
    ``permanent`` whether this address will never take a message (a hard bounce). ``reference`` is the other side's
    id."""

    handed_over: bool
    reason: str = ""
    permanent: bool = False
    reference: str = ""


class NotSent(Unavailable):
    """It certainly did not go out: the connection failed before the other side could have taken it, or it was told to
    come again. The ledger makes it due again after ``retry_after`` seconds. Any other failure is ``unknown``."""


class Unprintable(ValueError):
    """A message that cannot be written: a template that is wrong, an address that is none. Nothing was claimed."""


class Transport(Protocol):
    """One channel. ``prepare`` renders and does no I/O; its answer is whatever ``send`` wants. ``once`` is False where
    the other side recognises an id that comes twice (Standard Webhooks), so that an unknown attempt may be repeated."""

    channel: Channel
    once: bool

    def prepare(self, message: Message) -> Any:
        """Raises Unprintable."""
        ...

    async def send(self, prepared: Any) -> Outcome:
        """Hand it over, after the claim. Raises NotSent if it certainly did not go out."""
        ...

    async def close(self) -> None: ...
