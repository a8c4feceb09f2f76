"""The costs in a file: each row a day of a campaign, or of a part of one; rows of the same campaign are added up."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec

from ingest.cost_files.fields import DATED, NEEDED, fields_of
from ingest.cost_files.presets import CostPreset, channel_name, channel_of, channel_of_type, preset_of
from ingest.files.amounts import Amounts
from ingest.files.columns import columns_of, plain
from ingest.files.import_file import FileOptions, OpenFile, RowUnusable
from ingest.files.mappings import Mappings
from ingest.files.rows import FileInvalid, Row, cell_text
from ingest.files.table import open_table
from tracker.currencies import iso_code
from tracker.money import UNIT
from tracker.sites import Site
from tracker.values import text
from warehouse.attribution.cost import Cost

KIND = "costs"
MICROS = Decimal(1_000_000)
NAME = 200
"""Characters of a source, campaign or channel."""
_TOTAL = re.compile(
    r"\A(?:total|totals|grand total|합계|총계|전체|소계|gesamt|summe|合計|©)(?:\W|\Z)", re.IGNORECASE
)
_NOTHING = ("", "-", "--", " --")


class CostOptions(NamedTuple):
    """What somebody said of a whole file; "" is what the file or its preset says."""

    file: FileOptions = FileOptions()
    source: str = ""
    channel: str = ""
    currency: str = ""


class CostSummary(msgspec.Struct):
    """``totals``: rows that sum up others. ``sums``: money by currency."""

    rows: int = 0
    totals: int = 0
    costs: int = 0
    first: date | None = None
    last: date | None = None
    sums: dict[str, Decimal] = {}


class CostFile:
    """Raises FileInvalid for what cannot be read, or does not say when, how much, or to whom."""

    def __init__(self, path: Path, site: Site, options: CostOptions, mappings: Mappings) -> None:
        self.site, self.options, self.summary = site, options, CostSummary(sums={})
        table = open_table(path, options.file.reading)
        self._mappings = mappings
        self.preset: CostPreset = preset_of(table.names)
        fields, self._named = fields_of(table.names)
        mapping = {**mappings.get(site.id, KIND, table.names), **options.file.mapping}
        columns = columns_of(table.names, fields, mapping, NEEDED)
        if not (
            options.source or options.channel or self.preset.source or {"source", "channel"} & columns.keys()
        ):
            raise FileInvalid(
                f"{path.name}: who was paid? Say --source google, or which column it is: --map COLUMN=source"
            )
        self.open = OpenFile(path, table, site, columns, options.file, DATED)
        self._amounts = Amounts(site.decimal_mark)
        self._zone = options.file.zone or site.zone

    def remember(self) -> None:
        """Keep the mapping for files with this header. Raises OSError."""
        if self.options.file.mapping:
            self._mappings.put(self.site.id, KIND, self.open.table.names, self.options.file.mapping)

    def costs(self) -> Iterator[Cost]:
        """The cost of each row; rows that cannot be used are refused."""
        for row in self.open.observed():
            if not row.fault:
                self._amounts.observe(self.open.value(row, "amount"))
        for row in self.open.table.rows():
            self.summary.rows += 1
            if self._total(row):
                self.summary.totals += 1
                continue
            try:
                if row.fault:
                    raise RowUnusable(row.fault)
                cost = self._cost(row)
            except RowUnusable as error:
                self.open.rejects.add(row, str(error))
                continue
            self._count(cost)
            yield cost

    def _count(self, cost: Cost) -> None:
        told = self.summary
        told.costs += 1
        told.first = min(told.first or cost.day, cost.day)
        told.last = max(told.last or cost.day, cost.day)
        told.sums[cost.currency] = told.sums.get(cost.currency, Decimal(0)) + cost.amount

    def _total(self, row: Row) -> bool:
        """Whether the row sums up others, as exports end with, or Meta's begin with: one without a campaign."""
        if any(_TOTAL.match(cell_text(value)) for value in row.values[:2]):
            return True
        if row.fault or not self.preset.name:
            return False
        return "campaign" in self.open.columns and self.open.text(row, "campaign") in _NOTHING

    def _cost(self, row: Row) -> Cost:
        amount, named = self._amount(row)
        source = self._name(row, "source") or self.options.source or self.preset.source
        return Cost(
            day=self._day(row),
            source=source,
            campaign=self._name(row, "campaign"),
            channel=self._channel(row, source),
            currency=self._currency(row) or named or self._usual_currency(),
            amount=amount,
            clicks=self._count_of(row, "clicks"),
            impressions=self._count_of(row, "impressions"),
        )

    def _day(self, row: Row) -> date:
        begin, end = self.open.moment(row, "day"), self.open.moment(row, "last_day")
        if begin is None:
            raise RowUnusable("no day")
        first = datetime.fromtimestamp(begin / 1000, self._zone).date()
        if end is not None and datetime.fromtimestamp(end / 1000, self._zone).date() != first:
            raise RowUnusable("a row of several days; export the costs by day")
        return first

    def _amount(self, row: Row) -> tuple[Decimal, str]:
        field = "amount" if "amount" in self.open.columns else "micros"
        told = self.open.text(row, field)
        if told in _NOTHING:
            return Decimal(0), ""
        if field == "micros":
            if not (told.isascii() and told.isdigit() and len(told) < 19):
                raise RowUnusable(f"unreadable cost: {told[:60]!r}")
            return (Decimal(told) / MICROS).quantize(UNIT), ""
        read = self._amounts.read(self.open.value(row, field), self._currency(row) or self._usual_currency())
        if read.amount is None:
            raise RowUnusable(f"unreadable cost: {told[:60]!r} ({read.reason})")
        return read.amount, read.currency

    def _currency(self, row: Row) -> str:
        told = self.open.text(row, "currency")
        if told and not iso_code(told):
            raise RowUnusable(f"unknown currency: {told[:40]!r}")
        return iso_code(told)

    def _usual_currency(self) -> str:
        return self.options.currency or self._named or self.preset.currency or self.site.currency

    def _channel(self, row: Row, source: str) -> str:
        if told := self._name(row, "channel") or self.options.channel:
            return channel_name(told)
        medium = self._name(row, "medium")
        usual = "" if medium else channel_of_type(self._name(row, "type")) or self.preset.channel
        return channel_of(self.site, source, medium, self._name(row, "campaign"), usual)

    def _name(self, row: Row, field: str) -> str:
        told = text(self.open.text(row, field)).strip()[:NAME]
        return "" if told in _NOTHING else told

    def _count_of(self, row: Row, field: str) -> int:
        """A count; 0 for what is none."""
        digits = plain(self.open.text(row, field))
        return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 13 else 0
