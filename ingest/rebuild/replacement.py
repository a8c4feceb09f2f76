"""Replaces live profiles by rebuilt ones, each by compare-and-set: the profile first, then its aliases."""

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Literal, NamedTuple

from msgspec.structs import replace

from profiles.fold import dedup, order_effect
from profiles.ids import order_id
from profiles.model import Profile
from profiles.orders.order import joined
from profiles.orders.shared import SharedOrder, together
from profiles.store.port import Alias, ProfileStore, ProfilesUnavailable, Stored, Write, follow_aliases

Fate = Literal["written", "waiting", "older"]


TRIES = 16


class RebuiltPerson(NamedTuple):
    """A profile, and the aliases that lead to it by the id they stand under."""

    profile: Profile
    aliases: dict[str, Alias]

    @property
    def ids(self) -> list[str]:
        return [self.profile.id, *self.aliases]


class Replacement:
    """Replaces profiles of one site. Nobody unseen since ``oldest`` (ms) comes back to life."""

    def __init__(self, store: ProfileStore, site: str, oldest: int = 0) -> None:
        self.store, self.site, self.oldest = store, site, oldest

    def put(self, people: Sequence[RebuiltPerson]) -> dict[str, Fate]:
        """What became of each, by profile id. Raises ProfilesUnavailable."""
        shared = [order_id(key) for one in people for key in one.profile.orders]
        found = self.store.load(self.site, [*(name for one in people for name in one.ids), *shared])
        fates: dict[str, Fate] = {}
        ready = []
        for one in people:
            live = [profile for name in one.ids if (profile := found[follow_aliases(found, name)].profile)]
            fates[one.profile.id] = fate = self._fate(one, live)
            if fate == "written":
                _with_what_was_told_since(one, live, found)
                ready.append(RebuiltPerson(_with_what_no_event_tells(one.profile, live), one.aliases))
        self._write(ready, found, fates)
        return fates

    def put_orders(self, told: Mapping[str, SharedOrder]) -> None:
        """Add what orders that several may tell of were told, to what is known of them. Raises ProfilesUnavailable."""
        left = list(told)
        for _ in range(TRIES):
            found = self.store.load(self.site, left) if left else {}
            writes = [
                Write(name, found[name].version, together(found[name].shared or told[name], told[name]))
                for name in left
            ]
            saved = self.store.save(self.site, [one for one in writes if one.value != found[one.id].shared])
            left = [one.id for one in writes if one.id not in saved and one.value != found[one.id].shared]
        if left:
            raise ProfilesUnavailable(f"others kept changing {len(left)} orders")

    def _fate(self, one: RebuiltPerson, live: Sequence[Profile]) -> Fate:
        made = one.profile
        if any(not _complete(made, profile) for profile in live):
            return "waiting"
        if made.last_seen < self.oldest and not live:
            return "older"
        ids, events = {made.id, *one.aliases}, sum(profile.counts.events for profile in live)
        # Whoever knows more, and from before, or other ids, knows what retention took away.
        longer = any(0 < profile.first_seen < made.first_seen for profile in live)
        if (events > made.counts.events and longer) or any(profile.id not in ids for profile in live):
            return "older"
        return "written"

    def _write(
        self, ready: Sequence[RebuiltPerson], found: Mapping[str, Stored], fates: dict[str, Fate]
    ) -> None:
        profiles = [Write(one.profile.id, found[one.profile.id].version, one.profile) for one in ready]
        saved = self.store.save(self.site, profiles)
        aliases = []
        for one in ready:
            if one.profile.id in saved:
                aliases += [Write(name, found[name].version, alias) for name, alias in one.aliases.items()]
            else:
                fates[one.profile.id] = "waiting"
        owners = {name: one.profile.id for one in ready for name in one.aliases}
        led = self.store.save(self.site, aliases)
        for write in aliases:
            if write.id not in led:
                fates[owners[write.id]] = "waiting"


def people_of(entries: Mapping[str, Profile | Alias | SharedOrder]) -> list[RebuiltPerson]:
    """Whom the entries of a store describe."""
    found = {name: Stored(b"", value) for name, value in entries.items()}
    people = {name: RebuiltPerson(one, {}) for name, one in entries.items() if isinstance(one, Profile)}
    for name, one in entries.items():
        if isinstance(one, Alias) and (at := follow_aliases(found, name)) in people:
            people[at].aliases[name] = one
    return list(people.values())


def _complete(made: Profile, live: Profile) -> bool:
    """Whether ``made`` holds whatever ``live`` has applied: it knows the ids of the latest events."""
    since = made.seen[0][0] if made.seen else 0
    return dedup.ids(live.seen, since) <= dedup.ids(made.seen)


def _with_what_was_told_since(
    one: RebuiltPerson, live: Sequence[Profile], found: Mapping[str, Stored]
) -> None:
    """What others told of the person's orders after their events were read: it is in the live profile and in the
    record of the order."""
    made = one.profile
    for key, order in list(made.orders.items()):
        since = [profile.orders[key] for profile in live if key in profile.orders]
        shared = found[order_id(key)].shared
        if since:
            order_effect.put(made, {key: reduce(joined, since, order)})
        elif shared and shared.holder and shared.holder not in one.ids and order.completed:
            order_effect.put(made, {key: replace(order, apart=True)})


def _with_what_no_event_tells(made: Profile, live: Sequence[Profile]) -> Profile:
    """Scores, which a job sets; merges whose event retention took; and how far each source was read: a retry
    moves it on and has no row."""
    for profile in live:
        made.merged = max(made.merged, profile.merged, key=lambda merged: merged.at)
        made.parts = sorted({*made.parts, *profile.parts})
        made.scores = made.scores or profile.scores
        for key, (partition, position) in profile.positions.items():
            known = made.positions.get(key)
            if known is None or known[0] != partition or known[1] < position:
                made.positions[key] = (partition, position)
    return made
