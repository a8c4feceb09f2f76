"""The stored profiles and aliases that a batch works on: loaded once, changed in memory, saved onto their version."""

from collections.abc import Iterable, Sequence

from ingest.folding.events import EnrichedEvent, ids_of, shared_order_id
from ingest.folding.profile_cache import ProfileCache
from profiles.ids import is_customer, user_id
from profiles.model import Profile
from profiles.store.port import LONGEST_CHAIN, Alias, ProfileStore, Stored, Write


class Entry:
    """What is stored under one id, as the batch has changed it so far."""

    __slots__ = ("alias", "changed", "profile", "shared", "trimmed", "version")

    def __init__(self, stored: Stored) -> None:
        self.version = stored.version
        self.profile = stored.profile
        self.alias = stored.value if isinstance(stored.value, Alias) else None
        self.shared = stored.shared
        self.changed = False
        self.trimmed = False


class Entries:
    """The entries of one site, by id. ``cache`` holds the profiles that earlier batches saved: this one takes out what
    it may change, and puts in what it has saved."""

    def __init__(self, store: ProfileStore, site: str, cache: ProfileCache) -> None:
        self.store, self.site, self.cache = store, site, cache
        self._entries: dict[str, Entry] = {}

    def load(self, items: Iterable[EnrichedEvent]) -> None:
        """Load what the events name, then who else told of their orders, and the customers that those browsers feed."""
        items = list(items)
        shared = {name for item in items if (name := shared_order_id(item))}
        self._load_missing({name for item in items for name in ids_of(item.event)} | shared)
        told = [self._entries[name].shared for name in shared]
        self._load_missing({name for one in told if one for name in (*one.told, one.holder) if name})
        self._load_missing(
            {user_id(user) for entry in self._entries.values() if entry.profile for user in entry.profile.fed}
        )

    def _load_missing(self, names: set[str]) -> None:
        wanted = names - self._entries.keys()
        if not wanted:
            return
        for name, stored in self.store.load(self.site, wanted, self.cache.of(self.site)).items():
            self.cache.drop(self.site, name)
            self._entries.setdefault(name, Entry(stored))

    def entry(self, name: str) -> Entry:
        """What is stored under an id."""
        entry = self._entries.get(name)
        if entry is None:
            entry = self._entries[name] = Entry(self.store.load(self.site, [name])[name])
        return entry

    def profile(self, name: str) -> Profile:
        """The profile under an id; a new one where there is none."""
        entry = self.entry(name)
        if entry.profile is None:
            known = is_customer(name)
            entry.profile = Profile(name, user=name[2:] if known else None, proven=not known)
        return entry.profile

    def root(self, name: str) -> str:
        """The id whose profile ``name`` leads to."""
        for _ in range(LONGEST_CHAIN):
            alias = self.entry(name).alias
            if alias is None:
                return name
            name = alias.target
        raise RuntimeError(f"the aliases of {name} go in a circle")

    def exists(self, name: str) -> bool:
        """Whether anything is stored under the id, or was made in this batch."""
        entry = self.entry(name)
        return bool(entry.version) or entry.changed

    def point(self, name: str, alias: Alias) -> None:
        """Put an alias in the place of whatever is stored under the id."""
        entry = self.entry(name)
        entry.profile, entry.alias, entry.changed = None, alias, True

    def merged_into(self, name: str) -> str:
        """The profile that the events under ``name`` itself became part of."""
        alias = self.entry(name).alias
        return alias.before[-1] if alias and alias.before else self.root(name)

    def customers(self, own: Profile) -> list[str]:
        """The ids of the customers that a browser feeds."""
        return [self.root(user_id(name)) for name in own.fed]

    def others(self, profile: Profile) -> list[str]:
        """The ids of accounts next to this one in their person: whose part it is, and its own."""
        return [name for name in (profile.merged.into, *profile.parts) if name]

    def save(self) -> set[str]:
        """Save profiles first, then the browsers that feed them, then the aliases that point to them, then orders.

        Returns the ids that others changed since they were loaded: these are not saved.
        """
        changed = [(name, entry) for name, entry in self._entries.items() if entry.changed]
        stale: set[str] = set()
        profiles = [
            (Write(name, entry.version, entry.profile), entry.profile)
            for name, entry in changed
            if entry.profile
        ]
        self._write([write for write, profile in profiles if not profile.fed], stale)
        self._write(
            [
                write
                for write, profile in profiles
                if profile.fed and stale.isdisjoint(self.customers(profile))
            ],
            stale,
        )
        aliases = [
            Write(name, entry.version, entry.alias)
            for name, entry in changed
            if entry.alias and entry.alias.target not in stale
        ]
        self._write(aliases, stale)
        shared = [
            Write(name, entry.version, entry.shared)
            for name, entry in changed
            if entry.shared and stale.isdisjoint(self._reach([name]))
        ]
        self._write(shared, stale)
        return stale

    def _write(self, writes: Sequence[Write], stale: set[str]) -> None:
        saved = self.store.save(self.site, writes) if writes else {}
        for write in writes:
            entry = self._entries[write.id]
            if write.id in saved:
                entry.version, entry.changed = saved[write.id], False
            else:
                stale.add(write.id)

    def refold(self, items: Sequence[EnrichedEvent], stale: set[str]) -> list[int]:
        """Drop the stale ids and everything that was folded together with them; the indices of items to fold again."""
        groups = [self._reach([*ids_of(item.event), shared_order_id(item)]) for item in items]
        grown = True
        while grown:
            grown = False
            for group in groups:
                if not group.isdisjoint(stale) and not group <= stale:
                    stale |= group
                    grown = True
        for name in stale:
            self._entries.pop(name, None)
        return [index for index, group in enumerate(groups) if not group.isdisjoint(stale)]

    def _reach(self, names: list[str]) -> set[str]:
        """Every id whose entry an event with these ids may have read or changed."""
        reach: set[str] = set()
        while names:
            name = names.pop()
            entry = self._entries.get(name)
            if name not in reach and entry is not None:
                reach.add(name)
                if entry.alias:
                    names += [entry.alias.target, *entry.alias.before]
                if entry.profile:
                    names += map(user_id, entry.profile.fed)
                    names += self.others(entry.profile)
                if entry.shared:
                    names += [*entry.shared.told, entry.shared.holder]
        return reach

    def remember(self) -> None:
        """Put the profiles that were saved into the cache."""
        for name, entry in self._entries.items():
            if entry.profile is not None and entry.version and not entry.changed:
                self.cache.keep(self.site, name, entry.version, entry.profile)
