"""The files of one import, read together: several of them may tell of the same orders, such as Olist's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import tzinfo
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from ingest.files.amounts import Amounts
from ingest.files.columns import columns_of, plain
from ingest.files.dates import Dates
from ingest.files.mappings import Mappings
from ingest.files.rejects import Rejects
from ingest.files.rows import FileInvalid, Row
from ingest.files.table import Reading, Table, open_table
from ingest.order_files.grouping import ORDER_ROWS, Grouping
from ingest.order_files.order import FileOrder, OrderRefused, orders_of
from ingest.order_files.presets import Preset, preset_of
from ingest.order_files.rows import AMOUNTS, DATES, OrderRow, RowParser, RowRefused
from ingest.order_files.shape import ORDERS, Shape
from ingest.order_files.summary import OrderSummary
from tracker.sites import Site

BATCH_ORDERS = 5_000


class OrderOptions(NamedTuple):
    """``mapping``: column → field. Of "" and None, what the files show and the site says is taken. ``rejects``: where
    refused rows go; by default beside each file, ``FILE.rejects.csv``; None: nowhere."""

    mapping: Mapping[str, str] = {}
    reading: Reading = Reading()
    zone: tzinfo | None = None
    dates: str = ""
    currency: str = ""
    rejects: Path | None = Path()


class OrderFile(NamedTuple):
    path: Path
    table: Table
    preset: Preset
    columns: Mapping[str, int]
    parser: RowParser
    rejects: Rejects


Other = Callable[[OrderFile, Row], None]


class OrderFiles(AbstractContextManager["OrderFiles"]):
    """Open the files, ``read`` them, then take the ``orders``. Raises FileInvalid for what cannot be read, or whose
    columns are not known."""

    def __init__(
        self,
        paths: Sequence[Path],
        site: Site,
        options: OrderOptions,
        mappings: Mappings,
        shape: Shape = ORDERS,
    ) -> None:
        self.site, self.options, self.shape, self.summary = site, options, shape, OrderSummary()
        self._stack, self._mappings = ExitStack(), mappings
        tables = [(path, open_table(path, options.reading)) for path in paths]
        self._check_mapping([table for _, table in tables])
        self.files = [self._opened(path, table, alone=len(paths) == 1) for path, table in tables]
        self._check_needed()
        self._grouping = self._stack.enter_context(Grouping())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def times(self, digest: bytes) -> int:
        """How often this was asked for the same row."""
        return self._grouping.times(digest)

    def remember(self) -> None:
        """Keep the mapping for files with these headers. Raises OSError."""
        for file in self.files:
            if given := _of_table(self.options.mapping, file.table.names):
                self._mappings.put(self.site.id, self.shape.kind, file.table.names, given)

    def read(self, other: Other | None = None) -> None:
        """Read all rows: once for how dates and amounts are written, once for what they say. ``other`` gets those that
        are no orders, and may refuse them."""
        for file in self.files:
            for row in file.table.rows():
                file.parser.observe(row)
            file.parser.settle(file.table.names)
        for file in self.files:
            self._stack.enter_context(file.rejects)
            for row in file.table.rows():
                self.summary.rows += 1
                try:
                    self._add(file, row, other)
                except RowRefused as refused:
                    file.rejects.add(row, str(refused))
            self.summary.states.update(file.parser.unknown_states)

    def orders(self) -> Iterator[list[FileOrder]]:
        """The orders and credit notes, in batches."""
        batch = list[FileOrder]()
        for key, rows in self._grouping.orders():
            try:
                if len(rows) > ORDER_ROWS:
                    raise OrderRefused(f"an order of more than {ORDER_ROWS:,} rows: {key[:60]!r}")
                known = next((row.customer_key for row in rows if row.customer_key), "")
                user = (self._grouping.person(known) or known) if known else ""
                found = orders_of(key, rows, user, own_totals=self._grouping.own_totals)
            except OrderRefused as refused:
                self.files[0].rejects.add(Row(rows[0].line, (f"order {key}",)), str(refused))
                continue
            for order in found:
                if self.summary.count(order, self.site.currency):
                    self._grouping.count_buyer(order.buyer or order.key, bool(order.buyer))
                    batch.append(order)
            if len(batch) >= BATCH_ORDERS:
                yield batch
                batch = []
        if batch:
            yield batch
        self.summary.customers, self.summary.guests = self._grouping.buyers()

    def _add(self, file: OrderFile, row: Row, other: Other | None) -> None:
        parsed = file.parser.parse(row, self.options.currency or file.preset.currency)
        if parsed is None:
            self.summary.other_events += 1
            if other is not None:
                other(file, row)
        elif parsed.order:
            self._grouping.add(parsed.order, parsed)
        elif "customer_key" in file.columns:
            self._grouping.add_person(parsed.customer_key, parsed.user)
        else:
            self._grouping.add(self._key(file, parsed, row), parsed)

    def _key(self, file: OrderFile, parsed: OrderRow, row: Row) -> str:
        """Of a row that is an order of its own and has no number: what it says, and the how manieth of its kind."""
        if "event" in file.columns:  # what somebody bought at one moment
            who = (parsed.user, parsed.email, parsed.visitor, parsed.session, parsed.ts)
            return f"row {blake2b(repr(who).encode(), digest_size=8).hexdigest()}"
        said = blake2b(
            repr((parsed.ts, *map(str, row.values))).encode("utf-8", "replace"), digest_size=8
        ).digest()
        return f"row {said.hex()} {self._grouping.times(said)}"

    def _opened(self, path: Path, table: Table, *, alone: bool) -> OrderFile:
        preset = preset_of(table.names)
        known = self._mappings.get(self.site.id, self.shape.kind, table.names)
        mapping = {**known, **_of_table(self.options.mapping, table.names)}
        columns = columns_of(
            table.names, self.shape.fields(preset), mapping, self.shape.needed if alone else ()
        )
        zone = self.options.zone or self.site.zone
        dates = {field: Dates(zone, self.options.dates) for field in DATES}
        amounts = {field: Amounts(self.site.decimal_mark) for field in AMOUNTS}
        rejects = self.options.rejects
        if rejects == Path():
            rejects = path.with_name(f"{path.name}.rejects.csv")
        return OrderFile(
            path,
            table,
            preset,
            columns,
            RowParser(self.shape, preset, columns, dates, amounts),
            Rejects(rejects, table.names),
        )

    def _check_mapping(self, tables: Sequence[Table]) -> None:
        names = [name for table in tables for name in table.names]
        missing = [column for column in self.options.mapping if plain(column) not in map(plain, names)]
        if missing:
            raise FileInvalid(f"there is no column {missing[0]!r}; there are: {', '.join(names)}")

    def _check_needed(self) -> None:
        have = {field for file in self.files for field in file.columns}
        for said, ways in self.shape.needed:
            if not have.intersection(ways):
                raise FileInvalid(f"none of the files has {said}; say which it is: --map COLUMN={ways[0]}")


def _of_table(mapping: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    have = {plain(name) for name in names}
    return {column: field for column, field in mapping.items() if plain(column) in have}
