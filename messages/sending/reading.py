"""The person of an occasion, read and asked about at one moment: what a claim rests on."""

from collections.abc import Callable
from typing import NamedTuple

from messages.ledger.ledger import Ledger
from messages.ledger.occasion import Occasion
from messages.permission.addresses import AddressDigests, address_for
from messages.permission.gate import Asked, Permission, StoresSay, permission
from messages.permission.suppression import SuppressionList
from offers.campaign.send import Send
from profiles.ids import user_id, visitor_id
from profiles.model import Profile
from profiles.sansio import Steps
from profiles.store.port import ProfileStore
from tracker.sites import Site


class Reading(NamedTuple):
    """``at`` (ms) is by the clock of Redis, before the person was read."""

    at: int
    profile: Profile | None
    permission: Permission
    address: str = ""
    digest: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All ids under which the person may have been meant."""
        profile = self.profile
        if profile is None:
            return ()
        told = [profile.id, *profile.parts, *map(visitor_id, (*profile.visitors, *profile.claimants))]
        return tuple(dict.fromkeys([*told, *([user_id(profile.user)] if profile.user else [])]))


class Readings:
    """Reads a person and asks the gate. Raises Unavailable."""

    def __init__(
        self,
        ledger: Ledger,
        profiles: ProfileStore,
        suppressed: SuppressionList,
        digests: AddressDigests,
        clock: Callable[[], float],
    ) -> None:
        self._ledger, self._profiles, self._suppressed = ledger, profiles, suppressed
        self._digests, self._clock = digests, clock

    def read(self, site: Site, send: Send, one: Occasion) -> Steps[Reading]:
        """What the decider is to say (audience, caps, holdout, budget) counts as a yes here."""
        at = yield from self._ledger.moment()
        profile = yield from self._profiles.finding(site.id, one.visitor or None, one.user or None)
        if profile is None:
            return Reading(at, None, Permission(()))
        address = address_for(profile, send.channel, one.trigger)
        digest = self._digests.digest(site.id, send.channel, address, profile.country)
        barred = yield from self._suppressed.finding(site.id, digest)
        asked = Asked(
            site=site,
            profile=profile,
            channel=send.channel,
            message_class=send.message_class,
            topic=send.topic,
            address=address,
            digest=digest,
            at=int(self._clock() * 1000),
            quiet=_hours(send),
        )
        stores = StoresSay(audience=True, cap_left=True, held_out=False, suppressed=barred, budget_left=True)
        return Reading(at, profile, permission(asked, stores), address, digest)


def _hours(send: Send) -> tuple[int, int] | None:
    """The quiet hours in minutes after midnight."""
    if send.quiet is None:
        return None
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in send.quiet)
    return start, end
