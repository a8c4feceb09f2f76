"""The profile store in memory, for tests and for rebuilding profiles. It copies what enters and leaves."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count

from profiles.encoding import codec
from profiles.ids import order_id, user_id, visitor_id
from profiles.model import Profile
from profiles.orders.shared import SharedOrder, without
from profiles.sansio import Steps, run_sync
from profiles.store.person import person_of
from profiles.store.port import ABSENT, LONGEST_CHAIN, NOTHING, Alias, Stored, Write


class MemoryProfiles:
    """Profiles of one process. They never expire, and end with the process."""

    def __init__(self) -> None:
        self._stored: dict[tuple[str, str], tuple[bytes, bytes | Alias | SharedOrder]] = {}
        self._versions = count(1)

    def find(self, site: str, visitor: str | None = None, user: str | None = None) -> Profile | None:
        ids = [user_id(user)] if user else []
        ids += [visitor_id(visitor)] if visitor else []
        found = next((stored.profile for i in ids if (stored := self._root(site, i)).profile), None)
        return found and self._person(site, found)

    def finding(
        self, site: str, visitor: str | None = None, user: str | None = None
    ) -> Steps[Profile | None]:
        yield from ()
        return self.find(site, visitor, user)

    def load(self, site: str, ids: Iterable[str], known: Mapping[str, Stored] = NOTHING) -> dict[str, Stored]:
        found: dict[str, Stored] = {}
        for wanted in ids:
            profile_id: str | None = wanted
            while profile_id is not None and profile_id not in found:
                stored = known.get(profile_id)
                if stored is None or self._stored.get((site, profile_id), (ABSENT,))[0] != stored.version:
                    stored = self._read(site, profile_id)
                found[profile_id] = stored
                profile_id = found[profile_id].target
        return found

    def save(self, site: str, writes: Sequence[Write]) -> dict[str, bytes]:
        saved = {}
        for write in writes:
            if self._stored.get((site, write.id), (ABSENT, b""))[0] == write.version:
                version = next(self._versions).to_bytes(8, "big")
                value = codec.encode(write.value) if isinstance(write.value, Profile) else write.value
                self._stored[site, write.id] = (version, value)
                saved[write.id] = version
        return saved

    def update(self, site: str, profile_id: str, change: Callable[[Profile], Profile]) -> Profile | None:
        stored = self._root(site, profile_id)
        if stored.profile is None:
            return None
        changed = change(stored.profile)
        self.save(site, [Write(changed.id, stored.version, changed)])
        return changed

    def touch(self, site: str, ids: Iterable[str]) -> None:
        """Nothing expires here."""

    def erase(self, site: str, profile_id: str) -> list[str]:
        root = self._root(site, profile_id).profile
        ids = {profile_id} if root is None else {root.id, profile_id, *map(visitor_id, root.visitors)}
        target = root.id if root else None
        removed = [
            name
            for name in ids
            if (stored := self._read(site, name)).version and (stored.profile or stored.target == target)
        ]
        for name in removed:
            del self._stored[site, name]
        for name in [order_id(key) for key in root.orders] if root else ():
            if (shared := self._read(site, name).shared) and not (left := without(shared, ids)):
                del self._stored[site, name]
            elif shared and left and left != shared:
                self.save(site, [Write(name, self._read(site, name).version, left)])
        return removed

    def scan(self, site: str) -> Iterator[Profile]:
        for at, name in list(self._stored):
            if at == site and (profile := self._read(site, name).profile):
                person = self._person(site, profile)
                if person.id == profile.id:
                    yield person

    def people(self, site: str) -> Iterator[Profile]:
        return (profile for profile in self.scan(site) if not profile.feeds_customer)

    def count(self, site: str) -> int:
        return sum(1 for _ in self.people(site))

    def entries(self, site: str) -> dict[str, Profile | Alias | SharedOrder]:
        """Everything that is stored under the site's ids."""
        found = ((name, self._read(site, name).value) for at, name in self._stored if at == site)
        return {name: value for name, value in found if value is not None}

    def _person(self, site: str, profile: Profile) -> Profile:
        return run_sync(person_of(lambda ids: self._loading(site, ids), profile))

    def _loading(self, site: str, ids: Iterable[str]) -> Steps[dict[str, Stored]]:
        yield from ()
        return self.load(site, ids)

    def _read(self, site: str, profile_id: str) -> Stored:
        version, value = self._stored.get((site, profile_id), (ABSENT, b""))
        if not version:
            return Stored()
        return Stored(version, codec.decode(value) if isinstance(value, bytes) else value)

    def _root(self, site: str, profile_id: str) -> Stored:
        stored = self._read(site, profile_id)
        for _ in range(LONGEST_CHAIN):
            if stored.target is None:
                break
            stored = self._read(site, stored.target)
        return stored
