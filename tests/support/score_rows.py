"""Snapshots of scores, as a run writes them."""

from datetime import UTC, date, datetime

import pyarrow as pa

from warehouse.tables.schema import SCORES


def noon(day: date) -> int:
    """In ms, UTC."""
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp() * 1000)


def snapshot(day: date, *people: str, site: str = "default", **more: object) -> pa.Table:
    """A row for each of these people, who are all the same."""
    row = (
        dict.fromkeys(SCORES.names)
        | {"day": day, "site": site, "ts": noon(day), "r": 3, "f": 3, "m": 3}
        | more
    )
    return pa.Table.from_pylist([row | {"profile": each} for each in people], schema=SCORES)
