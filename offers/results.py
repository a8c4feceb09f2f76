"""What a campaign achieved: impressions and clicks whose tokens are ours, each counted once."""

from collections.abc import Iterable
from typing import Literal, NamedTuple, Protocol

from offers.token import Token, TokenInvalid, TokenSigner

VIEW_MAX_AGE_MS = 86_400_000
"""A page may stand open for a day before its offer is seen."""


class OfferRow(NamedTuple):
    """One ``Offer Viewed`` (view), ``Offer Clicked`` (click) or ``Offer Withheld`` (withheld) event.
    ``campaign`` and ``variant`` are the event's own words; the token is what counts."""

    campaign: str
    variant: str
    token: str
    kind: Literal["view", "click", "withheld"]
    profile: str
    ts: int


class OfferEvents(Protocol):
    """The warehouse's side of results: ``warehouse/campaigns.py`` has it."""

    def offer_events(self, site: str, start: int, end: int) -> Iterable[OfferRow]:
        """Offer events with start <= ts < end (ms), in any order; profile ids are the current ones."""


class VariantResult(NamedTuple):
    """``ctr`` is clicks for each impression, 0 without impressions. Withheld are the holdout's visits."""

    campaign: str
    variant: str
    impressions: int
    clicks: int
    visitors: int

    @property
    def ctr(self) -> float:
        return self.clicks / self.impressions if self.impressions else 0.0


class Results(NamedTuple):
    """``refused`` counts answers that did not count, by reason: forged, foreign, stale, replayed."""

    variants: list[VariantResult]
    withheld: dict[str, int]
    refused: dict[str, int]


class Answer(NamedTuple):
    """A row whose token is ours, counted for the first time."""

    token: Token
    row: OfferRow


def verified(rows: Iterable[OfferRow], signer: TokenSigner, site: str) -> tuple[list[Answer], dict[str, int]]:
    """The answers that count, and how many did not, by reason."""
    answers: list[Answer] = []
    refused: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for row in rows:
        try:
            if row.kind == "view":
                token = signer.read(row.token, site, row.ts, VIEW_MAX_AGE_MS)
            else:
                token = signer.read(row.token, site, row.ts)
            if token.held != (row.kind == "withheld"):
                raise TokenInvalid("forged")
            if (token.nonce, row.kind) in seen:
                raise TokenInvalid("replayed")
        except TokenInvalid as error:
            refused[error.reason] = refused.get(error.reason, 0) + 1
            continue
        seen.add((token.nonce, row.kind))
        answers.append(Answer(token, row))
    return answers, refused


def results(rows: Iterable[OfferRow], signer: TokenSigner, site: str) -> Results:
    """Impressions and clicks per campaign and variant, by what the tokens say."""
    answers, refused = verified(rows, signer, site)
    views: dict[tuple[str, str], int] = {}
    clicks: dict[tuple[str, str], int] = {}
    visitors: dict[tuple[str, str], set[str]] = {}
    withheld: dict[str, int] = {}
    for token, row in answers:
        key = (token.campaign, token.variant)
        if row.kind == "withheld":
            withheld[token.campaign] = withheld.get(token.campaign, 0) + 1
            continue
        counted = views if row.kind == "view" else clicks
        counted[key] = counted.get(key, 0) + 1
        visitors.setdefault(key, set()).add(row.profile)
    variants = [
        VariantResult(*key, views.get(key, 0), clicks.get(key, 0), len(visitors[key]))
        for key in sorted(visitors)
    ]
    return Results(variants, withheld, refused)
