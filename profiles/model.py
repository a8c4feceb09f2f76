"""The profile: the current state of one visitor. Values only: ``profiles.fold`` changes them.

``profiles.encoding`` says how they are stored: a new field needs a place there, too.
Times are milliseconds since the epoch, UTC; money is in the site's currency. ``gc=False``: these values
hold no cycles, and without it garbage collection of a batch of profiles takes as long as decoding them.
"""

from typing import Any, Literal

import msgspec

from profiles.orders.order import Order

Stage = Literal["prospect", "customer", "regular", "advocate", "at-risk", "lost"]
ItemEvent = Literal["view", "add", "remove", "purchase", "dismiss", "list"]
Purpose = Literal["analytics", "personalization", "marketing"]

ITEMS_KEPT = 100
PURCHASES_KEPT = 500
"""Purchases among the items, beside ITEMS_KEPT others."""
SESSIONS_KEPT = 12
VISITORS_KEPT = 16
CUSTOMERS_KEPT = 4
TRAITS_KEPT = 60
CART_KEPT = 50
CAMPAIGNS_KEPT = 64


class Touch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How a session began: classified by ingest from referrer, UTM parameters and click ids. Without a time: direct."""

    ts: int = 0
    channel: str = "direct"
    origin: str = ""
    medium: str = ""
    campaign: str = ""
    keyword: str = ""
    landing: str = ""


class Counts(msgspec.Struct, array_like=True, gc=False):
    """Totals over the life of the profile."""

    visits: int = 0
    pageviews: int = 0
    events: int = 0
    views: int = 0  # interest: products viewed
    adds: int = 0
    offer_views: int = 0
    offer_clicks: int = 0  # ad interest
    community: int = 0  # reviews, shares, comments
    orders: int = 0
    revenue: float = 0.0


class Said(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """What a later deed of a session says of how the visitor came. ``campaign``: it carries one that opened none."""

    touch: Touch
    campaign: bool = False


class Session(msgspec.Struct, array_like=True, gc=False):
    """The bounds of a recent session in event time. They tell which session a late event belongs to.

    ``touch`` is what its first deed says; ``Touch()`` for nothing, which is direct. ``campaign`` is the campaign key of
    its first deed. ``events`` are its deeds; ``marks`` holds one number for each of them
    (``profiles.fold.session_cuts``) and is complete or empty. ``said`` is what later deeds say, where it may matter.
    """

    id: str
    start: int
    last: int
    touch: Touch
    events: int = 0
    pageviews: int = 0
    hint: str = ""  # the source's own session id, where an import names it
    campaign: str = ""
    marks: list[int] = []
    said: list[Said] = []


class ItemTouch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One event of the visitor with one item."""

    item: str
    kind: ItemEvent
    ts: int
    category: str = ""


class CartLine(msgspec.Struct, array_like=True, frozen=True, gc=False):
    quantity: float
    price: float = 0.0


class Exposure(msgspec.Struct, array_like=True, gc=False):
    """How often this visitor saw and clicked one campaign. ``first``, ``last`` and ``dismissed`` are ms; 0: never
    dismissed. ``variant`` is the one that was met ``first``, "" where an earlier release did not note it."""

    views: int = 0
    clicks: int = 0
    last: int = 0
    dismissed: int = 0
    first: int = 0
    variant: str = ""

    def meet(self, variant: str, at: int) -> None:
        """Note, in place, that ``variant`` was met at ``at`` (ms). Of two at one time it is the first by name."""
        if variant and (not self.variant or (at, variant) < (self.first, self.variant)):
            self.first, self.variant = at, variant


class EventCount(msgspec.Struct, array_like=True, gc=False):
    """How often an event happened, and when last."""

    count: int
    last: int


class Affinity(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Interest in a category: ``weight`` as of ``ts``, halved every ``affinity.HALF_LIFE_MS``."""

    weight: float
    ts: int


class Merge(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Into which customer (profile id) a duplicate account was merged; "" for none. ``at`` (ms) is when that was said
    last, ``partition`` and ``position`` where in the log."""

    into: str = ""
    at: int = 0
    partition: int = -1
    position: int = -1


class Consent(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One answer that a person gave about a purpose, at ``given_at`` (ms; 0: unknown, stored by an earlier release).

    ``channel`` and ``topic`` "" mean all. ``night``: whether it holds for messages at night, None if not asked.
    ``source`` is where it was said; ``verified_at`` (ms) when it was confirmed, as by double opt-in, 0 for never.
    ``address`` is the digest of the address that was confirmed (``messages.permission.addresses``).
    """

    purpose: Purpose
    given: bool
    given_at: int = 0
    channel: str = ""
    topic: str = ""
    night: bool | None = None
    jurisdiction: str = ""
    text_version: str = ""
    source: str = ""
    verified_at: int = 0
    address: str = ""


class Wish(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How often the person wants messages of marketing: none until ``pause_until`` (ms), and at most one in
    ``every_days`` (0: as often as the shop does). ``at`` (ms) is when they said so."""

    at: int = 0
    pause_until: int = 0
    every_days: int = 0


class Profile(msgspec.Struct, array_like=True, gc=False):
    """One person on one site.

    ``id`` is ``u:<user>`` once the customer is known, else ``v:<visitor>``.
    ``fed`` is set for a browser that claimed, without proof, to be a customer. It lists the ids of those customers,
    the newest first. The last one has the browser's earlier history. New events are added to the newest one, and the
    browser keeps a profile of its own.
    Of a customer, ``visitors`` are the browsers that proved to be them and ``claimants`` those that only claim it, the
    newest last. ``proven`` says whether the site itself ever identified the customer. ``claims`` are the names of the
    traits that only claims have set.
    ``seen`` is the ring of event ids for deduplication. ``positions`` is the last event applied of each log key
    (visitor or user id → [partition, position]). Ingest and ``profiles.fold.fold`` use both.
    A duplicate account that was merged into another customer keeps its own profile, and says so in ``merged``.
    ``parts`` are the ids of those that were merged into this one. Who reads any of them gets all of them as one person
    (``profiles.store.person``).
    ``first_touch`` is how the first visit began (its time is 0 while there was none), ``last_touch`` the latest that
    was not direct; it is ``Touch()`` if there was none.
    """

    id: str
    visitors: list[str] = []
    user: str | None = None
    traits: dict[str, Any] = {}
    first_seen: int = 0
    last_seen: int = 0
    first_touch: Touch = Touch()
    last_touch: Touch = Touch()
    counts: Counts = msgspec.field(default_factory=Counts)
    sessions: list[Session] = []  # oldest first
    items: list[ItemTouch] = []  # oldest first
    cart: dict[str, CartLine] = {}
    affinities: dict[str, Affinity] = {}
    last_order: int = 0
    device: str = ""
    browser: str = ""
    os: str = ""
    country: str = ""
    lang: str = ""
    scores: dict[str, float] = {}
    consents: list[Consent] = []  # oldest first, see ``profiles.consent.record``
    exposure: dict[str, Exposure] = {}
    seen: list[tuple[int, bytes]] = []
    positions: dict[str, tuple[int, int]] = {}
    demo: bool = False
    cursor: str = ""  # the session of the last event
    renamed: list[tuple[str, str, int]] = []  # (old, new, when) of sessions that late events changed
    orders: dict[bytes, Order] = {}  # oldest first, see ``profiles.fold.orders``
    # By event name, see ``profiles.fold.event_counts``; the API calls them tallies.
    event_counts: dict[str, EventCount] = msgspec.field(default_factory=dict, name="tallies")
    subject: str = ""  # the first id of this person; it decides holdouts and never changes
    fed: list[str] = []
    proven: bool = True
    claims: list[str] = []
    claimants: list[str] = []
    merged: Merge = Merge()
    parts: list[str] = []
    consents_cut: int = 0  # answers that there was no room for; the warehouse has them
    wish: Wish = Wish()

    @property
    def consent(self) -> dict[str, bool]:
        """What holds for each purpose as a whole: the newest answer. A purpose that is absent was never asked about."""
        return {one.purpose: one.given for one in self.consents if not (one.channel or one.topic)}

    @property
    def feeds_customer(self) -> bool:
        """Whether this is a browser that claims to be a customer: reports count the customer, and not the browser."""
        return bool(self.fed)

    @property
    def alone(self) -> bool:
        """Whether no other customer's account was merged with this one."""
        return not (self.merged.into or self.parts)
