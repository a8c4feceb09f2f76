"""How campaigns were answered in a span: what the campaigns page and its report both show."""

from dataclasses import dataclass, field
from typing import cast

from offers.answers import Kind, OfferRow
from offers.campaign import Campaign
from offers.results import VariantResult, results
from tracker.sites import Site
from warehouse.campaigns import offer_events
from warehouse.span import Span
from web.problem import Problem
from web.services import Services


@dataclass(frozen=True, slots=True)
class Variant:
    variant: str
    impressions: int
    clicks: int
    visitors: int
    ctr: float


@dataclass(slots=True)
class Answered:
    """One campaign. ``withheld``: decisions that its holdout kept back."""

    campaign: str
    impressions: int = 0
    clicks: int = 0
    withheld: int = 0
    variants: list[Variant] = field(default_factory=list)

    @property
    def rate(self) -> float | None:
        return self.clicks / self.impressions if self.impressions else None

    def add(self, result: VariantResult) -> None:
        self.impressions += result.impressions
        self.clicks += result.clicks
        one = Variant(result.variant, result.impressions, result.clicks, result.visitors, result.ctr)
        self.variants.append(one)


def found(services: Services, site: Site, campaign_id: str) -> Campaign:
    """Raises Problem 404, and CampaignsUnavailable."""
    campaign = services.campaigns.get(site.id, campaign_id)
    if campaign is None:
        raise Problem(404, f"There is no campaign {campaign_id[:100]!r}", "id")
    return campaign


def answered(services: Services, site: Site, span: Span) -> dict[str, Answered]:
    """By campaign. Only answers whose token is ours count, each once."""
    events = offer_events(services.warehouse, site.id, span.start, span.end)
    rows = [OfferRow(*each[:3], cast(Kind, each.kind), *each[4:]) for each in events]
    counts = results(rows, services.signer, site.id)
    counted: dict[str, Answered] = {}
    for result in counts.variants:
        counted.setdefault(result.campaign, Answered(result.campaign)).add(result)
    for campaign, withheld in counts.withheld.items():
        counted.setdefault(campaign, Answered(campaign)).withheld = withheld
    return counted
