"""Brings a file of customers into the event log: what the warehouse does not know yet, and no erased person."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ingest.contact_files.customer import (
    Customer,
    consent_event,
    customer_of,
    identify_event,
    user_of,
)
from ingest.contact_files.fields import CUSTOMER_FIELDS, CUSTOMER_NEEDED
from ingest.contact_files.sources import ImportStores, erased_at
from ingest.contact_files.summary import ContactSummary
from ingest.files.import_file import FileKind, OpenFile, RowUnusable
from profiles.store.person import people_by_id
from tracker.event import Event
from warehouse.question.scope import Scope

CUSTOMERS = FileKind("contacts", CUSTOMER_FIELDS, CUSTOMER_NEEDED, ("created",))
BATCH = 2_000

_TOLD = """
select "user", type, arg_max(props ->> '$.import', received) as said, count(distinct id) as times
from events where type in ('identify', 'consent') and "user" in (select unnest($users::varchar[]))
and props ->> '$.import' is not null group by 1, 2
"""


class _Told(NamedTuple):
    """What files said of a customer last, and how often they said something else."""

    said: str = ""
    times: int = 0


def read_customers(file: OpenFile, summary: ContactSummary) -> Iterator[list[Customer]]:
    """The customers of a file, in batches; of several rows of one, a later one goes before."""
    times: Counter[str] = Counter()
    for row in file.observed():
        summary.rows += 1
        if not row.fault:
            times[user_of(file, row)] += 1
    summary.customers = len(times.keys() - {""})
    several: dict[str, Customer] = {}
    batch: list[Customer] = []
    for row in file.table.rows():
        try:
            customer = customer_of(file, row)
        except RowUnusable as error:
            file.rejects.add(row, str(error))
            continue
        if times[customer.user] > 1:
            earlier = several.get(customer.user)
            several[customer.user] = customer.with_earlier(earlier) if earlier else customer
            continue
        batch.append(customer)
        if len(batch) >= BATCH:
            yield _counted(batch, summary)
            batch = []
    batch += several.values()
    for start in range(0, len(batch), BATCH):
        yield _counted(batch[start : start + BATCH], summary)


def import_customers(file: OpenFile, stores: ImportStores, summary: ContactSummary) -> None:
    """Raises FileInvalid, WarehouseUnavailable, ProfilesUnavailable, and what ``append`` raises."""
    for batch in read_customers(file, summary):
        wanted = _not_erased(file.site.id, batch, stores, summary)
        told = _told(file.site.id, wanted, stores)
        agreeing = [f"u:{each.user}" for each in wanted if any(each.channels.values())]
        people = people_by_id(stores.profiles, file.site.id, agreeing)
        refusing = {name for name, one in people.items() if one.consent.get("marketing") is False}
        events: list[Event] = []
        for customer in wanted:
            new = _missing(file.site.id, customer, told, stores.now)
            if f"u:{customer.user}" in refusing and any(each.type == "consent" for each in new):
                # They refused here, perhaps after the file was written: an import never turns that around.
                new = [each for each in new if each.type != "consent"]
                summary.refusals_kept += 1
            summary.unchanged += not new
            events += new
        summary.events.update(each.type for each in events)
        if events:
            stores.append(events)


def _counted(batch: Sequence[Customer], summary: ContactSummary) -> list[Customer]:
    for customer in batch:
        if customer.channels:
            agrees = any(customer.channels.values())
            summary.granted += agrees
            summary.refused += not agrees
    return list(batch)


def _not_erased(
    site: str, batch: Sequence[Customer], stores: ImportStores, summary: ContactSummary
) -> list[Customer]:
    """Without who was erased, unless they signed up anew since."""
    names = {each.user: (each.user, str(each.traits.get("email", ""))) for each in batch}
    erased = erased_at(stores, site, list(names.values()))
    kept = [each for each in batch if (each.created or 0) > erased.get(names[each.user], -1)]
    summary.erased += len(batch) - len(kept)
    return kept


def _told(site: str, batch: Sequence[Customer], stores: ImportStores) -> dict[tuple[str, str], _Told]:
    params = {"users": [each.user for each in batch]}
    rows = stores.warehouse.rows(_TOLD, Scope(site, bots=True), params) if batch else []
    return {(row["user"], row["type"]): _Told(row["said"], row["times"]) for row in rows}


def _missing(site: str, customer: Customer, told: dict[tuple[str, str], _Told], now: int) -> list[Event]:
    events = []
    known = told.get((customer.user, "identify"), _Told())
    if customer.said != known.said:
        events.append(identify_event(site, customer, known.times, now))
    known = told.get((customer.user, "consent"), _Told())
    if customer.consent_said and customer.consent_said != known.said:
        events.append(consent_event(site, customer, known.times, now))
    return events
