"""What a file shows before it is imported: its format, its columns and first rows, and which field each column is."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from ingest.contact_files.call_import import CALLS
from ingest.contact_files.customer_import import CUSTOMERS
from ingest.contact_files.fields import preset_of as contact_preset
from ingest.cost_files.fields import fields_of as cost_fields
from ingest.cost_files.presets import preset_of as cost_preset
from ingest.events_file import EVENTS
from ingest.files.columns import Names, columns_of, plain
from ingest.files.mappings import Mappings
from ingest.files.rows import FileInvalid, cell_text
from ingest.files.table import Reading, open_table
from ingest.order_files.presets import OTHER, fields_of
from ingest.order_files.presets import preset_of as order_preset
from recommender.feeds.presets import preset_of as item_preset
from web.imports.job import FileView, ImportJob, Kind

SAMPLES, CELL = 5, 60


def inspected(job: ImportJob, path: Path, mappings: Mappings) -> FileView:
    """Raises FileInvalid for what is no table. A feed in XML has no columns to show."""
    with path.open("rb") as file:
        if file.read(256).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
            return FileView("XML")
    table = open_table(path, Reading(job.options.encoding, job.options.delimiter))
    export, fields = _kind(job.kind, table.names)
    said = job.options.mapping or mappings.get(job.site, job.kind, table.names)
    try:
        columns = columns_of(table.names, fields, said)
    except FileInvalid:  # the command says it
        columns = {}
    rows = islice((row for row in table.rows() if not row.fault), SAMPLES)
    samples = [[cell_text(value)[:CELL] for value in row.values] for row in rows]
    named = {field: table.names[at] for field, at in columns.items()}
    return FileView(table.format, export, table.names, samples, named, sorted(fields))


def _kind(kind: Kind, names: list[str]) -> tuple[str, Names]:
    """The export that the file is, "" for any other, and the fields of its kind."""
    found: Mapping[Kind, tuple[str, Names]]
    if kind == "orders":
        preset = order_preset(names)
        return preset.name, fields_of(preset)
    if kind == "items":
        items = item_preset([plain(name) for name in names])
        return items.name, items.fields
    found = {
        "contacts": (contact_preset(names).name, CUSTOMERS.fields),
        "calls": ("", CALLS.fields),
        "events": ("", EVENTS.fields(OTHER)),
        "costs": (cost_preset(names).name, cost_fields(names)[0]),
    }
    return found[kind]
