"""One micro-batch: load the profiles it touches, fold its events in order, save what changed.

Exactly once rests on three facts. A profile is saved only onto the version it was loaded from, so of two
workers one has to load and fold again. It carries the position of the last message applied for each log key,
so what was applied is recognised. And a merge first writes the customer's profile, which then holds the
visitor's positions too, and only then makes the visitor's id point there: a crash between the two steps counts
nothing twice, since whoever reads the message again completes the second step.

A browser that merely claims to be a customer (``Event.proven``) stays a profile of its own, and whatever it does is
folded into both: into its own as if it had claimed nothing, into the customer's as ``fold.apply_claimed`` says.
Customers are saved before the browsers that feed them, so that a browser which says whom it feeds has been added there.
"""

from collections.abc import Callable, Sequence

import msgspec

from ingest.folding.entries import Entries
from ingest.folding.events import EnrichedEvent, Rename, Result, previous_of
from ingest.folding.merges import apply_merge, tell_others
from ingest.folding.profile_cache import ProfileCache
from ingest.folding.shared_orders import SharedOrders
from profiles.consent.statement import PREFERENCES_UPDATED
from profiles.fold import claims, fold, identity, orders
from profiles.fold.fold import LogPosition, Outcome, Settings
from profiles.fold.merges import merge_call
from profiles.ids import is_customer, user_id, visitor_id
from profiles.model import Profile
from profiles.store.port import Alias, ProfileStore, ProfilesUnavailable
from tracker.durations import DAY_MS
from tracker.event import Event

ROUNDS = 64


class Batch:
    """The events of one site, in log order.

    ``recent`` says of a profile whether it has events that the warehouse does not hold yet. A replay may still need
    its past, so nothing of it is trimmed. ``cache`` holds the profiles that earlier batches saved.
    """

    def __init__(
        self,
        store: ProfileStore,
        site: str,
        settings: Settings,
        recent: Callable[[str], bool],
        cache: ProfileCache | None = None,
    ) -> None:
        self.store, self.site, self.settings, self.recent = store, site, settings, recent
        self.entries = Entries(store, site, ProfileCache() if cache is None else cache)
        self.orders = SharedOrders(self.entries, settings)
        self.conflicts = 0
        self._used: set[str] = set()  # aliases of visitors who came for the first time that day

    def run(self, items: Sequence[EnrichedEvent]) -> list[Result]:
        """Fold the items; what became of each. After an exception, run the items again in a new Batch."""
        results: dict[int, Result] = {}
        pending: Sequence[int] = range(len(items))
        for _ in range(ROUNDS):
            self.entries.load(items[index] for index in pending)
            for index in pending:
                results[index] = self._counted(items[index])
            stale = self.entries.save()
            if not stale:
                if self._used:
                    self.store.touch(self.site, self._used)
                self.entries.remember()
                return [results[index] for index in range(len(items))]
            self.conflicts += len(stale)
            pending = self.entries.refold(items, stale)
        raise ProfilesUnavailable(f"others kept changing {len(pending)} events' profiles")

    def _counted(self, item: EnrichedEvent) -> Result:
        if self.orders.forgotten(item):
            # Its profile counted the order, and has no room for it any more: it stays counted as it is.
            facts = msgspec.structs.replace(item.facts, doubtful=True)
            result = self._apply(msgspec.structs.replace(item, facts=facts))
            again = {"doubtful": item.facts.doubtful, "repeated": True, "cut": 1}
            return msgspec.structs.replace(result, outcome=msgspec.structs.replace(result.outcome, **again))
        result = self._apply(item)
        self.orders.tell(item, result.profile, result.outcome)
        return result

    def _apply(self, item: EnrichedEvent) -> Result:
        event = item.event
        if call := merge_call(event):
            return apply_merge(self.entries, item, call)
        if event.user and not event.proven:
            return self._claim(item, self.entries.root(user_id(event.user)))
        renames: tuple[Rename, ...] = ()
        links: list[str] = []
        previous = previous_of(event)
        if event.user:
            root = self.entries.root(user_id(event.user))
            customer = self.entries.profile(root)
            if fold.retried(customer, event, item.place):
                # The browser may have been handed on since: a call sent twice does not take it back.
                return self._fold(item, root)
            if not customer.proven and not fold.replayed(customer, item.place):
                claims.prove(customer)
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
            if fed := self._customer_fed(root, event):
                return self._fold_into_both(item, root, fed)
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
        event, entry, profile = item.event, self.entries.entry(root), self.entries.profile(root)
        if not entry.trimmed:
            entry.trimmed = True
            if not fold.replayed(profile, item.place) and not self.recent(root):
                fold.trim(profile)
        day = profile.last_seen // DAY_MS
        outcome = (fold.apply_claimed if claimed else fold.apply)(
            profile, event, item.facts, self.settings, item.place
        )
        if outcome.verdict == "replayed":
            # What was said to the warehouse the first time may have been lost: say it again.
            renames += tuple(
                Rename("profile", name, self.entries.merged_into(name), event.received)
                for name in links
                if name != root
            )
        else:
            entry.changed = True
            if event.visitor and root[2:] != event.visitor and profile.last_seen // DAY_MS != day:
                self._used.add(visitor_id(event.visitor))
            if not profile.alone:
                self._share(root, event, claimed)
        if outcome.renamed:
            renames += tuple(Rename("session", *renamed) for renamed in outcome.renamed)
        return Result(outcome, root, renames)

    def _share(self, root: str, event: Event, claimed: bool) -> None:
        """What an event of a merged account means for the others of the person."""
        self._used.update(self.entries.others(self.entries.profile(root)))  # they live as long as this one
        if (event.type == "consent" or event.name == PREFERENCES_UPDATED) and not claimed:
            tell_others(self.entries, root, event)

    def _claim(self, item: EnrichedEvent, customer: str) -> Result:
        """An event whose sender merely says which customer this is."""
        event = item.event
        if not event.visitor:
            return self._fold(item, customer, claimed=True)
        at = self.entries.root(visitor_id(event.visitor))
        if at == customer:  # as was proven before
            return self._fold(item, customer)
        if is_customer(at):
            if fold.retried(self.entries.profile(customer), event, item.place):
                return self._fold(item, customer, claimed=True)
            at = self._separate(visitor_id(event.visitor), at, item.place)
        own = self.entries.profile(at)
        if fold.retried(own, event, item.place):
            return self._fold_into_both(item, at, customer)
        renames: tuple[Rename, ...] = ()
        if fold.replayed(own, item.place) or self._feed(own, customer):
            # Reports count one visitor: what the browser did before is the first customer's that it claimed to be.
            first = self.entries.root(user_id(own.fed[-1])) if own.fed else customer
            renames = (Rename("profile", at, first, event.received),)
        return self._fold_into_both(item, at, customer, renames)

    def _fold_into_both(
        self, item: EnrichedEvent, at: str, customer: str, renames: tuple[Rename, ...] = ()
    ) -> Result:
        """An event of a browser that feeds a customer: folded into its own profile ``at``, which knows no customer,
        and into the customer's. The warehouse gets the customer's row."""
        own = msgspec.structs.replace(item, event=msgspec.structs.replace(item.event, user=None))
        mine = self._fold(own, at)
        if (
            mine.outcome.verdict == "duplicate"
            and not fold.brought(self.entries.profile(customer), item.event, item.place)
        ):  # a browser that was separated since may know the event by a retry: the customer has it by this message
            return mine
        return self._fold(item, customer, renames, claimed=True)

    def _feed(self, own: Profile, customer: str) -> bool:
        """From now on what the browser does is added to the customer, too; and what it did, if it is nobody's yet.
        Whether that is new."""
        if own.fed and self.entries.root(user_id(own.fed[0])) == customer:
            return False
        entry, into = self.entries.entry(customer), self.entries.profile(customer)
        if not own.fed and own.seen and not identity.already_merged(into, own):
            identity.merge_claimed(into, own)
            entry.changed = True
        own.fed = claims.claimed_customers(own.fed, customer[2:])
        return True

    def _customer_fed(self, at: str, event: Event) -> str:
        """The customer that an event of the browser ``at`` is added to: who counted it, if one did, else the newest; ""
        for none. Who was erased since is fed no more."""
        own = self.entries.profile(at)
        roots = {name: self.entries.root(user_id(name)) for name in own.fed}
        if gone := [name for name, root in roots.items() if not self.entries.exists(root)]:
            own.fed = [name for name in own.fed if name not in gone]
            self.entries.entry(at).changed = True
        customers = [roots[name] for name in own.fed]
        if len(customers) > 1:
            for root in customers:
                if fold.counted(self.entries.profile(root), event):
                    return root
        return customers[0] if customers else ""

    def _separate(self, name: str, at: str, place: LogPosition) -> str:
        """A browser that was proven to be the customer ``at`` now claims to be another: it is itself from here on,
        and nothing that was counted there counts again."""
        entry = self.entries.entry(name)
        before = entry.alias.before if entry.alias else ()
        own = Profile(name, positions={place.key: (place.partition, place.position - 1)})
        own.fed = [each[2:] for each in (at, *before)]
        entry.profile, entry.alias, entry.changed = own, None, True
        return name

    def _home(self, name: str, event: Event) -> str:
        """The root of a visitor's id; for an event counted before the cookie moved on, the customer of that time."""
        alias = self.entries.entry(name).alias
        if alias is None:
            return name
        root = self.entries.root(name)
        for earlier in alias.before:
            profile = self.entries.entry(earlier).profile
            if (
                profile is not None
                and fold.counted(profile, event)
                and not fold.counted(self.entries.profile(root), event)
            ):
                return earlier
        return root

    def _link(self, name: str, root: str, item: EnrichedEvent) -> tuple[str, tuple[Rename, ...]]:
        """Make an id lead to ``root``, its own profile merged in. The root then, and what is renamed."""
        at = self.entries.root(name)
        if at == root:
            return root, ()
        if is_customer(at) and is_customer(root):  # one cookie, two customers: the cookie moves on
            alias = self.entries.entry(name).alias
            customers = claims.claimed_customers([at, *(alias.before if alias else ())], root)
            self.entries.point(name, Alias(root, tuple(customers[1:])))
            return root, ()
        source, into = identity.direction(at, root)
        if is_customer(into) and self.entries.profile(source).fed:
            self._settle(source, into, item)
            return into, ()
        self._absorb(source, into)
        if name not in (source, into):
            self.entries.point(name, Alias(into))
        return into, (Rename("profile", source, into, item.event.received),)

    def _settle(self, source: str, into: str, item: EnrichedEvent) -> None:
        """A browser that claimed before is proven to be a customer's. What it did was added to those it claimed to be:
        the customer takes over the rest, unless the message was read before, and an alias takes its place."""
        own = self.entries.profile(source)
        roots, customer = self.entries.customers(own), self.entries.profile(into)
        if not fold.replayed(customer, item.place):
            identity.settle(customer, own)
            self.entries.entry(into).changed = True
        self.entries.point(source, Alias(into, tuple(claims.claimed_customers(roots, into)[1:])))

    def _absorb(self, source: str, into: str) -> None:
        """Merge one profile into the other, unless that was done, and leave an alias in its place."""
        profile, entry = self.entries.entry(source).profile, self.entries.entry(into)
        if profile is not None and not (entry.profile and identity.already_merged(entry.profile, profile)):
            identity.merge(self.entries.profile(into), profile)
            entry.changed = True
        elif profile is not None and entry.profile and orders.join(entry.profile, profile):
            # Read again after a crash, messages of the time before may have given the source its orders back.
            entry.changed = True
        self.entries.point(source, Alias(into))

    def _is_customer(self, previous: str) -> bool:
        """Whether an alias call's previous id is a customer's, not a visitor's. Anybody can be a visitor of that name:
        where both are known, it is the customer's if the site told of them and never of the visitor."""
        if not self.entries.exists(user_id(previous)):
            return False
        visitor = self.entries.entry(visitor_id(previous))
        if not self.entries.exists(visitor_id(previous)):
            return True
        return visitor.alias is None and self.entries.profile(self.entries.root(user_id(previous))).proven

    def _rename(self, name: str, root: str, item: EnrichedEvent) -> tuple[str, tuple[Rename, ...]]:
        """A customer's id changes from ``name``. Why not, and what is renamed: two known customers are two people."""
        at = self.entries.root(name)
        if at == root:
            return "", ()
        source, into = self.entries.entry(at).profile, self.entries.entry(root).profile
        if (
            source is not None
            and into is not None
            and into.seen
            and not identity.already_merged(into, source)
        ):
            return f"alias of two customers that are known already: {at} and {root}", ()
        part = source.merged if source is not None else None
        self._absorb(at, root)
        renames: tuple[Rename, ...] = (Rename("profile", at, root, item.event.received),)
        if part is not None and part.into:  # it stays part of the customer that it was merged into
            renames += (Rename("merge", root, self.entries.root(part.into), part.at),)
        return "", renames
