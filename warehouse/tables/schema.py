"""The columns of the events table: one row for each event that was counted.

``EventRow`` and ``EVENTS`` name the same columns in the same order, so a batch of rows turns into
an Arrow table column by column.
"""

from datetime import date
from typing import NamedTuple

import pyarrow as pa

NEAR = "~"


class EventRow(NamedTuple):
    """One event as reports see it. Times: milliseconds since the epoch, UTC; money: the site's currency.

    ``profile`` and ``session`` are the ids of that time: the aliases table maps them to the current ones.
    ``items`` is the order's or cart's product lines as (product, category, quantity, price). ``partition`` (of the
    log, named as in a profile) and ``position`` say where the event was read; null: it is in no profile. ``hint`` is
    its source's own session id. ``repeated``: another row of the same person reports the same order.
    ``proven``: the site itself said that it is ``user``; null: nobody was named, or an earlier release believed it.
    ``sender``: "site" for what the site itself told, else a digest of the network that sent it, after NEAR where
    that is this machine or a private one; null: not known, as in rows of an earlier release. ``doubtful``: an order
    that was set apart, since its amount or their number is implausible; it is ``repeated`` as well, so that nothing
    counts it.
    ``order``, ``revenue``, ``currency`` and ``refund`` are those of ``profiles.facts.Facts``; every transition of an
    order has its lines in ``items``.
    ``backfill``: the site told it later, as history: it teaches no bandit and is no exposure.
    ``city`` is known only with a database of the installation's own.
    """

    day: date  # of ts, UTC: the partition
    site: str
    id: str
    type: str
    name: str
    profile: str
    visitor: str | None
    user: str | None
    session: str
    ts: int
    received: int
    url: str
    path: str
    title: str
    referrer: str
    channel: str
    origin: str  # the referring site, engine or utm_source
    medium: str
    campaign: str
    keyword: str
    device: str  # desktop | phone | tablet | tv | console | wearable | other
    browser: str
    os: str
    country: str
    lang: str
    bot: bool
    demo: bool
    source: str
    product: str | None
    category: str | None
    quantity: float | None
    price: float | None
    order: str | None
    revenue: float | None
    currency: str | None
    items: list[dict[str, object]]
    props: str  # JSON
    traits: str  # JSON
    partition: int | None = None
    position: int | None = None
    hint: str | None = None
    repeated: bool | None = None
    city: str | None = None
    proven: bool | None = None
    sender: str | None = None
    doubtful: bool | None = None
    refund: str | None = None
    backfill: bool | None = None


EVENTS = pa.schema(
    [
        pa.field("day", pa.date32(), nullable=False),
        *(pa.field(name, pa.string(), nullable=False) for name in ("site", "id", "type", "name", "profile")),
        pa.field("visitor", pa.string()),
        pa.field("user", pa.string()),
        pa.field("session", pa.string(), nullable=False),
        pa.field("ts", pa.int64(), nullable=False),
        pa.field("received", pa.int64(), nullable=False),
        *(
            pa.field(name, pa.string(), nullable=False)
            for name in (
                "url",
                "path",
                "title",
                "referrer",
                "channel",
                "origin",
                "medium",
                "campaign",
                "keyword",
                "device",
                "browser",
                "os",
                "country",
                "lang",
            )
        ),
        pa.field("bot", pa.bool_(), nullable=False),
        pa.field("demo", pa.bool_(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("product", pa.string()),
        pa.field("category", pa.string()),
        pa.field("quantity", pa.float64()),
        pa.field("price", pa.float64()),
        pa.field("order", pa.string()),
        pa.field("revenue", pa.float64()),
        pa.field("currency", pa.string()),
        pa.field(
            "items",
            pa.list_(
                pa.struct(
                    [
                        pa.field("product", pa.string()),
                        pa.field("category", pa.string()),
                        pa.field("quantity", pa.float64()),
                        pa.field("price", pa.float64()),
                    ]
                )
            ),
        ),
        pa.field("props", pa.string(), nullable=False),
        pa.field("traits", pa.string(), nullable=False),
        # What is newer goes last and may be null: tables keep the rows that were written without it.
        pa.field("partition", pa.int64()),
        pa.field("position", pa.int64()),
        pa.field("hint", pa.string()),
        pa.field("repeated", pa.bool_()),
        pa.field("city", pa.string()),
        pa.field("proven", pa.bool_()),
        pa.field("sender", pa.string()),
        pa.field("doubtful", pa.bool_()),
        pa.field("refund", pa.string()),
        pa.field("backfill", pa.bool_()),
    ]
)

ALIASES = pa.schema(
    [
        pa.field("site", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # profile | session | merge
        pa.field("old", pa.string(), nullable=False),
        pa.field("new", pa.string(), nullable=False),
        pa.field("ts", pa.int64(), nullable=False),
    ]
)


class AliasRow(NamedTuple):
    """``old`` is ``new`` since ``ts``. Idempotent: the latest row of a session ``old`` counts, the first one of a
    profile; repeats are harmless. A merge is the profile of one known customer that became part of another's: the
    latest row counts, too, and one that names the profile itself undoes it.

    A session that is itself was cut out of another by a late event: rows since its start (which its id tells) that
    name an earlier session of its owner belong to it, or to what it is part of now.
    """

    site: str
    kind: str  # profile | session | merge
    old: str
    new: str
    ts: int


SCORES = pa.schema(
    [
        pa.field("day", pa.date32(), nullable=False),
        pa.field("site", pa.string(), nullable=False),
        pa.field("ts", pa.int64(), nullable=False),
        pa.field("profile", pa.string(), nullable=False),
        pa.field("stage", pa.string()),
        *(pa.field(name, pa.int8()) for name in ("r", "f", "m")),
        pa.field("cell", pa.string()),
        pa.field("risk90", pa.float64()),
        pa.field("risk", pa.float64()),
        pa.field("risk_days", pa.int16()),
        pa.field("next_order", pa.date32()),
        *(pa.field(name, pa.float64()) for name in ("clv", "clv_low", "clv_high", "contribution")),
        pa.field("group", pa.string()),
        pa.field("quadrant", pa.string()),
        pa.field("refuses", pa.bool_()),
    ]
)
"""What each customer of a site scored on ``day`` (the site's own). ``ts`` (ms) is when the run began to read;
``profile`` the id of that time. ``stage``, ``cell`` and ``quadrant`` are names, fifths 1 to 5. ``risk`` is the
probability of no order in the next ``risk_days``, also told as ``risk90`` where these are 90. Money is in the site's
currency: ``clv`` of the next 365 days with its interval, ``contribution`` until ``day``. ``refuses``: whether they
refused marketing then. Null: not known."""
