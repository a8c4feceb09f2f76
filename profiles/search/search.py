"""Who is meant by what an agent types: candidates from the index, each held against its profile as it is now."""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple, Protocol

from profiles.model import Profile
from profiles.search.similar import Dictionary
from profiles.search.terms import By, Sought, sought, terms_of
from profiles.store.lookup import find
from profiles.store.person import people_by_id
from profiles.store.port import ProfileStore, ProfilesUnavailable, follow_aliases

FOUND = 50
CANDIDATES = 200
"""Profiles that one search reads, at most."""
POOL = 5_000
"""Bearers of a word among which those are looked for that have the other words, too."""
WORDS_SECONDS = 600.0
"""For so long a new name may be found only when it is written as it is: reading all words takes a second or two."""
ORDER: tuple[By, ...] = ("id", "e-mail", "phone", "order", "name", "similar name")


class Postings(Protocol):
    """The index as a search reads it. Every method raises ProfilesUnavailable."""

    def exact(self, site: str, digests: Sequence[bytes]) -> list[list[str]]:
        """For each digest the ids of profiles that may have it."""

    def words(self, site: str) -> set[str]:
        """Every word of every name."""

    def bearers(self, site: str, words: Sequence[str], most: int) -> list[list[str]]:
        """For each word the ids of profiles with it in their name, ``most`` of them at most, of any."""

    def bearing(self, site: str, words: Sequence[str], ids: Sequence[str]) -> list[list[bool]]:
        """For each word, which of ``ids`` may have it."""


class Found(NamedTuple):
    """``by``: what of the person the words agree with."""

    person: Profile
    by: By


class PersonSearch:
    """Finds people of a site. Safe from several threads."""

    def __init__(
        self, postings: Postings, store: ProfileStore, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._postings, self._store, self._clock = postings, store, clock
        self._dictionaries: dict[str, tuple[float, Dictionary]] = {}

    def search(self, site: str, text: str, most: int = FOUND) -> list[Found]:
        """People by customer or visitor id, e-mail address (or what stands before its @), telephone number (whole, or
        its last four digits), order id, or name, also its beginning or one with a typo. The surest first, and who came
        last. Raises ProfilesUnavailable."""
        wanted = sought(text)
        found: dict[str, Found] = {}
        if named := find(self._store, site, text.strip()):
            found[named.id] = Found(named, "id")
        candidates = self._candidates(site, wanted)
        for by, ids in candidates:
            for person in self._confirmed(site, by, wanted, ids):
                found.setdefault(person.id, Found(person, by))
        return sorted(found.values(), key=lambda one: (ORDER.index(one.by), -one.person.last_seen))[:most]

    def _candidates(self, site: str, wanted: Sought) -> list[tuple[By, list[str]]]:
        exact = self._postings.exact(site, [digest for _by, digest in wanted.exact])
        candidates = [
            (by, ids[:CANDIDATES]) for (by, _digest), ids in zip(wanted.exact, exact, strict=True) if ids
        ]
        if wanted.words:
            words = self._dictionary(site)
            begin = [_written(words, word) for word in wanted.words]
            named = self._bearers(site, begin)
            if not named and len(wanted.words) > 1:  # 김 민준, who wrote 김민준
                named = self._bearers(site, [_written(words, "".join(wanted.words))])
            if named:
                candidates.append(("name", named))
            elif not candidates:
                alike = [
                    [*written, *_without(word, words.similar(word))]
                    for word, written in zip(wanted.words, begin, strict=True)
                ]
                candidates.append(("similar name", self._bearers(site, alike)))
        return candidates

    def _bearers(self, site: str, choices: Sequence[Sequence[str]]) -> list[str]:
        """Ids of profiles whose name has one word of each of the choices."""
        counted = sorted(choices, key=len)
        rarest: list[str] | None = None
        for words in counted:
            ids = _merged(self._postings.bearers(site, words, POOL))
            if rarest is None or len(ids) < len(rarest):
                rarest = ids
            if len(rarest) < POOL:
                break
        held = rarest or []
        for words in choices:
            if not held:
                break
            has = self._postings.bearing(site, words, held)
            held = [name for name, row in zip(held, zip(*has, strict=True), strict=True) if any(row)]
        return held[:CANDIDATES]

    def _confirmed(self, site: str, by: By, wanted: Sought, ids: Sequence[str]) -> list[Profile]:
        """The people of those whose profile still says what the index says of them."""
        stored = self._store.load(site, ids)
        kept = []
        for name in ids:
            at = stored.get(follow_aliases(stored, name))
            if at and at.profile and (by in ("name", "similar name") or _has(at.profile, by, wanted)):
                kept.append(name)
        people = people_by_id(self._store, site, kept)
        return list({each.id: each for each in people.values() if not each.feeds_customer}.values())

    def _dictionary(self, site: str) -> Dictionary:
        """As read at most WORDS_SECONDS ago; while it is read anew by another thread, the one before."""
        until, known = self._dictionaries.get(site, (0.0, None))
        if known is None:
            return self._read(site)
        if self._clock() >= until:
            self._dictionaries[site] = (self._clock() + WORDS_SECONDS, known)
            threading.Thread(target=self._reread, args=(site,), name="names", daemon=True).start()
        return known

    def _read(self, site: str) -> Dictionary:
        words = Dictionary(self._postings.words(site))
        self._dictionaries[site] = (self._clock() + WORDS_SECONDS, words)
        return words

    def _reread(self, site: str) -> None:
        with suppress(ProfilesUnavailable):  # the next search tries again
            self._read(site)


def _has(profile: Profile, by: By, wanted: Sought) -> bool:
    exact = terms_of(profile).exact
    return any(digest in exact for kind, digest in wanted.exact if kind == by)


def _written(words: Dictionary, word: str) -> list[str]:
    """The word itself, which the dictionary may not know yet, and those that begin with it."""
    return [word, *_without(word, words.beginning(word))]


def _without(word: str, words: Iterable[str]) -> list[str]:
    return [each for each in words if each != word]


def _merged(lists: Iterable[Iterable[str]]) -> list[str]:
    return list(dict.fromkeys(name for ids in lists for name in ids))
