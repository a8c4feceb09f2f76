"""The layout of a stored profile: its fields in order, and the words that are known without being stored."""

from typing import Any

import msgspec

from profiles.encoding.columns import Column
from profiles.encoding.order_rows import ChangedOrderRow, OldOrder
from profiles.model import Counts

COMMON = (
    *(
        "",
        "direct",
        "organic search",
        "paid search",
        "social",
        "e-mail",
        "AI assistant",
        "referral",
        "campaign",
    ),
    *("view", "add", "remove", "purchase", "dismiss", "list"),
    *("prospect", "customer", "regular", "advocate", "at-risk", "lost"),
    *("organic", "cpc", "email", "google", "naver", "daum", "facebook", "instagram"),
    *("desktop", "phone", "tablet", "other", "Chrome", "Chrome Mobile", "Mobile Safari", "Safari", "Firefox"),
    *("Edge", "Samsung Internet", "Windows", "Mac OS X", "Android", "iOS", "Linux", "KR", "ko-KR", "ko", "/"),
)
"""Words known without being stored. Their order is part of the format: new ones go last, and change it."""

NOT_DISMISSED = -1

TouchRow = tuple[int, int, int, int, int, int, int]
"""Time, channel, origin, medium, campaign, keyword, landing."""
SessionRow = tuple[int | str, int, int, int | list[int], int, int, int, int, Column]
"""Owner or whole id, time since the start before, length, touch, events, pageviews, hint, campaign, marks. Where later
deeds said something, the touch is a list: after it those touches, each times two, plus one for a campaign."""
ItemColumns = tuple[Column, Column, Column, Column]
"""Item, kind, time since the one before, category."""
ClaimFields = tuple[list[str], bool, list[str], list[str]]
"""``fed``, ``proven``, ``claims``, ``claimants``."""
MergeFields = tuple[tuple[str, int, int, int], list[str]]
"""``merged`` and ``parts``."""
ConsentRow = list[int]
"""Purpose and flags; time since the first event; words: source, channel, topic, jurisdiction, text version; how long
after that it was confirmed, plus one; the word of the address. Zeros at the end are left out."""
RareFields = tuple[dict[str, Any], list[str], dict[str, float], dict[str, bool], bool, list[tuple[str, str]]]
"""``traits``, segments (stored by earlier releases, and not read), ``scores``, consent as earlier releases stored it,
``demo``, ``renamed``."""


class StoredProfile(msgspec.Struct, array_like=True, gc=False):
    """A profile's bytes, field by field. An ``int`` for a string is its word's number; times count from ``first``."""

    words: list[str]
    first: int
    last: int
    id: int | str  # the number of what follows "u:" or "v:", times two, plus one for a customer
    visitors: list[int]
    user: int | None
    touches: list[TouchRow]
    first_touch: int
    last_touch: int
    counts: Counts
    sessions: list[SessionRow]
    items: ItemColumns
    cart: dict[int, tuple[float, float]]
    affinities: dict[int, tuple[float, int]]
    last_order: int | None
    client: tuple[int, int, int, int, int]  # device, browser, os, country, lang
    former_stage: int  # stored by earlier releases; 0 since, and not read
    # Views, clicks, last, when dismissed, and how long before the last the first was, of which variant.
    exposure: dict[int, list[int]]
    seen: list[tuple[int, bytes]]
    positions: dict[int, tuple[int, int]]
    cursor: int | str  # the number of the session
    rare: RareFields | None
    # Profiles stored by earlier releases end here.
    renamed_at: list[int] = []
    old_orders: list[OldOrder] = []  # written by earlier releases
    # A standard event's number, or ~ the number of its name's word; how long before the last event of any kind.
    event_counts: dict[int, tuple[int, int]] = {}
    subject: int | None = None  # None: the first of the visitors


class StoredProfileWithClaims(StoredProfile, array_like=True, gc=False):
    """The same with what claims and merges changed: most profiles have none and end before."""

    claims: ClaimFields | None = None
    merges: MergeFields | None = None


class StoredProfileWithOrders(StoredProfileWithClaims, array_like=True, gc=False):
    """The same with orders: most profiles have none and end before."""

    orders: list[ChangedOrderRow] = []


class StoredProfileWithConsent(StoredProfileWithOrders, array_like=True, gc=False):
    """The same with the record of consent."""

    consents: list[ConsentRow] = []
    consents_cut: int = 0


class StoredProfileWithWish(StoredProfileWithConsent, array_like=True, gc=False):
    """The same with how often the person wants messages: when they said so (ms), until when they
    want none, and the days between two."""

    wish: tuple[int, int, int] | None = None
