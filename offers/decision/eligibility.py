"""One visitor as a page's decisions see them: what may be told of them, and which campaigns they may be shown."""

from collections.abc import Collection
from typing import NamedTuple

from offers.audience.visitor import View
from offers.bandit.contexts import context_of
from offers.campaign.compiled_campaign import CompiledCampaign
from offers.campaign.placeholders import Telling
from offers.decision.holdout import draw, subject
from offers.decision.running_campaigns import RunningCampaigns
from offers.segments.segment import CompiledSegments
from profiles.model import Profile
from tracker.durations import DAY_MS
from tracker.sites import Site

DISMISSED_MS = 30 * DAY_MS
"""So long a campaign stays away from whoever hid it, on all their devices."""


class Requester(NamedTuple):
    """Who asks: the id that the answer's token belongs to, and the network; "" where the site's own server asks."""

    id: str = ""
    network: str = ""


ANONYMOUS = Requester()


class PageRequest(NamedTuple):
    """What one page's decisions have in common. ``told``: what creatives may tell of; None, of nobody in particular,
    without consent to personalization, and to whoever may not see the profile."""

    site: Site
    view: View
    personal: bool
    subject: str
    context: str
    told: View | None
    traits: bool
    asker: Requester = ANONYMOUS


def page_request(
    site: Site,
    profile: Profile,
    now: int,
    telling: Telling,
    segments: CompiledSegments | None,
    asker: Requester = ANONYMOUS,
    campaign_key: str = "",
) -> PageRequest:
    of = segments.of if segments else None
    view = View(profile, now, site, segments_of=of, campaign_key=campaign_key)
    if profile.consent.get("personalization") is False:
        return PageRequest(site, view, False, subject(profile), "", None, False, asker)
    told = None if telling == "nothing" else view
    return PageRequest(site, view, True, subject(profile), context_of(view), told, telling == "traits", asker)


def _hidden(view: View) -> list[str]:
    """Campaigns that this visitor dismissed lately."""
    since = view.now - DISMISSED_MS
    return [name for name, seen in view.profile.exposure.items() if seen.dismissed > since]


def _admits(visit: PageRequest, ready: CompiledCampaign) -> bool:
    """Whether this visitor belongs to the audience; without consent only where everybody does."""
    return ready.test(visit.view) if visit.personal else ready.audience.everyone


class Eligibility(dict[CompiledCampaign, bool]):
    """Whether this visitor may be shown a campaign: asked once, whatever slots it runs in."""

    def __init__(self, visit: PageRequest, hidden: Collection[str]) -> None:
        super().__init__()
        self._visit, self._hidden = visit, hidden

    def __missing__(self, ready: CompiledCampaign) -> bool:
        verdict = self[ready] = ready.id not in self._hidden and _admits(self._visit, ready)
        return verdict


def eligibility(visit: PageRequest, board: RunningCampaigns, skip: Collection[str]) -> Eligibility:
    """All but what was dismissed, and of a mutual-exclusion group all but the one campaign drawn for this visitor."""
    drawn: dict[str, tuple[float, str]] = {}
    for ready in board.grouped:
        group = ready.campaign.group
        # Rendezvous hashing: a campaign that joins or leaves the group moves only its own visitors.
        claim = draw(visit.site.id, f"group:{group}:{ready.id}", visit.subject)
        drawn[group] = max(drawn.get(group, (-1.0, "")), (claim, ready.id))
    hidden = {*_hidden(visit.view), *skip}
    hidden |= {ready.id for ready in board.grouped if drawn[ready.campaign.group][1] != ready.id}
    return Eligibility(visit, hidden)
