"""A file that is imported, opened: its table, which column is which field, and where refused rows go."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from pathlib import Path
from typing import Any, NamedTuple

from ingest.files.columns import Names, Needed, columns_of
from ingest.files.dates import Dates
from ingest.files.mappings import Mappings
from ingest.files.rejects import Rejects
from ingest.files.rows import Row, cell_text
from ingest.files.table import Reading, Table, open_table
from tracker.sites import Site


class FileOptions(NamedTuple):
    """``mapping``: column → field. Of "" and None, what the file shows and the site says is taken. ``rejects``: where
    refused rows go; by default beside the file, ``FILE.rejects.csv``; None: nowhere."""

    mapping: Mapping[str, str] = {}
    reading: Reading = Reading()
    zone: tzinfo | None = None
    dates: str = ""
    rejects: Path | None = Path()


class RowUnusable(Exception):
    """The row cannot be used; the message is the reason, with the value behind a colon."""


class OpenFile:
    """``columns`` by field. ``rows`` gives each row that is whole, as a mapping; the others are refused. Raises
    FileInvalid for what cannot be read, or whose columns are not known."""

    def __init__(
        self,
        path: Path,
        table: Table,
        site: Site,
        columns: Mapping[str, int],
        options: FileOptions,
        dated: Sequence[str],
    ) -> None:
        self.path, self.table, self.site, self.columns = path, table, site, columns
        zone = options.zone or site.zone
        self._dates = {field: Dates(zone, options.dates) for field in dated if field in columns}
        rejects = options.rejects
        if rejects == Path():
            rejects = path.with_name(f"{path.name}.rejects.csv")
        self.rejects = Rejects(rejects, table.names)

    def observed(self) -> Iterator[Row]:
        """All rows, read for how their dates are written: to be exhausted before ``rows``."""
        for row in self.table.rows():
            if not row.fault:
                for field, dates in self._dates.items():
                    dates.observe(row.values[self.columns[field]])
            yield row
        for field, dates in self._dates.items():
            dates.settle(self.table.names[self.columns[field]])

    def value(self, row: Row, field: str) -> Any:
        at = self.columns.get(field)
        return None if at is None else row.values[at]

    def text(self, row: Row, field: str) -> str:
        return cell_text(self.value(row, field))

    def moment(self, row: Row, field: str) -> int | None:
        """In ms; None where nothing is said. Raises RowUnusable."""
        dates = self._dates.get(field)
        if dates is None or self.text(row, field) in ("", "0000-00-00", "0000-00-00 00:00:00"):
            return None
        try:
            return dates.milliseconds(self.value(row, field))
        except ValueError as error:
            raise RowUnusable(f"unreadable {field.replace('_', ' ')}: {error}") from error


class FileKind(NamedTuple):
    """What is imported: the kind's name, its fields, which of them are needed, and which are times."""

    name: str
    fields: Names
    needed: Sequence[Needed]
    dated: Sequence[str]


def open_file(path: Path, kind: FileKind, site: Site, options: FileOptions, mappings: Mappings) -> OpenFile:
    """Raises FileInvalid."""
    table = open_table(path, options.reading)
    mapping = {**mappings.get(site.id, kind.name, table.names), **options.mapping}
    columns = columns_of(table.names, kind.fields, mapping, kind.needed)
    return OpenFile(path, table, site, columns, options, kind.dated)


def remember(file: OpenFile, kind: FileKind, options: FileOptions, mappings: Mappings) -> None:
    """Keep the mapping for files with this header. Raises OSError."""
    if options.mapping:
        mappings.put(file.site.id, kind.name, file.table.names, options.mapping)
