"""Brings the orders of files into the event log: what the warehouse does not know yet, and no erased person."""

from collections.abc import Callable, Collection, Mapping, Sequence

from ingest.order_files.files import OrderFiles, Other
from ingest.order_files.order import FileOrder
from ingest.order_files.stored import NOT_STORED, stored_orders
from ingest.order_files.transitions import Transitions
from profiles.ids import user_id, visitor_id
from tracker.event import Event
from warehouse.events import Events

Forgotten = Callable[[str, Collection[str]], Mapping[str, int]]
"""Site and ids → those that were erased, and when (ms): ``profiles.erasures.RedisErased.forgotten``."""
Append = Callable[[Sequence[Event]], None]


def import_orders(
    files: OrderFiles,
    warehouse: Events,
    forgotten: Forgotten,
    append: Append,
    received: int,
    other: Other | None = None,
) -> Mapping[str, int]:
    """Read the files and append the events that are missing; ``files.summary`` has counted them. Returns what the
    files say and no event can tell, by reason. ``received`` is now, in ms.

    Raises FileInvalid, WarehouseUnavailable, ProfilesUnavailable, and what ``append`` raises.
    """
    files.read(other)
    transitions = Transitions(files.site, received)
    for batch in files.orders():
        wanted = _wanted(files, batch, forgotten)
        ids = {each: order.key for order in wanted for each in transitions.ids(order)}
        known = stored_orders(warehouse, files.site.id, wanted, ids)
        events = list[Event]()
        for order in wanted:
            told = transitions.missing(order, known.get(order.key, NOT_STORED))
            files.summary.unchanged += not told
            events += told
        files.summary.events.update(event.name for event in events)
        if events:
            append(events)
    return transitions.notes


def read_only(files: OrderFiles) -> None:
    """Read and count all orders, and tell none: ``files.summary``. Raises FileInvalid."""
    files.read()
    for _ in files.orders():
        pass


def _wanted(files: OrderFiles, batch: Sequence[FileOrder], forgotten: Forgotten) -> list[FileOrder]:
    """The orders without those of people who were erased since."""
    names = {order.key: _names(order) for order in batch}
    erased = forgotten(files.site.id, list({name for each in names.values() for name in each}))
    if not erased:
        return list(batch)
    kept = [order for order in batch if all(order.ts > erased.get(name, -1) for name in names[order.key])]
    files.summary.erased += len(batch) - len(kept)
    return kept


def _names(order: FileOrder) -> list[str]:
    """By what a mark may know who has bought."""
    users = [user_id(name) for name in (order.user, order.email) if name]
    return [*users, *([visitor_id(order.visitor)] if order.visitor else [])]
