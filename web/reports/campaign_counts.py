"""How campaigns were answered in a span: what the campaigns page and its report both show."""

from dataclasses import dataclass, field

from offers.campaign.campaign import Campaign
from offers.campaign.store import CampaignStore
from offers.feedback.token import TokenSigner
from offers.reports.campaigns_summary import VariantResult, summarise_campaigns
from tracker.sites import Site
from warehouse.definitions.shares import Share, share_of
from warehouse.events import Events
from warehouse.feeds.offer_events import offer_events
from web.http.problem import Problem
from web.reports.reports import ReportScope


@dataclass(frozen=True, slots=True)
class Variant:
    """``ctr``: clicks for each impression; ``click_rate``: of the people who saw it those who clicked."""

    campaign: str
    variant: str
    impressions: int
    clicks: int
    dismissals: int
    visitors: int
    ctr: float
    click_rate: float | None
    click_rate_interval: Share


@dataclass(slots=True)
class Answered:
    """One campaign. ``withheld``: decisions that its holdout kept back. ``click_rate_interval``: of the people who saw
    it those who clicked, each once however often."""

    campaign: str
    impressions: int = 0
    clicks: int = 0
    dismissals: int = 0
    withheld: int = 0
    click_rate: float | None = None
    click_rate_interval: Share = field(default_factory=lambda: share_of(0, 0))
    variants: list[Variant] = field(default_factory=list)

    def add(self, result: VariantResult) -> None:
        self.impressions += result.impressions
        self.clicks += result.clicks
        self.dismissals += result.dismissals
        counts = (result.impressions, result.clicks, result.dismissals, result.visitors)
        share = share_of(result.clicked, result.visitors)
        self.variants.append(
            Variant(result.campaign, result.variant, *counts, result.ctr, share.value, share)
        )


def found(store: CampaignStore, site: Site, campaign_id: str) -> Campaign:
    """Raises Problem 404, and CampaignsUnavailable."""
    campaign = store.get(site.id, campaign_id)
    if campaign is None:
        raise Problem(404, f"There is no campaign {campaign_id[:100]!r}", "id")
    return campaign


def answered(signer: TokenSigner, events: Events, scope: ReportScope) -> dict[str, Answered]:
    """By campaign, of ``events``: those that ``scope`` is narrowed to. Only answers whose token is ours count, each
    once."""
    found = offer_events(events, scope.site.id, scope.span.start, scope.span.end)
    counts = summarise_campaigns(found, signer, scope.site.id)
    counted: dict[str, Answered] = {}
    for result in counts.variants:
        counted.setdefault(result.campaign, Answered(result.campaign)).add(result)
    for campaign, (saw, clicked) in counts.people.items():
        share = share_of(clicked, saw)
        counted[campaign].click_rate, counted[campaign].click_rate_interval = share.value, share
    for campaign, withheld in counts.withheld.items():
        counted.setdefault(campaign, Answered(campaign)).withheld = withheld
    return counted
