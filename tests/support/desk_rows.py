"""A warehouse with a known week in it, for the tests of the desk and its reports."""

import json
from datetime import UTC, datetime
from typing import Any

from tests.support.warehouse_rows import row
from tracker.durations import DAY_MS
from warehouse.delta import Warehouse
from warehouse.tables.schema import EventRow

HOSTILE = '"><script>alert(1)</script>'


def at(now: float, days: int, minutes: int = 0) -> int:
    """Ms: noon UTC so many days before ``now``, and so many minutes later."""
    noon = datetime.fromtimestamp(now, UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return int(noon.timestamp() * 1000) - days * DAY_MS + minutes * 60_000


def visit(profile: str, start: int, path: tuple[tuple[str, str], ...], **changes: Any) -> list[EventRow]:
    """One visit: (type or event name, page path) a minute apart."""
    rows = []
    for number, (what, page) in enumerate(path):
        fields: dict[str, Any] = {"type": "page"} if what == "page" else {"type": "track", "name": what}
        if what == "Order Completed":
            fields |= {"order": f"o-{profile}-{start}", "revenue": 50.0}
        ts = start + number * 60_000
        rows.append(
            row(
                ts,
                id=f"{profile}{ts}",
                profile=profile,
                session=f"{profile}-{start}",
                path=page,
                **fields,
                **changes,
            )
        )
    return rows


FULL = (
    ("page", "/"),
    ("Product Viewed", "/p/1"),
    ("Product Added", "/p/1"),
    ("page", "/checkout"),
    ("Order Completed", "/thanks"),
)


def fill(warehouse: Warehouse, now: float) -> None:
    """Four visitors in the week: one buys, one puts into the cart, one looks, one bounces; one earlier."""
    rows = visit(
        "v:a", at(now, 2), FULL, channel="organic search", origin="google", keyword=HOSTILE, device="desktop"
    )
    rows += visit("v:b", at(now, 2), FULL[:3], channel="e-mail", campaign=HOSTILE, device="phone")
    rows += visit("v:c", at(now, 3), FULL[:2], channel="direct")
    rows += visit("v:d", at(now, 3), (("page", f"/{HOSTILE}"),), channel="direct", title=HOSTILE)
    rows += visit("v:e", at(now, 40), FULL[:1], channel="direct")
    rows += visit("v:x", at(now, 2), FULL, channel="direct", bot=True)
    warehouse.append(rows, [], {})


def answer_row(token: str, name: str, ts: int) -> EventRow:
    props = json.dumps({"campaign": "hero", "variant": "a", "token": token})
    return row(ts, id=f"{name}{ts}", type="track", name=name, props=props)
