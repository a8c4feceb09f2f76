"""What an import asks and tells: the warehouse, the profiles, who was erased, and the event log."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from profiles.ids import user_id
from profiles.store.port import ProfileStore
from tracker.event import Event
from warehouse.events import Events

Forgotten = Callable[[str, Collection[str]], Mapping[str, int]]
"""Site and ids → those that were erased, and when (ms): ``profiles.erasures.RedisErased.forgotten``."""


@dataclass(frozen=True, slots=True)
class ImportStores:
    """``append`` makes events durable in the log. ``now`` in ms."""

    warehouse: Events
    profiles: ProfileStore
    forgotten: Forgotten
    append: Callable[[Sequence[Event]], None]
    now: int


def erased_at(
    stores: ImportStores, site: str, names: Collection[tuple[str, ...]]
) -> dict[tuple[str, ...], int]:
    """Of customers, each by id and e-mail, when (ms) they were erased; those who never were are left out."""
    wanted = {user_id(name) for each in names for name in each if name}
    marks = stores.forgotten(site, list(wanted))
    found = {}
    for each in names:
        at = [marks[user_id(name)] for name in each if user_id(name) in marks]
        if at:
            found[each] = max(at)
    return found
