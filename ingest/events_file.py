"""Import of event files: a table of who did what with which item when, as CSV, TSV or Parquet.

Columns are found by their common names. An import goes through the log like any other event, and an event's id
comes from its content: importing a file twice, or a file that has grown, adds nothing twice.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from ingest.files.rows import FileInvalid
from tracker import values
from tracker.admission.placeholder_ids import placeholder_word
from tracker.event import SITE, Event
from tracker.sites import Site
from tracker.standard_events.names import standard_name

# What a column is called in the files people have, in lower case without separators.
COLUMNS: dict[str, tuple[str, ...]] = {
    "session": ("sessionid", "session"),
    "visitor": ("visitorid", "visitor", "anonymousid", "clientid", "cookie"),
    "user": ("userid", "user", "customerid", "customer", "householdid"),
    "item": ("itemid", "item", "productid", "product", "sku"),
    "time": ("time", "timestamp", "ts", "datetime", "date", "eventtime", "createdat"),
    "event": ("event", "eventname", "eventtype", "action", "type"),
    "category": ("category", "categoryid", "categorycode"),
    "price": ("price",),
    "quantity": ("quantity", "qty"),
    "url": ("url", "page", "pageurl"),
}

# What an action is called in the files people have → Segment's name.
EVENTS = {
    "": "Product Viewed",
    "view": "Product Viewed",
    "click": "Product Viewed",
    "pv": "Product Viewed",
    "addtocart": "Product Added",
    "add_to_cart": "Product Added",
    "cart": "Product Added",
    "add": "Product Added",
    "remove_from_cart": "Product Removed",
    "purchase": "Order Completed",
    "transaction": "Order Completed",
    "buy": "Order Completed",
}

BATCH_ROWS = 10_000


def read(path: Path, site: Site, received: int) -> Iterator[list[Event]]:
    """The file's events in batches, in the file's order. ``received`` is now, in ms. A row whose only ids are words
    such as "NULL" or "undefined" is left out, so there may be fewer events than rows.

    Raises FileInvalid for a missing column or a row without a time, before or between batches.
    """
    table = _table(path)
    found = _columns(path, table.column_names)
    seen: Counter[tuple[str, str, str, int]] = Counter()
    row_number = 1
    for batch in table.select(list(found.values())).to_batches(max_chunksize=BATCH_ROWS):
        events = []
        for row in _rows(batch.rename_columns(list(found)), f"{path.name} row {row_number + 1} or later"):
            row_number += 1
            event = _event(row, site, received, seen, f"{path.name} row {row_number}")
            if event is not None:
                events.append(event)
        if events:
            yield events


def rows(path: Path) -> int:
    """How many rows the file has."""
    return int(_table(path).num_rows)


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix == ".parquet":
            return pa.parquet.read_table(path)
        with path.open("rb") as file:
            header = file.readline().decode("utf-8-sig")
        delimiter = max("\t,;|", key=header.count)
        names = [name.strip().strip('"') for name in header.strip().split(delimiter)]
        return pa.csv.read_csv(
            path,
            read_options=pa.csv.ReadOptions(column_names=names, skip_rows=1),
            parse_options=pa.csv.ParseOptions(delimiter=delimiter),
            convert_options=pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise FileInvalid(f"{path}: {error}") from error


def _rows(batch: pa.RecordBatch, where: str) -> list[dict[str, Any]]:
    """What Python cannot hold of a time is cut: nanoseconds. Raises FileInvalid for a year that no calendar has."""
    try:
        columns = [_readable(column) for column in batch.columns]
        rows: list[dict[str, Any]] = pa.RecordBatch.from_arrays(columns, batch.schema.names).to_pylist()
    except (
        ValueError,
        OverflowError,
        KeyError,
        pa.ArrowException,
    ) as error:  # KeyError: a zone that there is not
        raise FileInvalid(f"{where}: {error}") from error
    return rows


def _readable(column: pa.Array) -> pa.Array:
    """A moment is the same in whichever zone it is written, also in one that this machine does not know. Some writers
    of Parquet do not say that a text is one."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("ms", "UTC" if kind.tz else None), safe=False)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        return pa.array([text and text.decode(errors="replace") for text in column.to_pylist()], pa.string())
    return column


def _columns(path: Path, names: Sequence[str]) -> dict[str, str]:
    """Our name of a column → the file's. Raises FileInvalid when who, what or when is missing, or is there twice."""
    plain = {"".join(c for c in name.lower() if c.isalnum()): name for name in names}
    found = {}
    for ours, known in COLUMNS.items():
        given = next((plain[name] for name in known if name in plain), None)
        if given:
            if names.count(given) > 1:
                raise FileInvalid(f"{path}: the column {given!r} is there {names.count(given)} times")
            found[ours] = given
    for needed, candidates in (
        ("a session, visitor or user column", ("session", "visitor", "user")),
        ("an item or url column", ("item", "url")),
        ("a time column", ("time",)),
    ):
        if not any(name in found for name in candidates):
            raise FileInvalid(f"{path}: needs {needed}; it has {', '.join(names)}")
    return found


def _event(row: dict[str, Any], site: Site, received: int, seen: Counter[Any], where: str) -> Event | None:
    """The event of a row. None when its only ids are placeholders. Raises FileInvalid."""
    given = [_text(row.get(name)) for name in ("session", "visitor", "user")]
    if not any(given):
        raise FileInvalid(f"{where}: no session, visitor or user")
    session, visitor, user = ("" if placeholder_word(name) else name for name in given)
    if not visitor and not user:
        visitor = session
    ts = milliseconds(row["time"], where)
    if not visitor and not user:
        return None
    item = _text(row.get("item"))
    action = _text(row.get("event"))
    name = EVENTS.get(action.lower().replace(" ", "_")) or standard_name(action)
    told = {name: row[name] for name in ("category", "price", "quantity") if row.get(name)}
    props = {"product_id": item, **values.settled(told)}
    key = (visitor or user, item, name, ts)
    seen[key] += 1
    identity = msgspec.json.encode((site.id, *key, seen[key]))
    page = not item
    return Event(
        site=site.id,
        id="file-" + blake2b(identity, digest_size=16).hexdigest(),
        type="page" if page else "track",
        name="" if page else name,
        visitor=visitor or None,
        user=user or None,
        ts=ts,
        received=received,
        url=_text(row.get("url")),
        props={} if page else props,
        context={"session": session} if session else {},
        source="log" if page else "api",
        proven=bool(user),  # the shop's own file
        sender=SITE,
    )


def _text(value: object) -> str:
    return "" if value is None else values.text(str(value)).strip()[:200]


def milliseconds(value: object, where: str) -> int:
    """A time as ms since the epoch: seconds or milliseconds as a number, or ISO 8601 (UTC when it names no zone).
    Raises FileInvalid for what is none, and outside of the years 1970 to 2096."""
    text = _text(value)
    try:
        number = float(text)
        ms = number if number > 1e11 else number * 1000
    except ValueError:
        try:
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(text)
        except ValueError:
            raise FileInvalid(f"{where}: {text!r} is no time") from None
        ms = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000
    if not 0 <= ms < 4e12:
        raise FileInvalid(f"{where}: {text!r} is no time")
    return round(ms)
