"""Orders that are told under several ids, in a batch: each counts in one profile, with all that was told of it.

Exactly once as everything else: the record of an order (``profiles.orders.shared``) is saved after the profiles that it
changes. Whoever reads a message again tells the record the same again, and completes what a crash left undone.
"""

from collections.abc import Iterator

from msgspec.structs import replace

from ingest.folding.entries import Entries
from ingest.folding.events import EnrichedEvent, shared_order_id
from profiles.fold import dedup, order_effect, orders
from profiles.fold.fold import Outcome, Settings
from profiles.ids import order_key, user_id, visitor_id
from profiles.model import Profile
from profiles.orders.order import Order, joined, net
from profiles.orders.shared import Owner, SharedOrder, holder_of, with_told
from tracker.event import Event


class SharedOrders:
    def __init__(self, entries: Entries, settings: Settings) -> None:
        self.entries, self.settings = entries, settings

    def forgotten(self, item: EnrichedEvent) -> bool:
        """Whether the event tells of an order that its profile counted, and has no room for any more."""
        name = shared_order_id(item)
        known = self.entries.entry(name).shared if name else None
        if known is None or not known.holder:
            return False
        profile = self.entries.entry(self._owner(known.holder).id).profile
        return profile is not None and order_key(name) not in profile.orders

    def tell(self, item: EnrichedEvent, profile: str, outcome: Outcome) -> None:
        """Add what an event of ``profile`` tells to the record of its order, and settle whose it is."""
        name = shared_order_id(item)
        if not name or outcome.doubtful or outcome.verdict == "duplicate":
            return
        entry = self.entries.entry(name)
        known = entry.shared or SharedOrder()
        stamp = dedup.stamp(item.place.partition, item.place.position)
        told, tellers = known, self._tellers(item.event, profile)
        for root, claimed in tellers.items():
            new = orders.transition(item.event, item.facts, self.settings.currency, stamp, claimed)
            follows = len(tellers) > 1 and not claimed  # what it tells is the customer's
            told = with_told(told, root, Order() if follows else new)
        if found := holder_of(told, self._owner):
            holder, order = found
            told, key = replace(told, holder=holder), order_key(name)
            if outcome.verdict != "replayed" or holder not in tellers or self._has(holder, key):
                self._assign(holder, key, order)
            for other in self._others(told, holder, known.holder):
                self._set_apart(other, key, holder, net(order).stands)
        if told != entry.shared:
            entry.shared, entry.changed = told, True

    def _tellers(self, event: Event, profile: str) -> dict[str, bool]:
        """The profiles that the event was folded into, and whether that was as a claim."""
        own = self.entries.root(visitor_id(event.visitor)) if event.visitor else ""
        if own == profile:
            return {profile: False}
        browser = self.entries.entry(own).profile if own else None
        if browser and profile in self.entries.customers(browser):
            return {profile: True, own: False}
        return {profile: bool(event.user) and not event.proven}

    def _owner(self, name: str) -> Owner:
        """The profile that reports show for an id: what a browser did is the first customer's that it was, or claimed
        to be (``Entries.merged_into``)."""
        at = self.entries.root(self.entries.merged_into(name))
        profile = self.entries.entry(at).profile
        if (
            profile
            and profile.fed
            and self.entries.exists(customer := self.entries.root(user_id(profile.fed[-1])))
        ):
            return Owner(customer, claimed=True)
        return Owner(at)

    def _has(self, holder: str, key: bytes) -> bool:
        """Whether the profile has room for the order still: who has applied a message of it had it once."""
        profile = self.entries.entry(holder).profile
        return profile is not None and key in profile.orders

    def _assign(self, holder: str, key: bytes, order: Order) -> None:
        """The holder's order is all that is known of it."""
        profile = self.entries.entry(holder).profile
        if profile is None:  # erased, or expired
            return
        have = profile.orders.get(key)
        if (new := joined(have, order)) != have:
            self._put(holder, profile, key, new)

    def _others(self, shared: SharedOrder, holder: str, before: str) -> Iterator[str]:
        """Profiles that may hold the order as well: those that told of it, and customers that they claim to be."""
        found: dict[str, None] = {}
        for name in filter(None, (*shared.told, before)):
            root = self.entries.root(name)
            found |= dict.fromkeys((root, self._owner(name).id))
            if alias := self.entries.entry(name).alias:
                found |= dict.fromkeys(map(self.entries.root, alias.before))
            if profile := self.entries.entry(root).profile:
                found |= dict.fromkeys(self.entries.root(user_id(user)) for user in profile.fed)
        return (name for name in found if name != holder)

    def _set_apart(self, name: str, key: bytes, holder: str, stands: bool) -> None:
        """Whoever does not hold the order does not count it. A browser that claims to be the holder keeps what it told
        itself, as long as the order stands."""
        profile = self.entries.entry(name).profile
        have = profile.orders.get(key) if profile else None
        if profile is None or have is None:
            return
        apart = not (stands and profile.fed and holder in self.entries.customers(profile))
        if have.apart != apart:
            self._put(name, profile, key, replace(have, apart=apart))

    def _put(self, name: str, profile: Profile, key: bytes, order: Order) -> None:
        order_effect.put(profile, {key: order})
        self.entries.entry(name).changed = True
