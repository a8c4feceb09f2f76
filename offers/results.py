"""All campaigns at a glance: impressions and clicks per variant. One campaign's whole report: ``offers/report.py``."""

from collections.abc import Iterable
from typing import NamedTuple

from offers.answers import OfferRow, verified
from offers.token import TokenSigner


class VariantResult(NamedTuple):
    """``ctr`` is clicks for each impression, 0 without impressions."""

    campaign: str
    variant: str
    impressions: int
    clicks: int
    visitors: int

    @property
    def ctr(self) -> float:
        return self.clicks / self.impressions if self.impressions else 0.0


class Results(NamedTuple):
    """``withheld`` counts the holdout's decisions by campaign, ``refused`` answers that did not count, by reason."""

    variants: list[VariantResult]
    withheld: dict[str, int]
    refused: dict[str, int]


def results(rows: Iterable[OfferRow], signer: TokenSigner, site: str) -> Results:
    """Impressions and clicks per campaign and variant, by what the tokens say."""
    answers, refused = verified(rows, signer, site)
    counts: dict[tuple[str, str], dict[str, int]] = {}
    visitors: dict[tuple[str, str], set[str]] = {}
    withheld: dict[str, int] = {}
    for token, row in answers:
        key = (token.campaign, token.variant)
        if row.kind == "withheld":
            withheld[token.campaign] = withheld.get(token.campaign, 0) + 1
        elif row.kind in ("view", "click"):
            mine = counts.setdefault(key, {"view": 0, "click": 0})
            mine[row.kind] += 1
            visitors.setdefault(key, set()).add(row.profile)
    variants = [
        VariantResult(*key, counts[key]["view"], counts[key]["click"], len(visitors[key]))
        for key in sorted(counts)
    ]
    return Results(variants, withheld, refused)
