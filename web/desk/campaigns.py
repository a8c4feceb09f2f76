"""The campaigns page: what is offered, to whom, and how they answered in a period."""

from collections.abc import Mapping
from dataclasses import dataclass

from offers.campaign import Campaign

STATUS = {"live": ("on", "Live"), "draft": ("", "Draft"), "paused": ("", "Paused"), "ended": ("", "Ended")}
TIERS = {"override": "before all others", "standard": "", "fallback": "when nothing else fits"}


@dataclass(frozen=True, slots=True)
class Answers:
    impressions: int = 0
    clicks: int = 0


@dataclass(frozen=True, slots=True)
class CampaignRow:
    name: str
    about: str
    status: str
    look: str
    slots: tuple[str, ...]
    audience: str
    impressions: int
    clicks: int

    @property
    def rate(self) -> float | None:
        return self.clicks / self.impressions if self.impressions else None


def row_of(campaign: Campaign, answers: Mapping[str, Answers]) -> CampaignRow:
    look, status = STATUS[campaign.status]
    count = len(campaign.creatives)
    parts = [campaign.id, f"{count} variant{'s' if count > 1 else ''}", TIERS[campaign.tier]]
    parts += [f"{campaign.holdout:.0%} held out"] if campaign.holdout else []
    given = answers.get(campaign.id, Answers())
    return CampaignRow(
        campaign.name,
        " · ".join(part for part in parts if part),
        status,
        look,
        campaign.slots,
        campaign.audience,
        given.impressions,
        given.clicks,
    )
