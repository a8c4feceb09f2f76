"""Rebuilds profiles from the warehouse and replaces the live ones, while workers go on.

1. Read people's events in the order in which they were counted, and fold them into an empty store as a worker does:
   the same merges, sessions, retries and marks of erased persons.
2. Put each person in place by compare-and-set, the profile before the ids that lead to it. Whose live profile has
   counted an event that was not among those of 1 waits for the next pass: a worker still has its row in its hands.

Killed at any moment, it is run again. What no event tells is taken over: scores, which a job sets. A
profile that knows more than the warehouse, since retention took its first events, stays as it is.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice

import msgspec

from ingest.folding.batch import Batch
from ingest.folding.events import EnrichedEvent, Result, ids_of
from ingest.folding.isolation import isolated
from ingest.folding.profile_cache import ProfileCache
from ingest.rebuild.replacement import RebuiltPerson, Replacement, people_of
from ingest.rebuild.stored_events import stored_items
from profiles.erasures import Erased
from profiles.fold import claims, identity
from profiles.fold.fold import Settings
from profiles.ids import is_customer, user_id
from profiles.model import Merge, Profile
from profiles.orders.shared import SharedOrder
from profiles.store.memory import MemoryProfiles
from profiles.store.port import Alias, ProfileStore, Stored, Write, follow_aliases
from tracker.sites import Site
from warehouse.events import Events
from warehouse.question.scope import Scope

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 300_000
BATCH = 2_000
PUT_TOGETHER = 200
PASSES = 10
PAUSE_SECONDS = 3.0

# Cookies that several customers used, and orders that several told of: those people's events belong together.
_SHARED = """
select list(distinct profile) as people from events where visitor is not null and not starts_with(visitor, '~')
group by visitor having count(distinct profile) > 1
union all
select list(distinct profile) as people from events
where type = 'track' and starts_with(name, 'Order ') and coalesce("order", refund) is not null and doubtful is not true
group by "order", case when "order" is null then refund end having count(distinct profile) > 1
"""
_SLICE = "hash(coalesce($leaders[list_position($people, profile)], profile)) % $slices = $slice"
_THESE = "profile in (select unnest($these::varchar[]))"


class RebuildSummary(msgspec.Struct):
    """People: put in place anew, waiting for a worker still, and known longer than the warehouse tells."""

    written: int = 0
    waiting: int = 0
    older: int = 0


class Rebuild:
    """Rebuilds one site's profiles. Nobody unseen since ``oldest`` (ms) comes back to life.

    Raises WarehouseUnavailable and ProfilesUnavailable."""

    def __init__(
        self,
        events: Events,
        store: ProfileStore,
        erased: Erased,
        site: str,
        settings: Settings,
        oldest: int = 0,
        clock: Callable[[], float] = time.time,
        arrivals: Site | None = None,
    ) -> None:
        """``arrivals``: the site's settings, which decide how its visitors came."""
        self.arrivals = arrivals
        self.events, self.erased, self.replacement = events, erased, Replacement(store, site, oldest)
        self.site, self.settings, self.clock = site, settings, clock

    def run(self, pause: Callable[[float], None] = time.sleep) -> RebuildSummary:
        """Pass after pass, the later ones over those who wait for a worker; at most PASSES."""
        summary, waiting = RebuildSummary(), set[str]()
        for number in range(PASSES):
            if number:
                pause(PAUSE_SECONDS)
            waiting = self._pass(waiting if number else None, summary)
            if not waiting:
                break
        summary.waiting = len(waiting)
        return summary

    def _pass(self, only: Collection[str] | None, summary: RebuildSummary) -> set[str]:
        """Rebuild everybody, or ``only`` these people and who shares cookies or orders with them; who has to wait."""
        waiting: set[str] = set()
        for items in self._portions(only):
            now = int(self.clock() * 1000)
            entries = self._folded(items).entries(self.site)
            waiting |= self._put(people_of(entries), now, summary)
            self.replacement.put_orders(
                {name: one for name, one in entries.items() if isinstance(one, SharedOrder)}
            )
        return waiting

    def _portions(self, only: Collection[str] | None) -> Iterator[Iterator[tuple[str, EnrichedEvent]]]:
        """The events of some people after the other, so many that they fit into memory."""
        leaders = self._leaders()
        if only is not None:
            leading = {leaders.get(name, name) for name in only}
            these = [*only, *(name for name, leader in leaders.items() if leader in leading)]
            yield stored_items(self.events, self.site, _THESE, self.arrivals, these=these)
            return
        (row,) = self.events.rows("select count(*) as n from events", Scope(self.site, bots=True))
        slices = -(-row["n"] // ROWS_AT_ONCE)
        shared = {"people": list(leaders), "leaders": list(leaders.values())}
        for number in range(slices):
            yield stored_items(
                self.events, self.site, _SLICE, self.arrivals, slices=slices, slice=number, **shared
            )

    def _leaders(self) -> dict[str, str]:
        """Of people who share a cookie or an order, directly or by way of others, the same one of them for each."""
        leader: dict[str, str] = {}

        def find(name: str) -> str:
            while leader.setdefault(name, name) != name:
                name = leader[name]
            return name

        for row in self.events.rows(_SHARED, Scope(self.site, bots=True)):
            first, *others = row["people"]
            for other in others:
                leader[find(other)] = find(first)
        return {name: find(name) for name in leader}

    def _folded(self, items: Iterator[tuple[str, EnrichedEvent]]) -> MemoryProfiles:
        memory, cache = MemoryProfiles(), ProfileCache()
        current: dict[str, str] = {}
        merged: dict[str, str] = {}
        while pairs := list(islice(items, BATCH)):
            cutoffs = self.erased.cutoffs(self.site)
            pairs = [
                pair
                for pair in pairs
                if not cutoffs.cover(self.site, ids_of(event := pair[1].event), event.received)
            ]
            for name, result in self._results(memory, pairs, cache):
                current[result.profile] = name
                for rename in result.renames:
                    if rename.kind == "profile":
                        merged.setdefault(rename.old, rename.new)
        for name, now in current.items():
            while name in merged:
                name = merged[name]
            if name != now:
                self._merge(memory, name, now)
        return memory

    def _results(
        self, memory: MemoryProfiles, pairs: Sequence[tuple[str, EnrichedEvent]], cache: ProfileCache
    ) -> list[tuple[str, Result]]:
        """What became of the events. One that breaks the fold, which it once did not, is left out."""

        def folded(some: Sequence[tuple[str, EnrichedEvent]]) -> list[tuple[str, Result]]:
            batch = Batch(memory, self.site, self.settings, lambda _: False, cache)
            results = batch.run([item for _, item in some])
            return [(name, result) for (name, _), result in zip(some, results, strict=True)]

        def aside(pair: tuple[str, EnrichedEvent], error: Exception) -> None:
            logger.error("leaving out the event %s of %s", pair[1].event.id, self.site, exc_info=error)

        return isolated(folded, pairs, aside)

    def _merge(self, memory: MemoryProfiles, name: str, now: str) -> None:
        """Join what an event joined that retention took since: the warehouse still names the profile of today."""
        found = memory.load(self.site, [name, now])
        at, into = follow_aliases(found, name), follow_aliases(found, now)
        profile, other = found[into].profile, found[at].profile
        if at == into or other is None or (other.fed and is_customer(into)):
            return
        if is_customer(at) and is_customer(into):
            self._link(memory, found[at], into)
            return
        if profile is None:
            known = is_customer(into)
            profile = Profile(into, user=into[2:] if known else None, proven=not known)
        if is_customer(into) and not is_customer(at):
            # What proved it is gone: the browser gets nothing of the customer until they prove it again.
            identity.merge_claimed(profile, other)
            other.fed = claims.claimed_customers(other.fed, into[2:])
            left: Profile | Alias = other
        else:
            identity.merge(profile, other)
            left = Alias(into)
        memory.save(
            self.site, [Write(into, found[into].version, profile), Write(at, found[at].version, left)]
        )

    def _link(self, memory: MemoryProfiles, part: Stored, into: str) -> None:
        """Two customers who are one for the warehouse, and each has an account: they stay merged."""
        above, profile = memory.load(self.site, [into])[into], part.profile
        if profile is None or above.profile is None or profile.merged.at:
            return
        profile.merged = Merge(into, 1)
        above.profile.parts.append(profile.id)
        memory.save(
            self.site,
            [Write(profile.id, part.version, profile), Write(into, above.version, above.profile)],
        )

    def _put(self, people: Sequence[RebuiltPerson], since: int, summary: RebuildSummary) -> set[str]:
        """Put people in place of what is live; who has to wait."""
        waiting: set[str] = set()
        for start in range(0, len(people), PUT_TOGETHER):
            cutoffs = self.erased.cutoffs(self.site)  # somebody may have been erased since they were folded
            some = people[start : start + PUT_TOGETHER]
            gone = {one.profile.id for one in some if cutoffs.cover(self.site, one.ids, since)}
            fates = self.replacement.put([one for one in some if one.profile.id not in gone])
            counted = [fates.get(one.profile.id) for one in some if not one.profile.feeds_customer]
            summary.written += counted.count("written")
            summary.older += counted.count("older")
            waiting |= gone
            above = {one.profile.id: one.profile.merged.into for one in people}
            for one in some:
                if fates.get(one.profile.id) == "waiting":
                    # A browser's events stand under the customers that it feeds.
                    waiting |= {user_id(user) for user in one.profile.fed} or {one.profile.id}
                    # Those of a merged account stand under whose part it is.
                    name = one.profile.id
                    while name := above.pop(name, ""):
                        waiting.add(name)
        return waiting
