"""The search index of people, built where there is none yet, and tidied: ids whose profile expired go."""

from collections.abc import Iterator
from itertools import islice

from profiles.model import Profile
from profiles.redis.store import RedisProfiles
from profiles.search.terms import NONE, terms_of
from tracker.sites import Site

RELEASE = 1
"""Raise it when terms are made in another way: every installation then builds its index anew."""
TOGETHER = 500


def keep_index(store: RedisProfiles, site: Site) -> None:
    """Build the index where there is none, and tidy it. Raises ProfilesUnavailable."""
    build(store, site)
    tidy(store, site)


def build(store: RedisProfiles, site: Site) -> int:
    """Index every account of a site that was stored before there was an index; how many were looked at. Does nothing
    where that was done. Raises ProfilesUnavailable."""
    if store.index.built(site.id, RELEASE):
        return 0
    seen = 0
    accounts = store.accounts(site.id)
    while some := list(islice(accounts, TOGETHER)):
        wanted = {each.id: terms_of(each) for each in some}
        known = {name: terms for name, terms in wanted.items() if terms != NONE}
        store.index.settle(site.id, store.index.announce(site.id, known), known)
        seen += len(some)
    store.index.mark_built(site.id, RELEASE)
    return seen


def tidy(store: RedisProfiles, site: Site) -> int:
    """Take out ids whose profile is no more: it expired. How many. Raises ProfilesUnavailable."""
    suspects = [name for ids in store.index.ids(site.id) for name in _lost(store, site, ids)]
    gone = list(_lost(store, site, suspects))  # whoever was being saved then is there now
    store.index.forget(site.id, gone)
    store.index.tidy_words(site.id)
    return len(gone)


def _lost(store: RedisProfiles, site: Site, ids: list[str]) -> Iterator[str]:
    for first in range(0, len(ids), TOGETHER):
        some = ids[first : first + TOGETHER]
        stored = store.load(site.id, some)
        yield from (name for name in some if not isinstance(stored[name].value, Profile))
