"""What of the profiles that are saved the search index has to hear of."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from profiles.model import Profile
from profiles.redis.person_index import PersonIndex
from profiles.search.terms import NONE, Terms, source_of, terms_of
from profiles.store.port import ABSENT, Alias, Write

REMEMBERED = 100_000
"""Profiles whose terms a process knows to be in the index: saving them again asks the index nothing."""


class Announced(NamedTuple):
    """Of ids whose terms may have changed: by what they were found, and by what they are from now on."""

    former: Mapping[str, Terms]
    wanted: Mapping[str, Terms]
    sources: Mapping[str, int]


NOTHING = Announced({}, {}, {})


class Indexing:
    """Keeps the index in step with the profiles. Before they are saved they can be found by what they become, and after
    it no more by what they were: a crash in between leaves too much, which the next change takes out."""

    def __init__(self, index: PersonIndex) -> None:
        self._index = index
        self._known: dict[tuple[str, str], int] = {}

    def announce(self, site: str, writes: Sequence[Write]) -> Announced:
        """Raises ProfilesUnavailable."""
        wanted: dict[str, Terms] = {}
        sources: dict[str, int] = {}
        for write in writes:
            if isinstance(write.value, Profile):
                source = source_of(write.value)
                if self._known.get((site, write.id)) == source:
                    continue
                terms = terms_of(write.value)
                if terms == NONE and (site, write.id) not in self._known:
                    continue  # most visitors: nobody can look for them
                wanted[write.id], sources[write.id] = terms, source
            elif isinstance(write.value, Alias) and write.version != ABSENT:
                wanted[write.id] = NONE
        return Announced(self._index.announce(site, wanted), wanted, sources) if wanted else NOTHING

    def settle(self, site: str, announced: Announced, saved: Collection[str]) -> None:
        """Raises ProfilesUnavailable."""
        done = {name: terms for name, terms in announced.former.items() if name in saved}
        if done:
            self._index.settle(site, done, announced.wanted)
        for name, source in announced.sources.items():
            if name in saved:
                self._known[site, name] = source
        while len(self._known) > REMEMBERED:
            self._known.pop(next(iter(self._known)))

    def forget(self, site: str, ids: Sequence[str]) -> None:
        for name in ids:
            self._known.pop((site, name), None)
        self._index.forget(site, ids)
