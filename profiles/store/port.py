"""The profile store port: profiles by id, saved only onto the version they were loaded from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from profiles.model import Profile
from profiles.orders.shared import SharedOrder
from profiles.sansio import Steps
from tracker.unavailable import Unavailable

LONGEST_CHAIN = 8
"""Aliases followed from an id to its profile; more would be a fault."""

ABSENT = b""
"""The version of an id that nothing is stored for."""


class ProfilesUnavailable(Unavailable):
    """The store cannot be read or written now."""


class UpdateConflict(ProfilesUnavailable):
    """Others changed this profile each time that ``update`` tried."""


class Alias(NamedTuple):
    """An id leads to the profile ``target``; ``before``, newest first, are customers it led to earlier."""

    target: str
    before: tuple[str, ...] = ()


class Stored(NamedTuple):
    """What is stored under an id: a profile, an alias, what is known of an order, or nothing."""

    version: bytes = ABSENT
    value: Profile | Alias | SharedOrder | None = None

    @property
    def profile(self) -> Profile | None:
        return self.value if isinstance(self.value, Profile) else None

    @property
    def shared(self) -> SharedOrder | None:
        return self.value if isinstance(self.value, SharedOrder) else None

    @property
    def target(self) -> str | None:
        return self.value.target if isinstance(self.value, Alias) else None


def follow_aliases(found: Mapping[str, Stored], name: str) -> str:
    """The id that ``name`` leads to, following the aliases in ``found``."""
    for _ in range(LONGEST_CHAIN):
        target = found[name].target if name in found else None
        if target is None:
            break
        name = target
    return name


class Write(NamedTuple):
    """``value`` for ``id``, if it is still at ``version``."""

    id: str
    version: bytes
    value: Profile | Alias | SharedOrder


NOTHING: Mapping[str, Stored] = MappingProxyType({})


class ProfileStore(Protocol):
    """Ids are ``u:USER`` and ``v:VISITOR``, and of an order ``o:KEY``. Every method raises ProfilesUnavailable."""

    def find(self, site: str, visitor: str | None = None, user: str | None = None) -> Profile | None:
        """The profile of a customer if ``user`` has one, else of the visitor; aliases are followed, and accounts that
        were merged are one person (``profiles.store.person``)."""

    def finding(
        self, site: str, visitor: str | None = None, user: str | None = None
    ) -> Steps[Profile | None]:
        """``find`` as steps (``profiles.sansio``), for an event loop."""

    def load(self, site: str, ids: Iterable[str], known: Mapping[str, Stored] = NOTHING) -> dict[str, Stored]:
        """What is stored under the ids, and under every id that they are aliases of.

        ``known`` is what the caller loaded earlier: an id that is still at that version is returned from there.
        """

    def save(self, site: str, writes: Sequence[Write]) -> dict[str, bytes]:
        """Write each where its version still holds; the new versions by id. An id left out has changed since."""

    def update(self, site: str, profile_id: str, change: Callable[[Profile], Profile]) -> Profile | None:
        """Change one profile, of accounts that were merged only the one under the id, as one step; None when there is
        none. ``change`` may run again, and in place."""

    def touch(self, site: str, ids: Iterable[str]) -> None:
        """Renew the time to live of the ids, as saving would."""

    def erase(self, site: str, profile_id: str) -> list[str]:
        """Remove the profile and the ids that point to it; the removed ids."""

    def scan(self, site: str) -> Iterator[Profile]:
        """Every profile of the site at some moment during the scan, including browsers that feed a customer; merged
        accounts as one. A profile whose id changes may come twice."""

    def people(self, site: str) -> Iterator[Profile]:
        """The profiles of ``scan`` without browsers that feed a customer: one for each person."""

    def count(self, site: str) -> int:
        """How many profiles ``people`` gives."""
