"""Facts: what enrichment in ingest derives from one event, and the fold needs beside the event itself."""

import msgspec

from profiles.model import Touch
from tracker.fields.losses import Loss

ORDER_EVENTS = frozenset({"Order Completed", "Order Updated", "Order Refunded", "Order Cancelled"})
"""The transitions of an order."""


class ProductLine(msgspec.Struct, frozen=True, gc=False):
    """One product named by an event. ``price`` is per unit, in the order's currency, else in the site's; 0 where it is
    not known."""

    product: str
    category: str = ""
    quantity: float = 1.0
    price: float = 0.0
    name: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Derived from one event alone, never from the profile.

    ``touch`` is set when this event carries an outside referrer, UTM parameters or a click id; else it is None
    (an internal referrer, a server-side event).
    ``campaign_key`` identifies a campaign or click id that starts a new session (DESIGN §6), "" for none.
    ``doubtful``: the order's amount is implausible (``ingest.enrich.order_limits``).
    ``products`` are the lines of this event. The rest is set for a transition of an order only: ``order``, its id;
    ``revenue`` in ``currency`` (None: the site's), of a completed or updated order its whole amount, of a refund the
    negative amount, None for what the event does not say (of a refund: all that is left); ``refund``, the refund's id.
    ``losses`` are the fields that could not be read, or lost something.
    """

    path: str = ""
    touch: Touch | None = None
    campaign_key: str = ""
    device: str = ""
    browser: str = ""
    os: str = ""
    country: str = ""
    city: str = ""
    bot: bool = False
    demo: bool = False
    products: tuple[ProductLine, ...] = ()
    order: str | None = None
    revenue: float | None = None
    currency: str | None = None
    refund: str | None = None
    session_hint: str = ""
    doubtful: bool = False
    losses: tuple[Loss, ...] = ()
