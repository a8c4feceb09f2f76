"""One micro-batch: load the profiles it touches, fold its events in order, save what changed.

Exactly once rests on three facts. A profile is saved only onto the version it was loaded from, so of two
workers one has to load and fold again. It carries the position of the last message applied for each log key,
so what was applied is recognised. And a merge first writes the customer's profile, which then holds the
visitor's positions too, and only then makes the visitor's id point there: a crash between the two steps counts
nothing twice, since whoever reads the message again completes the second step.

A browser that merely claims to be a customer (``Event.proven``) stays a profile of its own, and whatever it does is
folded into both: into its own as if it had claimed nothing, into the customer's as ``fold.claim`` says. Customers are
saved before the browsers that feed them, so that a browser which says whom it feeds has been added there.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import msgspec

from ingest.folding.profile_cache import ProfileCache
from profiles.facts import Facts
from profiles.fold import fold, identity
from profiles.fold.fold import Outcome, Place, Settings
from profiles.fold.identity import LONGEST_CHAIN, user_id, visitor_id
from profiles.model import Profile
from profiles.store import Alias, ProfileStore, ProfilesUnavailable, Stored, Write
from tracker.durations import DAY_MS
from tracker.event import Event

ROUNDS = 64


NOWHERE = Place("", -1, -1)


class EnrichedEvent(msgspec.Struct, frozen=True, gc=False):
    """One event and where it stands in the log; NOWHERE if it belongs into no profile."""

    event: Event
    facts: Facts
    place: Place = NOWHERE


class Rename(NamedTuple):
    """``old`` is known as ``new`` since ``ts`` (ms); ``kind`` is profile or session."""

    kind: str
    old: str
    new: str
    ts: int


class Result(msgspec.Struct, frozen=True, gc=False):
    """What became of one event, in whose profile; or, in ``refused``, why it can never be applied."""

    outcome: Outcome
    profile: str = ""
    renames: tuple[Rename, ...] = ()
    refused: str = ""


class Entry:
    """What stands under one id during the batch."""

    __slots__ = ("alias", "changed", "profile", "trimmed", "version")

    def __init__(self, stored: Stored) -> None:
        self.version = stored.version
        self.profile = stored.profile
        self.alias = stored.value if isinstance(stored.value, Alias) else None
        self.changed = False
        self.trimmed = False


class Batch:
    """The events of one site, in log order.

    ``recent`` says of a profile whether it has events that the warehouse does not hold yet: a replay may
    still ask for its past, so that nothing of it may be forgotten. ``known`` are the profiles that the batches
    before this one saved; this one takes out what it may change and puts in what it has saved.
    """

    def __init__(
        self,
        store: ProfileStore,
        site: str,
        settings: Settings,
        recent: Callable[[str], bool],
        known: ProfileCache | None = None,
    ) -> None:
        self.store, self.site, self.settings, self.recent = store, site, settings, recent
        self.known = ProfileCache() if known is None else known
        self.slots: dict[str, Entry] = {}
        self.conflicts = 0
        self._used: set[str] = set()  # aliases that a visitor came by for the first time that day

    def run(self, items: Sequence[EnrichedEvent]) -> list[Result]:
        """What became of each item. After an exception run the items again, in a new Batch."""
        results: dict[int, Result] = {}
        pending: Sequence[int] = range(len(items))
        for _ in range(ROUNDS):
            self._load(items[index].event for index in pending)
            for index in pending:
                results[index] = self._apply(items[index])
            stale = self._save()
            if not stale:
                if self._used:
                    self.store.touch(self.site, self._used)
                self._remember()
                return [results[index] for index in range(len(items))]
            self.conflicts += len(stale)
            pending = self._again(items, stale)
        raise ProfilesUnavailable(f"others kept changing {len(pending)} events' profiles")

    def _load(self, events: Iterable[Event]) -> None:
        self._get({name for event in events for name in ids_of(event)})
        self._get(
            {user_id(user) for slot in self.slots.values() if slot.profile for user in slot.profile.fed}
        )

    def _get(self, names: set[str]) -> None:
        wanted = names - self.slots.keys()
        if not wanted:
            return
        for name, stored in self.store.load(self.site, wanted, self.known.of(self.site)).items():
            self.known.drop(self.site, name)
            self.slots.setdefault(name, Entry(stored))

    def _remember(self) -> None:
        for name, slot in self.slots.items():
            if slot.profile is not None and slot.version and not slot.changed:
                self.known.keep(self.site, name, slot.version, slot.profile)

    def _apply(self, item: EnrichedEvent) -> Result:
        event = item.event
        if event.user and not event.proven:
            return self._claim(item, self._root(user_id(event.user)))
        renames: tuple[Rename, ...] = ()
        links: list[str] = []
        previous = previous_of(event)
        if event.user:
            root = self._root(user_id(event.user))
            customer = self._profile(root)
            if fold.retried(customer, event, item.place):
                # The browser may have been handed on since: a call sent twice does not take it back.
                return self._fold(item, root)
            if not customer.proven and not fold.replayed(customer, item.place):
                identity.prove(customer)
            if previous and self._is_customer(previous):
                links.append(user_id(previous))
                refused, renames = self._rename(user_id(previous), root, item)
                if refused:
                    return Result(Outcome("applied"), root, (), refused)
            elif previous:
                links.append(visitor_id(previous))
            if event.visitor and event.visitor != previous:
                links.append(visitor_id(event.visitor))
        else:
            root = self._home(visitor_id(event.visitor or ""), event)
            if fed := self._fed(root, event):
                return self._both(item, root, fed)
            if previous and previous != event.visitor:
                links.append(visitor_id(previous))
        for name in links:
            root, more = self._link(name, root, item)
            renames += more
        return self._fold(item, root, renames, links)

    def _fold(
        self,
        item: EnrichedEvent,
        root: str,
        renames: tuple[Rename, ...] = (),
        links: Sequence[str] = (),
        claimed: bool = False,
    ) -> Result:
        event, slot, profile = item.event, self._slot(root), self._profile(root)
        if not slot.trimmed:
            slot.trimmed = True
            if not fold.replayed(profile, item.place) and not self.recent(root):
                fold.trim(profile)
        day = profile.last_seen // DAY_MS
        outcome = (fold.claim if claimed else fold.apply)(
            profile, event, item.facts, self.settings, item.place
        )
        if outcome.verdict == "replayed":
            # What was said to the warehouse the first time may have been lost: say it again.
            renames += tuple(
                Rename("profile", name, self._merged_into(name), event.received)
                for name in links
                if name != root
            )
        else:
            slot.changed = True
            if event.visitor and root[2:] != event.visitor and profile.last_seen // DAY_MS != day:
                self._used.add(visitor_id(event.visitor))
        if outcome.renamed:
            renames += tuple(Rename("session", *renamed) for renamed in outcome.renamed)
        return Result(outcome, root, renames)

    def _claim(self, item: EnrichedEvent, customer: str) -> Result:
        """An event whose sender merely says which customer this is."""
        event = item.event
        if not event.visitor:
            return self._fold(item, customer, claimed=True)
        at = self._root(visitor_id(event.visitor))
        if at == customer:  # as was proven before
            return self._fold(item, customer)
        if identity.known(at):
            if fold.retried(self._profile(customer), event, item.place):
                return self._fold(item, customer, claimed=True)
            at = self._part(visitor_id(event.visitor), at, item.place)
        own = self._profile(at)
        if fold.retried(own, event, item.place):
            return self._both(item, at, customer)
        renames: tuple[Rename, ...] = ()
        if fold.replayed(own, item.place) or self._feed(own, customer):
            # Reports count one visitor: what the browser did before is the first customer's that it claimed to be.
            first = self._root(user_id(own.fed[-1])) if own.fed else customer
            renames = (Rename("profile", at, first, event.received),)
        return self._both(item, at, customer, renames)

    def _both(self, item: EnrichedEvent, at: str, customer: str, renames: tuple[Rename, ...] = ()) -> Result:
        """An event of a browser that feeds a customer: folded into its own profile ``at``, which knows no customer,
        and into the customer's. The warehouse gets the customer's row."""
        own = msgspec.structs.replace(item, event=msgspec.structs.replace(item.event, user=None))
        mine = self._fold(own, at)
        if mine.outcome.verdict == "duplicate":
            return mine
        return self._fold(item, customer, renames, claimed=True)

    def _feed(self, own: Profile, customer: str) -> bool:
        """From now on what the browser does is added to the customer, too; and what it did, if it is nobody's yet.
        Whether that is new."""
        if own.fed and self._root(user_id(own.fed[0])) == customer:
            return False
        slot, into = self._slot(customer), self._profile(customer)
        if not own.fed and own.seen and not identity.holds(into, own):
            identity.adopt(into, own, self.settings.stages)
            slot.changed = True
        own.fed = identity.led(own.fed, customer[2:])
        return True

    def _fed(self, at: str, event: Event) -> str:
        """The customer that an event of the browser ``at`` is added to: who counted it, if one did, else the newest; ""
        for none. Who was erased since is fed no more."""
        own = self._profile(at)
        roots = {name: self._root(user_id(name)) for name in own.fed}
        if gone := [name for name, root in roots.items() if not self._exists(root)]:
            own.fed = [name for name in own.fed if name not in gone]
            self._slot(at).changed = True
        customers = [roots[name] for name in own.fed]
        if len(customers) > 1:
            for root in customers:
                if fold.counted(self._profile(root), event):
                    return root
        return customers[0] if customers else ""

    def _part(self, name: str, at: str, place: Place) -> str:
        """A browser that was proven to be the customer ``at`` now claims to be another: it is itself from here on,
        and nothing that was counted there counts again."""
        slot = self._slot(name)
        before = slot.alias.before if slot.alias else ()
        own = Profile(name, positions={place.key: (place.partition, place.position - 1)})
        own.fed = [each[2:] for each in (at, *before)]
        slot.profile, slot.alias, slot.changed = own, None, True
        return name

    def _slot(self, name: str) -> Entry:
        slot = self.slots.get(name)
        if slot is None:
            slot = self.slots[name] = Entry(self.store.load(self.site, [name])[name])
        return slot

    def _profile(self, name: str) -> Profile:
        slot = self._slot(name)
        if slot.profile is None:
            known = identity.known(name)
            slot.profile = Profile(name, user=name[2:] if known else None, proven=not known)
        return slot.profile

    def _root(self, name: str) -> str:
        """The id whose profile ``name`` leads to."""
        for _ in range(LONGEST_CHAIN):
            alias = self._slot(name).alias
            if alias is None:
                return name
            name = alias.target
        raise RuntimeError(f"the aliases of {name} go in a circle")

    def _home(self, name: str, event: Event) -> str:
        """The root of a visitor's id; for an event counted before the cookie moved on, the customer of that time."""
        alias = self._slot(name).alias
        if alias is None:
            return name
        root = self._root(name)
        for earlier in alias.before:
            profile = self._slot(earlier).profile
            if (
                profile is not None
                and fold.counted(profile, event)
                and not fold.counted(self._profile(root), event)
            ):
                return earlier
        return root

    def _link(self, name: str, root: str, item: EnrichedEvent) -> tuple[str, tuple[Rename, ...]]:
        """Make an id lead to ``root``, its own profile merged in. The root then, and what is renamed."""
        at = self._root(name)
        if at == root:
            return root, ()
        if identity.known(at) and identity.known(root):  # one cookie, two customers: the cookie moves on
            alias = self._slot(name).alias
            customers = identity.led([at, *(alias.before if alias else ())], root)
            self._point(name, Alias(root, tuple(customers[1:])))
            return root, ()
        source, into = identity.direction(at, root)
        if identity.known(into) and self._profile(source).fed:
            self._settle(source, into, item)
            return into, ()
        self._absorb(source, into)
        if name not in (source, into):
            self._point(name, Alias(into))
        return into, (Rename("profile", source, into, item.event.received),)

    def _settle(self, source: str, into: str, item: EnrichedEvent) -> None:
        """A browser that claimed before is proven to be a customer's. What it did was added to those it claimed to be:
        the customer takes over the rest, unless the message was read before, and an alias takes its place."""
        own = self._profile(source)
        roots, customer = self._customers(own), self._profile(into)
        if not fold.replayed(customer, item.place):
            identity.settle(customer, own)
            self._slot(into).changed = True
        self._point(source, Alias(into, tuple(identity.led(roots, into)[1:])))

    def _merged_into(self, name: str) -> str:
        """The profile that the events under ``name`` itself became part of."""
        alias = self._slot(name).alias
        return alias.before[-1] if alias and alias.before else self._root(name)

    def _absorb(self, source: str, into: str) -> None:
        """Merge one profile into the other, unless that was done, and leave an alias in its place."""
        profile, slot = self._slot(source).profile, self._slot(into)
        if profile is not None and not (slot.profile and identity.holds(slot.profile, profile)):
            identity.merge(self._profile(into), profile, self.settings.stages)
            slot.changed = True
        self._point(source, Alias(into))

    def _point(self, name: str, alias: Alias) -> None:
        slot = self._slot(name)
        slot.profile, slot.alias, slot.changed = None, alias, True

    def _is_customer(self, previous: str) -> bool:
        """Whether an alias call's previous id is a customer's, not a visitor's. Anybody can be a visitor of that name:
        where both are known, it is the customer's if the site told of them and never of the visitor."""
        if not self._exists(user_id(previous)):
            return False
        visitor = self._slot(visitor_id(previous))
        if not self._exists(visitor_id(previous)):
            return True
        return visitor.alias is None and self._profile(self._root(user_id(previous))).proven

    def _exists(self, name: str) -> bool:
        """Whether anything stands under the id, be it since a moment ago."""
        slot = self._slot(name)
        return bool(slot.version) or slot.changed

    def _rename(self, name: str, root: str, item: EnrichedEvent) -> tuple[str, tuple[Rename, ...]]:
        """A customer's id changes from ``name``. Why not, and what is renamed: two known customers are two people."""
        at = self._root(name)
        if at == root:
            return "", ()
        source, into = self._slot(at).profile, self._slot(root).profile
        if source is not None and into is not None and into.seen and not identity.holds(into, source):
            return f"alias of two customers that are known already: {at} and {root}", ()
        self._absorb(at, root)
        return "", (Rename("profile", at, root, item.event.received),)

    def _save(self) -> set[str]:
        """Profiles first, then the browsers that feed them, then the aliases that point to them. The ids that others
        changed since they were loaded."""
        changed = [(name, slot) for name, slot in self.slots.items() if slot.changed]
        stale: set[str] = set()
        profiles = [
            (Write(name, slot.version, slot.profile), slot.profile) for name, slot in changed if slot.profile
        ]
        self._write([write for write, profile in profiles if not profile.fed], stale)
        self._write(
            [
                write
                for write, profile in profiles
                if profile.fed and stale.isdisjoint(self._customers(profile))
            ],
            stale,
        )
        aliases = [
            Write(name, slot.version, slot.alias)
            for name, slot in changed
            if slot.alias and slot.alias.target not in stale
        ]
        self._write(aliases, stale)
        return stale

    def _customers(self, own: Profile) -> list[str]:
        return [self._root(user_id(name)) for name in own.fed]

    def _write(self, writes: Sequence[Write], stale: set[str]) -> None:
        saved = self.store.save(self.site, writes) if writes else {}
        for write in writes:
            slot = self.slots[write.id]
            if write.id in saved:
                slot.version, slot.changed = saved[write.id], False
            else:
                stale.add(write.id)

    def _again(self, items: Sequence[EnrichedEvent], stale: set[str]) -> list[int]:
        """Forget whatever hangs together with the stale ids; the items to fold again."""
        groups = [self._reach(item.event) for item in items]
        grown = True
        while grown:
            grown = False
            for group in groups:
                if not group.isdisjoint(stale) and not group <= stale:
                    stale |= group
                    grown = True
        for name in stale:
            self.slots.pop(name, None)
        return [index for index, group in enumerate(groups) if not group.isdisjoint(stale)]

    def _reach(self, event: Event) -> set[str]:
        """Every id whose slot this event may have read or changed."""
        reach: set[str] = set()
        names = list(ids_of(event))
        while names:
            name = names.pop()
            slot = self.slots.get(name)
            if name not in reach and slot is not None:
                reach.add(name)
                if slot.alias:
                    names += [slot.alias.target, *slot.alias.before]
                if slot.profile:
                    names += map(user_id, slot.profile.fed)
        return reach


def ids_of(event: Event) -> list[str]:
    """The ids that an event names."""
    ids = [visitor_id(event.visitor)] if event.visitor else []
    if event.user:
        ids.append(user_id(event.user))
    if previous := previous_of(event):
        ids += [visitor_id(previous), user_id(previous)]
    return ids


def previous_of(event: Event) -> str:
    """The id that the site's own alias call renames, Segment's previousId; "" for every other event."""
    previous = event.props.get("previousId") if event.type == "alias" and event.proven else None
    return previous if isinstance(previous, str) else ""
