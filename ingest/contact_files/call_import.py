"""Brings a file of calls into the event log: what the warehouse does not know yet, and no erased person's."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from ingest.contact_files.contact import Contact, contact_event
from ingest.contact_files.customer import user_of
from ingest.contact_files.fields import CALL_FIELDS, CALL_NEEDED
from ingest.contact_files.sources import ImportStores, erased_at
from ingest.contact_files.summary import ContactSummary
from ingest.contact_files.words import WordUnknown, direction, seconds
from ingest.files.import_file import FileKind, OpenFile, RowUnusable
from ingest.files.rows import Row, cell_id
from tracker.values import text
from warehouse.feeds.stored_ids import stored_ids

CALLS = FileKind("calls", CALL_FIELDS, CALL_NEEDED, ("time",))
BATCH = 5_000
_TEXTS = ("agent", "topic", "outcome", "note")


class Call(NamedTuple):
    """A contact with ``user`` at ``ts`` (ms), the ``nth`` of those that say the same."""

    user: str
    email: str
    ts: int
    contact: Contact
    nth: int = 0


def read_calls(file: OpenFile, summary: ContactSummary) -> Iterator[list[Call]]:
    """The calls of a file, in batches."""
    for _ in file.observed():
        summary.rows += 1
    users: set[str] = set()
    alike: Counter[int] = Counter()
    batch: list[Call] = []
    for row in file.table.rows():
        try:
            call = _call(file, row)
        except RowUnusable as error:
            file.rejects.add(row, str(error))
            continue
        same = hash((call.user, call.ts, msgspec.structs.astuple(call.contact)))
        batch.append(call._replace(nth=alike[same]))
        alike[same] += 1
        users.add(call.user)
        summary.outcomes[call.contact.outcome] += 1
        if len(batch) >= BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
    summary.customers = len(users)


def import_calls(file: OpenFile, stores: ImportStores, summary: ContactSummary) -> None:
    """Raises FileInvalid, WarehouseUnavailable, ProfilesUnavailable, and what ``append`` raises."""
    site = file.site.id
    for batch in read_calls(file, summary):
        erased = erased_at(stores, site, [(call.user, call.email) for call in batch])
        wanted = [call for call in batch if call.ts > erased.get((call.user, call.email), -1)]
        summary.erased += len(batch) - len(wanted)
        events = {
            one.id: one
            for call in wanted
            for one in [
                contact_event(site, call.user, call.contact, call.ts, stores.now, call.nth, backfill=True)
            ]
        }
        times = [each.ts for each in events.values()] or [0]
        known = stored_ids(stores.warehouse, site, list(events), min(times), max(times) + 1)
        new = [each for each in events.values() if each.id not in known]
        summary.unchanged += len(wanted) - len(new)
        summary.events.update(each.name for each in new)
        if new:
            stores.append(new)


def _call(file: OpenFile, row: Row) -> Call:
    if row.fault:
        raise RowUnusable(row.fault)
    user, ts = user_of(file, row), file.moment(row, "time")
    if not user:
        raise RowUnusable("no customer id and no e-mail")
    if ts is None:
        raise RowUnusable("no time")
    try:
        way, length = direction(file.value(row, "direction")), seconds(file.value(row, "duration"))
    except WordUnknown as error:
        raise RowUnusable(str(error)) from error
    said = {field: text(file.text(row, field)) for field in _TEXTS}
    kind = text(file.text(row, "kind")) or "call"
    contact = Contact(kind, cell_id(file.value(row, "id")), way, length, **said)
    return Call(user, file.text(row, "email").lower(), ts, contact)
