"""The profile: what we know about one visitor right now. Values only; ``fold`` and the store are elsewhere.

``profiles.encoding.codec`` says how they are stored: a new field needs a place there, too.
Times are milliseconds since the epoch, UTC; money is in the site's currency. ``gc=False``: there are no cycles
here, and without it the garbage collector spends as long on a batch of profiles as decoding them takes.
"""

from typing import Any, Literal

import msgspec

Stage = Literal["prospect", "customer", "regular", "advocate", "at-risk", "lost"]
ItemEvent = Literal["view", "add", "remove", "purchase", "dismiss", "list"]
Purpose = Literal["analytics", "personalization", "marketing"]

ITEMS_KEPT = 100
SESSIONS_KEPT = 12
VISITORS_KEPT = 16
CUSTOMERS_KEPT = 4
TRAITS_KEPT = 60
CART_KEPT = 50
CAMPAIGNS_KEPT = 64


class Touch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """How a session began: classified by ingest from referrer, UTM parameters and click ids."""

    ts: int = 0
    channel: str = "direct"
    origin: str = ""
    medium: str = ""
    campaign: str = ""
    keyword: str = ""
    landing: str = ""


class Counts(msgspec.Struct, array_like=True, gc=False):
    """The counts that eCRM literature asks for, beside orders and revenue."""

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


class Session(msgspec.Struct, array_like=True, gc=False):
    """Bounds of a recent session on event time, so that a late event finds where it belongs.

    ``campaign`` is the campaign key that its first event carried. ``marks`` holds its events as
    ``profiles.fold.sessions`` writes them down; it is complete (one for each of ``events``) or empty.
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


class ItemTouch(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """One thing the visitor did with one item."""

    item: str
    kind: ItemEvent
    ts: int
    category: str = ""


class CartLine(msgspec.Struct, array_like=True, frozen=True, gc=False):
    quantity: float
    price: float = 0.0


class Exposure(msgspec.Struct, array_like=True, gc=False):
    """What this visitor saw of one campaign. ``last`` and ``dismissed`` are ms; 0: never hidden by the visitor."""

    views: int = 0
    clicks: int = 0
    last: int = 0
    dismissed: int = 0


class EventCount(msgspec.Struct, array_like=True, gc=False):
    """How often an event happened, and when last."""

    count: int
    last: int


class Affinity(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Interest in a category: ``weight`` as of ``ts``, halved every ``affinity.HALF_LIFE_MS``."""

    weight: float
    ts: int


class Profile(msgspec.Struct, array_like=True, gc=False):
    """One person as one site knows them.

    ``id`` is ``u:<user>`` once the customer is known, else ``v:<visitor>``.
    ``fed`` is a browser's that claimed, without a proof, to be customers: their ids, the newest first and the one that
    has its history last; what it does is added to the newest, and it stays a profile of its own. Of a customer,
    ``proven`` is whether the site itself ever told of them, ``claims`` which traits only claims told, ``claimants``
    which browsers claim to be them, the newest last; ``visitors`` are those that proved it.
    ``seen`` is the deduplication ring and ``positions`` the last event applied of each log key
    (visitor or user id → [partition, position]): both belong to ingest and ``profiles.fold.fold``.
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
    segments: list[str] = []
    scores: dict[str, float] = {}
    stage: Stage = "prospect"
    consent: dict[str, bool] = {}  # a purpose that is absent was never asked about
    exposure: dict[str, Exposure] = {}
    seen: list[tuple[int, bytes]] = []
    positions: dict[str, tuple[int, int]] = {}
    demo: bool = False
    cursor: str = ""  # the session that the last event went into
    renamed: list[tuple[str, str, int]] = []  # what late events did to sessions, and when, until stored
    orders: list[tuple[bytes, float, int]] = []  # see ``profiles.fold.orders``
    # By event name, see ``profiles.fold.event_counts``; the API calls them tallies.
    event_counts: dict[str, EventCount] = msgspec.field(default_factory=dict, name="tallies")
    subject: str = ""  # the first id they came under, by which lots are drawn (holdouts): never another one
    fed: list[str] = []
    proven: bool = True
    claims: list[str] = []
    claimants: list[str] = []

    @property
    def feeds_customer(self) -> bool:
        """Whether this is how a browser sees itself: the site sees the customer that it feeds, one person."""
        return bool(self.fed)
