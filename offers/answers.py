"""What visitors answered: offer events from the warehouse whose tokens are ours, each counted once."""

from collections.abc import Collection, Iterable
from typing import Literal, NamedTuple, Protocol

from offers.token import Token, TokenInvalid, TokenSigner

VIEW_MAX_AGE_MS = 86_400_000
"""A page may stand open for a day before its offer is seen."""

Kind = Literal["view", "click", "dismissed", "decided", "withheld"]


class OfferRow(NamedTuple):
    """One offer event. ``campaign`` and ``variant`` are the event's own words; the token is what counts."""

    campaign: str
    variant: str
    token: str
    kind: Kind
    profile: str
    ts: int


class GoalRow(NamedTuple):
    """One event that some campaign has as its goal. ``value`` is an order's revenue, else 0."""

    event: str
    profile: str
    ts: int
    value: float


class OfferEvents(Protocol):
    """The warehouse's side of results (``warehouse/campaigns.py``). Profile ids are the current ones."""

    def offer_events(
        self, site: str, start: int, end: int, campaigns: Collection[str] | None = None
    ) -> Iterable[OfferRow]:
        """Offer events with start <= ts < end (ms), of all campaigns or of those named."""

    def goal_events(self, site: str, events: Collection[str], start: int, end: int) -> Iterable[GoalRow]:
        """The events so named with start <= ts < end (ms), each order once."""


class Answer(NamedTuple):
    """A row whose token is ours, counted for the first time."""

    token: Token
    row: OfferRow


def verified(
    rows: Iterable[OfferRow], signer: TokenSigner, site: str, since: int = 0
) -> tuple[list[Answer], dict[str, int]]:
    """The answers that count, in order of time, and how many did not: forged, foreign, stale, replayed.

    Rows before ``since`` (ms) are not told of; they only say what was answered already.
    """
    answers: list[Answer] = []
    refused: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for row in sorted(rows, key=lambda row: row.ts):
        try:
            token = _read(row, signer, site)
            if (token.nonce, row.kind) in seen:
                raise TokenInvalid("replayed")
        except TokenInvalid as error:
            if row.ts >= since:
                refused[error.reason] = refused.get(error.reason, 0) + 1
            continue
        seen.add((token.nonce, row.kind))
        if row.ts >= since:
            answers.append(Answer(token, row))
    return answers, refused


def _read(row: OfferRow, signer: TokenSigner, site: str) -> Token:
    token = (
        signer.read(row.token, site, row.ts, VIEW_MAX_AGE_MS)
        if row.kind == "view"
        else signer.read(row.token, site, row.ts)
    )
    if token.held != (row.kind == "withheld"):
        raise TokenInvalid("forged")
    return token
