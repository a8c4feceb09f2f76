"""All campaigns at a glance: how each variant was answered. One campaign's report: ``campaign_report``."""

from collections.abc import Iterable
from typing import NamedTuple

from offers.feedback.responses import verified_responses
from offers.feedback.token import TokenSigner
from warehouse.feeds.offer_events import OfferEvent, OfferEventKind

ANSWERS: tuple[OfferEventKind, ...] = ("view", "click", "dismissed")


class VariantResult(NamedTuple):
    """``ctr`` is clicks for each impression, 0 without impressions; ``clicked``: how many of the visitors did."""

    campaign: str
    variant: str
    impressions: int
    clicks: int
    dismissals: int
    visitors: int
    clicked: int = 0

    @property
    def ctr(self) -> float:
        return self.clicks / self.impressions if self.impressions else 0.0


class CampaignsSummary(NamedTuple):
    """``people``: by campaign how many saw it, and how many of them clicked. ``withheld`` counts the holdout's
    decisions by campaign, ``refused`` answers that did not count, by reason."""

    variants: list[VariantResult]
    people: dict[str, tuple[int, int]]
    withheld: dict[str, int]
    refused: dict[str, int]


def summarise_campaigns(rows: Iterable[OfferEvent], signer: TokenSigner, site: str) -> CampaignsSummary:
    """Impressions, clicks and dismissals per campaign and variant, by what the tokens say."""
    answers, refused = verified_responses(rows, signer, site)
    counts: dict[tuple[str, str], dict[str, int]] = {}
    visitors: dict[tuple[str, str], set[str]] = {}
    saw: dict[str, set[str]] = {}
    clicked: dict[str, set[str]] = {}
    clickers: dict[tuple[str, str], set[str]] = {}
    withheld: dict[str, int] = {}
    for token, row in answers:
        key = (token.campaign, token.variant)
        if row.kind == "withheld":
            withheld[token.campaign] = withheld.get(token.campaign, 0) + 1
        elif row.kind in ANSWERS:
            mine = counts.setdefault(key, dict.fromkeys(ANSWERS, 0))
            mine[row.kind] += 1
            visitors.setdefault(key, set()).add(row.profile)
            saw.setdefault(token.campaign, set()).add(row.profile)
            if row.kind == "click":
                clicked.setdefault(token.campaign, set()).add(row.profile)
                clickers.setdefault(key, set()).add(row.profile)
    variants = [
        VariantResult(
            *key,
            each["view"],
            each["click"],
            each["dismissed"],
            len(visitors[key]),
            len(clickers.get(key, ())),
        )
        for key, each in sorted(counts.items())
    ]
    people = {name: (len(each), len(clicked.get(name, ()))) for name, each in saw.items()}
    return CampaignsSummary(variants, people, withheld, refused)
