"""The table ``scores``: what every customer of a site scored, a snapshot a day, kept daily and later weekly."""

import json
from collections.abc import Sequence
from datetime import date, timedelta

import pyarrow as pa
from deltalake import Transaction

from warehouse.tables.files import LiveFile
from warehouse.tables.table import Table

DAILY = timedelta(days=35)
"""How long each day is kept. Of older ones the first of each week stays."""


def record(table: Table, site: str, day: date, rows: pa.Table) -> bool:
    """Append a snapshot (columns of SCORES, all of one site and day). False where that day has one already.

    Two runs at a time write one: both move the site's app transaction, and Delta refuses the second commit. Raises what
    ``Table.append`` does; then try again.
    """
    table.create()
    if any(file.day == day and file.site == site for file in table.files()[1]):
        return False
    # A count, not the day: after a clock that was ahead the days go on.
    name = json.dumps(["scores", site])
    done = table.create().transaction_version(name)
    table.append(rows, [Transaction(name, (done or 0) + 1)])
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
