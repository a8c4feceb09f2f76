"""Rows by order, wherever in the files they stand, in bounded memory: a temporary SQLite file sorts them."""

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from decimal import Decimal
from types import TracebackType

import msgspec

from ingest.order_files.rows import OrderRow

ORDER_ROWS = 5_000
"""An order of more rows is none, but a file whose order column is another one. One row more tells."""
_BATCH = 5_000
_TABLES = """
pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -32768;
create table rows (key text, place integer, row blob);
create table people (key text primary key, user text) without rowid;
create table buyers (name text primary key, known integer) without rowid;
create table seen (digest blob primary key, times integer) without rowid;
"""
# Orders come in the order of their first rows.
_ORDERS = """
select rows.key, rows.row from rows join (select key, min(place) as first from rows group by key) as orders
on rows.key = orders.key order by orders.first, rows.key, rows.place
"""


class Grouping(AbstractContextManager["Grouping"]):
    """Add all rows, then read the orders."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.executescript(_TABLES)
        self._db.execute("begin")
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(OrderRow)
        self._waiting: list[tuple[str, int, bytes]] = []
        self._place = 0
        self._run: tuple[str, list[Decimal]] = "", []
        self._same = self._different = 0

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._db.close()

    def add(self, key: str, row: OrderRow) -> None:
        """A row of the order ``key``."""
        self._place += 1
        if row.total is not None:
            self._compare(key, row.total)
        self._waiting.append((key, self._place, self._encoder.encode(row)))
        if len(self._waiting) >= _BATCH:
            self._flush()

    def _compare(self, key: str, total: Decimal | None) -> None:
        """Count orders whose rows tell one total, or several: of rows that stand together."""
        last, totals = self._run
        if key == last and total is not None:
            totals.append(total)
            return
        if len(totals) > 1:
            self._same += len(set(totals)) == 1
            self._different += len(set(totals)) > 1
        self._run = key, [] if total is None else [total]

    @property
    def own_totals(self) -> bool:
        """Whether the rows of an order mostly tell different totals: then each is that of its line."""
        return self._different >= max(self._same, 1)

    def times(self, digest: bytes) -> int:
        """How often this was asked for the same row."""
        found = self._db.execute(
            "insert into seen values (?, 1) on conflict do update set times = times + 1 returning times",
            (digest,),
        )
        return int(found.fetchone()[0])

    def add_person(self, key: str, user: str) -> None:
        """The customer behind a key that orders name (``OrderRow.customer_key``)."""
        self._db.execute("insert or replace into people values (?, ?)", (key, user))

    def person(self, key: str) -> str:
        """The customer behind a key; "" when no file says."""
        found = self._db.execute("select user from people where key = ?", (key,)).fetchone()
        return str(found[0]) if found else ""

    def orders(self) -> Iterator[tuple[str, list[OrderRow]]]:
        """Each order with its rows, both as they come in the files."""
        self._flush()
        self._compare("", None)
        self._db.execute("create index by_key on rows (key, place)")
        current, rows = "", list[OrderRow]()
        for key, raw in self._db.execute(_ORDERS):
            if rows and key != current:
                yield current, rows
                rows = []
            current = key
            if len(rows) <= ORDER_ROWS:
                rows.append(self._decoder.decode(raw))
        if rows:
            yield current, rows

    def count_buyer(self, name: str, known: bool) -> None:
        """Count a customer once: by name (``known``), or somebody of one order."""
        self._db.execute("insert or ignore into buyers values (?, ?)", (name, known))

    def buyers(self) -> tuple[int, int]:
        """How many customers have a number or e-mail, and how many have none."""
        known, all_ = self._db.execute("select coalesce(sum(known), 0), count(*) from buyers").fetchone()
        return int(known), int(all_) - int(known)

    def _flush(self) -> None:
        self._db.executemany("insert into rows values (?, ?, ?)", self._waiting)
        self._waiting.clear()
