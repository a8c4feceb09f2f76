"""A file of items as changes of the catalogue: a feed in XML, or a table with columns that are known or named."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ingest.files.amounts import Amounts
from ingest.files.columns import Needed, columns_of, plain
from ingest.files.dates import Dates
from ingest.files.mappings import Mappings
from ingest.files.rows import FileInvalid, Row, cell_text
from ingest.files.source import opened
from ingest.files.table import Reading, Table, open_table
from recommender.catalogue.item import ItemInvalid
from recommender.feeds.document import FeedChange, FeedRules, change_of
from recommender.feeds.exports import ExportRecords
from recommender.feeds.presets import FEED, SHOPIFY, preset_of
from recommender.feeds.xml_records import FeedBroken, is_xml, records
from tracker.sites import Site

KIND = "items"
NEEDED = (Needed("a column with the item's id", ("id", "sku")),)
_DATES = ("created_at", "sale_from", "sale_until")
_AMOUNTS = ("price", "sale_price", "compare_price")
_SALE: Mapping[str, Any] = {"sale_price": None, "sale_dates": None}
"""What a record of a feed in XML says by silence: there is no sale."""


class ItemOptions(NamedTuple):
    """``mapping``: column → field. Of "" and None, what the file shows and the site says is taken. ``feed``: the name
    of the feed that the file is a reading of, if it is one."""

    mapping: Mapping[str, str] = {}
    reading: Reading = Reading()
    zone: tzinfo | None = None
    dates: str = ""
    feed: str = ""


class ItemRow(NamedTuple):
    """A row with the change that it makes, or the reason why it makes none; ``id`` as far as it names an item."""

    row: Row
    change: FeedChange | None
    reason: str = ""
    id: str = ""


class ItemFile:
    """``format`` is for people, ``whole`` whether such files hold all that the shop sells. Raises FileInvalid."""

    def __init__(self, path: Path, site: Site, options: ItemOptions, mappings: Mappings) -> None:
        self._path, self._site, self._options, self._mappings = path, site, options, mappings
        with opened(path) as file:
            self._xml = is_xml(file.read(256))
        self._table: Table | None = None if self._xml else open_table(path, options.reading)
        self.names = list(self._table.names) if self._table else ["record"]
        self._preset = FEED if self._table is None else preset_of([plain(name) for name in self.names])
        self.whole = self._preset.whole
        self.columns: dict[str, int] = {}
        if self._table:
            said = options.mapping or mappings.get(site.id, KIND, self.names)
            needed = NEEDED if self._preset is not SHOPIFY else ()
            self.columns = columns_of(self.names, self._preset.fields, said, needed)
        shown = self._table.format if self._table else "XML"
        self.format = f"{self._preset.name}, {shown}" if self._preset.name else shown

    def remember(self) -> None:
        """Keep the mapping for files with this header. Raises OSError."""
        if self._options.mapping and self._table:
            self._mappings.put(self._site.id, KIND, self.names, self._options.mapping)

    def left_out(self) -> list[str]:
        """The columns that are no field."""
        used = set(self.columns.values())
        return [name for at, name in enumerate(self.names) if at not in used and name] if self._table else []

    def rows(self) -> Iterator[ItemRow]:
        """Every record, in the file's order. Raises FileInvalid where the file breaks off; what came before stands."""
        return self._table_rows(self._table) if self._table else self._records()

    def _rules(self, mark: Any) -> FeedRules:
        zone = self._options.zone or self._site.zone
        return FeedRules(self._options.feed, self._site.currency, zone, mark)

    def _records(self) -> Iterator[ItemRow]:
        rules, fields = self._rules("."), _by_name()
        try:
            with opened(self._path) as file:
                for at, record in enumerate(records(file, self._options.reading.encoding)):
                    row = Row(record.line, (msgspec.json.encode(record.cells).decode(),), record.fault)
                    cells = dict(_renamed(record.cells, fields))
                    yield _item_row(row, {**_SALE, **cells}, rules, at)
        except FeedBroken as error:
            raise FileInvalid(f"{self._path.name}: {error}") from error

    def _table_rows(self, table: Table) -> Iterator[ItemRow]:
        dates, mark = self._observed(table)
        rules, export = self._rules(mark), ExportRecords(self._preset)
        for at, row in enumerate(table.rows()):
            completed: Mapping[str, Any] | None = {}
            if not row.fault:
                cells: dict[str, Any] = {field: row.values[column] for field, column in self.columns.items()}
                cells.setdefault("currency", self._preset.currency)
                if "id" not in cells and self._preset is not SHOPIFY:
                    cells["id"] = cells.get("sku")
                completed = export.completed(cells)
            if completed is None:
                continue
            try:
                yield _item_row(row, {**completed, **_iso(completed, dates)}, rules, at)
            except ValueError as error:
                yield ItemRow(row, None, f"time: {error}", cell_text(completed.get("id")))

    def _observed(self, table: Table) -> tuple[dict[str, Dates], Any]:
        """How the columns of times are written, and the decimal mark of the amounts."""
        zone = self._options.zone or self._site.zone
        dates = {name: Dates(zone, self._options.dates) for name in _DATES if name in self.columns}
        amounts = Amounts("." if self._preset is FEED else self._site.decimal_mark)
        priced = [self.columns[name] for name in _AMOUNTS if name in self.columns]
        for row in table.rows():
            if not row.fault:
                for name, each in dates.items():
                    each.observe(row.values[self.columns[name]])
                for column in priced:
                    amounts.observe(row.values[column])
        for name, each in dates.items():
            each.settle(self.names[self.columns[name]])
        return dates, amounts.mark


def _item_row(row: Row, cells: Mapping[str, Any], rules: FeedRules, at: int) -> ItemRow:
    named = cell_text(cells.get("id"))
    if row.fault:
        return ItemRow(row, None, row.fault, named)
    try:
        return ItemRow(row, change_of(cells, rules, at), "", named)
    except ItemInvalid as error:
        return ItemRow(row, None, f"{error.field.lstrip('.') or 'item'} {error.message}", named)


def _iso(cells: Mapping[str, Any], dates: Mapping[str, Dates]) -> dict[str, str]:
    """The times that are not in ISO 8601 already. Raises ValueError."""
    found = {}
    for name, each in dates.items():
        text = cell_text(cells.get(name))
        try:
            datetime.fromisoformat(text or "2026-01-01")
        except ValueError:
            found[name] = datetime.fromtimestamp(each.milliseconds(cells[name]) / 1000, UTC).isoformat()
    return found


def _by_name() -> dict[str, str]:
    """The field of each name of an element; a field's own name goes before what others are called, too."""
    found = {alias: field for field, names in FEED.fields.items() for alias in names}
    return found | {plain(field): field for field in FEED.fields}


def _renamed(cells: Mapping[str, str], fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, text in cells.items():
        if (field := fields.get(plain(name))) is not None:
            yield field, text
