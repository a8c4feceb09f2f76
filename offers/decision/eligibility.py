"""Eligibility: which campaigns this visitor may be shown on this page, and what creatives may tell of them."""

from collections.abc import Collection
from typing import NamedTuple

from offers.audience.visitor import View
from offers.bandit.contexts import context_of
from offers.campaign.compiled_campaign import CompiledCampaign
from offers.campaign.placeholders import Telling
from offers.decision.holdout import draw, subject
from offers.decision.running_campaigns import RunningCampaigns
from offers.segments.segment import CompiledSegments
from profiles.consent.rules import allows
from profiles.model import Profile
from tracker.durations import DAY_MS
from tracker.sites import Site

DISMISSED_MS = 30 * DAY_MS
"""How long a campaign is not shown to a visitor who dismissed it, on any of their devices."""


class Requester(NamedTuple):
    """Who sent the request: the id that the tokens belong to, and the network ("" if the site's own server asks)."""

    id: str = ""
    network: str = ""


ANONYMOUS = Requester()


class PageRequest(NamedTuple):
    """What the decisions of one page have in common. ``told``: the visitor whom creatives may tell of; None without
    consent to personalization, and when the requester may not see the profile."""

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
    if not allows(profile.consent, "personalization"):
        return PageRequest(site, view, False, subject(profile), "", None, False, asker)
    told = None if telling == "nothing" else view
    return PageRequest(site, view, True, subject(profile), context_of(view), told, telling == "traits", asker)


def dismissed_campaigns(view: View) -> list[str]:
    """Campaigns that this visitor dismissed within DISMISSED_MS."""
    since = view.now - DISMISSED_MS
    return [name for name, seen in view.profile.exposure.items() if seen.dismissed > since]


def in_audience(request: PageRequest, candidate: CompiledCampaign) -> bool:
    """Whether this visitor is in the audience; without consent, only if the audience is everybody."""
    return candidate.test(request.view) if request.personal else candidate.audience.everyone


class Eligibility(dict[CompiledCampaign, bool]):
    """Whether this visitor may be shown a campaign: worked out once for all slots."""

    def __init__(self, request: PageRequest, hidden: Collection[str]) -> None:
        super().__init__()
        self._request, self._dismissed = request, hidden

    def __missing__(self, candidate: CompiledCampaign) -> bool:
        verdict = self[candidate] = candidate.id not in self._dismissed and in_audience(
            self._request, candidate
        )
        return verdict


def eligibility(request: PageRequest, running: RunningCampaigns, skip: Collection[str]) -> Eligibility:
    """All campaigns but those dismissed, and of a mutual-exclusion group only the one drawn for this visitor."""
    drawn: dict[str, tuple[float, str]] = {}
    for candidate in running.grouped:
        group = candidate.campaign.group
        # Rendezvous hashing: a campaign that joins or leaves the group moves only its own visitors.
        claim = draw(request.site.id, f"group:{group}:{candidate.id}", request.subject)
        drawn[group] = max(drawn.get(group, (-1.0, "")), (claim, candidate.id))
    hidden = {*dismissed_campaigns(request.view), *skip}
    hidden |= {
        candidate.id for candidate in running.grouped if drawn[candidate.campaign.group][1] != candidate.id
    }
    return Eligibility(request, hidden)
