"""A shop that imports files of orders: a real worker and warehouse, a log and profiles in memory."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.events_file import EVENTS, EventRows
from ingest.files.mappings import Mappings
from ingest.order_files.files import OrderFiles, OrderOptions
from ingest.order_files.importer import import_orders, read_only
from ingest.order_files.shape import ORDERS, Shape
from ingest.order_files.summary import OrderSummary
from ingest.worker.worker import Bounds, Worker
from profiles.store.memory import MemoryProfiles
from tracker.event import Event, encode
from tracker.log.memory import MemoryLog
from tracker.log.port import Record
from tracker.sites import Site, Sites
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

NOW = 1_796_000_000_000


class OrderShop:
    """``told`` are the events of the last import, ``refused`` its rejected rows by reason, ``notes`` its notes.
    ``erased``: id → when."""

    def __init__(self, folder: Path, site: Site) -> None:
        self.folder, self.site = folder, site
        sites = Sites(folder / "sites.json")
        sites.save(site)
        self.log, self.profiles = MemoryLog("memory://?partitions=1"), MemoryProfiles()
        self.warehouse = Warehouse(str(folder / "warehouse"))
        self.worker = Worker(
            log=self.log,
            store=self.profiles,
            warehouse=self.warehouse,
            sites=sites,
            facts=facts,
            deadletters=DeadLetters(folder),
            bounds=Bounds(poll_seconds=0.0, flush_rows=1 << 30, flush_seconds=1e9),
        )
        self.erased: dict[str, int] = {}
        self.told: list[Event] = []
        self.refused: dict[str, int] = {}
        self.notes: Mapping[str, int] = {}
        self.summary = OrderSummary()

    def imports(self, *paths: Path, now: int = NOW, **options: Any) -> OrderSummary:
        """Import the files and ingest what they tell."""
        self.told = []
        with self._opened(paths, options) as files:
            files.remember()
            self.notes = import_orders(files, self.warehouse, self._forgotten, self.told.extend, now)
            self.refused = _reasons(files)
        self.tell(self.told)
        return files.summary

    def imports_events(self, *paths: Path, now: int = NOW, **options: Any) -> EventRows:
        """Import files of events, of which ``told`` has all."""
        self.told = []
        with self._opened(paths, options, EVENTS) as files:
            rows = EventRows(files, now, self._forgotten, self.told.extend)
            import_orders(files, self.warehouse, self._forgotten, self.told.extend, now, rows.add)
            rows.flush()
            self.refused = _reasons(files)
        return rows

    def tell(self, events: Sequence[Event]) -> None:
        """Ingest events."""
        self.log.append([Record(event.key, encode(event)) for event in events])
        while self.worker.step():
            pass
        self.worker.flush()

    def reads(self, *paths: Path, **options: Any) -> OrderSummary:
        """A dry run."""
        with self._opened(paths, options) as files:
            read_only(files)
            self.refused = _reasons(files)
        return files.summary

    def names(self) -> list[str]:
        """The events of the last import, in short."""
        return [event.name.removeprefix("Order ") for event in self.told]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        return self.warehouse.rows(sql, Scope(self.site.id, bots=True))

    def net(self) -> Decimal:
        """The money that is left, by the rules of the contract, from the stored rows."""
        return sum(self.net_by_order().values(), Decimal(0))

    def net_by_order(self) -> dict[str, Decimal]:
        """By order number; a credit note's is its refund's id."""
        amounts: dict[str, Decimal] = {}
        refunds: dict[str, dict[str, Decimal | None]] = {}
        gone, alone = set(), dict[str, Decimal]()
        for row in self.rows("select * from events where name like 'Order %' order by ts, id"):
            revenue = None if row["revenue"] is None else Decimal(repr(row["revenue"]))
            number = row["order"] or row["id"]
            if row["name"] == "Order Refunded" and row["order"] is None:
                alone[row["refund"]] = revenue or Decimal(0)
            elif row["name"] == "Order Refunded":
                refunds.setdefault(number, {})[row["refund"]] = revenue
            elif row["name"] == "Order Cancelled":
                gone.add(number)
            elif row["name"] == "Order Completed":
                amounts.setdefault(number, revenue or Decimal(0))
            elif revenue is not None:
                amounts[number] = revenue
        for number, each in refunds.items():
            if any(revenue is None for revenue in each.values()):
                gone.add(number)
            amounts[number] = max(
                Decimal(0), amounts[number] + sum((r for r in each.values() if r), Decimal(0))
            )
        return {
            **{number: Decimal(0) if number in gone else amount for number, amount in amounts.items()},
            **alone,
        }

    def _forgotten(self, site: str, names: Collection[str]) -> Mapping[str, int]:
        assert site == self.site.id
        return {name: self.erased[name] for name in names if name in self.erased}

    def _opened(self, paths: Sequence[Path], options: Mapping[str, Any], shape: Shape = ORDERS) -> OrderFiles:
        return OrderFiles(
            paths, self.site, OrderOptions(**options), Mappings(self.folder / "mappings.json"), shape
        )


def _reasons(files: OrderFiles) -> dict[str, int]:
    return dict(sum((file.rejects.reasons for file in files.files), Counter[str]()))
