"""Event rows for tests of the warehouse."""

from datetime import UTC, datetime
from typing import Any

from warehouse.tables.schema import EVENTS, EventRow

NOON = 1_793_534_400_000  # 2026-11-01 12:00 UTC


def row(ts: int = NOON, **changes: Any) -> EventRow:
    """An event row with every column filled, changed where the test says so."""
    day = datetime.fromtimestamp(ts / 1000, UTC).date()
    values: dict[str, Any] = dict.fromkeys(EVENTS.names, "")
    values |= {"day": day, "site": "default", "id": f"e{ts}", "type": "page", "name": "", "profile": "p1"}
    values |= {"visitor": "v1", "user": None, "session": "s1", "ts": ts, "received": ts, "path": "/"}
    values |= {"bot": False, "demo": False, "product": None, "category": None, "quantity": None}
    values |= {"price": None, "order": None, "revenue": None, "currency": None, "items": []}
    values |= {
        "partition": None,
        "position": None,
        "hint": None,
        "repeated": False,
        "city": None,
        "proven": None,
        "sender": None,
        "doubtful": None,
        "refund": None,
        "backfill": None,
    }
    return EventRow(**(values | {"props": "{}", "traits": "{}"} | changes))
