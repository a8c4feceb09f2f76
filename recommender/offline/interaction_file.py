"""Files of interactions for evaluation: TSV, CSV or Parquet under the column names that data sets use."""

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as parquet

from recommender.data.interactions import EVENT_KINDS, Interactions, read


class DataFileInvalid(Exception):
    """The file cannot be used; says what is missing."""


NAMES = {
    "session": ("session", "sessionid"),
    "visitor": (
        *("visitor", "visitorid", "user", "userid", "profile", "customer", "customerid"),
        *("household", "householdid"),
    ),
    "item": ("item", "itemid", "product", "productid", "sku", "movieid"),
    "time": ("time", "timestamp", "ts", "datetime", "date", "eventtime", "transactiontimestamp"),
    "event": ("event", "name", "eventtype", "type", "action", "behavior"),
    "quantity": ("quantity", "qty"),
}

EVENTS = {
    "view": "Product Viewed",
    "click": "Product Viewed",
    "pv": "Product Viewed",
    "cart": "Product Added",
    "add": "Product Added",
    "addtocart": "Product Added",
    "purchase": "Order Completed",
    "transaction": "Order Completed",
    "buy": "Order Completed",
    "order": "Order Completed",
}


def load(path: Path, event: str = "Product Viewed") -> Interactions:
    """The interactions in ``path``. Rows without an event column are ``event``. Raises DataFileInvalid."""
    try:
        return _interactions(path, event)
    except (pa.ArrowException, ValueError, OverflowError, KeyError) as error:
        raise DataFileInvalid(f"{path}: {error}") from error


def _interactions(path: Path, event: str) -> Interactions:
    table = _table(path)
    named = {_plain(name): name for name in table.column_names}
    found = {
        key: next((named[name] for name in names if name in named), None) for key, names in NAMES.items()
    }
    for name in filter(None, found.values()):
        if table.column_names.count(name) > 1:
            raise DataFileInvalid(f"{path}: the column {name!r} is there more than once")
    missing = [key for key in ("item", "time") if not found[key]]
    if missing or not (found["session"] or found["visitor"]):
        wanted = ", ".join(missing or ["session or visitor"])
        raise DataFileInvalid(f"{path}: no column for {wanted}; it has {', '.join(table.column_names)}")
    session = _text(table[found["session"] or found["visitor"]])
    visitor = _text(table[found["visitor"] or found["session"]])
    rows = table.num_rows
    name = pa.chunked_array([pa.array([event] * rows)])
    if found["event"]:
        kinds = [_event(value) for value in _text(table[found["event"]]).to_pylist()]
        name = pa.chunked_array([pa.array(kinds, pa.string())])
    quantity = (
        table[found["quantity"]].cast(pa.float64()) if found["quantity"] else pa.nulls(rows, pa.float64())
    )
    columns = {"profile": visitor, "session": session, "product": _text(table[found["item"]])}
    return read(pa.table({**columns, "name": name, "ts": _ms(table[found["time"]]), "quantity": quantity}))


def _table(path: Path) -> pa.Table:
    try:
        if path.suffix in (".parquet", ".pq"):
            return parquet.read_table(path)
        with path.open() as file:
            head = file.readline()
        mark = max("\t,;|", key=head.count)
        return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=mark))
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise DataFileInvalid(f"{path}: {error}") from error


def _plain(name: str) -> str:
    """``Session_ID`` and RecBole's ``session_id:token`` are the same name."""
    return name.partition(":")[0].lower().replace("_", "").replace("-", "").replace(" ", "")


def _text(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(pa.string())


def _event(value: str | None) -> str:
    value = value or ""
    return value if value in EVENT_KINDS else EVENTS.get(value.lower().replace("_", ""), "")


def _ms(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Milliseconds of seconds, milliseconds, microseconds, nanoseconds, dates or ISO 8601 text."""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.timestamp("ms"))
    if pa.types.is_temporal(column.type):
        return column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    number = column.cast(pa.float64())
    top = abs(pc.max(number).as_py() or 0.0)
    # Seconds stay below 1e11 until the year 5138; milliseconds below 1e14, microseconds below 1e17.
    scale = 1000.0 if top < 1e11 else 1.0 if top < 1e14 else 1e-3 if top < 1e17 else 1e-6
    return pc.round(pc.multiply(number, scale)).cast(pa.int64())
