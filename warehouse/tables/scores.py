"""The table ``scores``: what every customer of a site scored, a snapshot a day, kept daily and later weekly."""

from collections.abc import Sequence
from datetime import date, timedelta

import pyarrow as pa

from warehouse.tables.files import Folder, LiveFile
from warehouse.tables.table import Table

DAILY = timedelta(days=35)
"""How long each day is kept. Of older ones the first of each week stays."""


def record(table: Table, site: str, day: date, rows: pa.Table) -> bool:
    """Append a snapshot (columns of SCORES, all of one site, day and ``ts``), or replace that of an earlier run of the
    day. False where the day has one as new. Of runs at the same time one writes: the commit is the version after the
    one that shows no other, or none. Raises what ``Table.append`` does; then try again.
    """
    table.create()
    table.widen(rows.schema)
    if not len(rows):
        return False
    new = Folder(table.uri, table.storage_options).write(rows, day)
    while True:
        version, files = table.files()
        standing = [file for file in files if file.day == day and file.site == site]
        if standing and rows["ts"][0].as_py() <= max(file.last or 0 for file in standing):
            return False
        if table.swap(standing, [new], version):
            return True


def surplus(files: Sequence[LiveFile], today: date) -> list[LiveFile]:
    """The snapshots that are older than DAILY and not the first of their site's week."""
    weeks: set[tuple[str, int, int]] = set()
    found = []
    for file in sorted(files, key=lambda file: (file.site, file.day or today)):
        if not file.day or file.day >= today - DAILY:
            continue
        week = (file.site, *file.day.isocalendar()[:2])
        if week in weeks:
            found.append(file)
        weeks.add(week)
    return found
