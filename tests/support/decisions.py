"""What a decider shows in one slot, for tests of one slot alone."""

from offers.decision.decider import Decider, Decision
from profiles.model import Profile
from profiles.sansio import run_sync
from tracker.sites import Site


def decided(decider: Decider, site: Site, profile: Profile, slot: str) -> Decision | None:
    return run_sync(decider.decide(site, profile, [slot])).slots[slot]
