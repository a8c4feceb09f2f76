"""Responses: offer events (views, clicks, dismissals) whose tokens we signed, each counted once."""

from collections.abc import Collection, Iterable
from typing import NamedTuple, Protocol

from offers.feedback.token import Token, TokenInvalid, TokenSigner
from tracker.durations import DAY_MS
from warehouse.feeds.offer_events import GoalEvent, OfferEvent

VIEW_MAX_AGE_MS = DAY_MS
"""A page may stand open for a day before its offer is seen."""


class ResponseSource(Protocol):
    """Where offer events and goals come from: the warehouse. Profile ids are the current ones."""

    def offer_events(
        self, site: str, start: int, end: int, campaigns: Collection[str] | None = None
    ) -> Iterable[OfferEvent]:
        """Offer events with start <= ts < end (ms), of all campaigns or of those named."""

    def goal_events(
        self, site: str, events: Collection[str], start: int, end: int, currency: str
    ) -> Iterable[GoalEvent]:
        """The events so named with start <= ts < end (ms), of orders those that stand; ``currency`` is the site's."""


class Response(NamedTuple):
    """An offer event whose token we signed, counted for the first time."""

    token: Token
    row: OfferEvent


def verified_responses(
    rows: Iterable[OfferEvent], signer: TokenSigner, site: str, since: int = 0, until: int = 1 << 53
) -> tuple[list[Response], dict[str, int]]:
    """The answers that count, in order of time, and how many did not: forged, foreign, stale, replayed.

    Rows before ``since`` (ms) are not told of; they only say what was answered already. Of rows from ``until`` on those
    that do not count are not told of.
    """
    answers: list[Response] = []
    refused: dict[str, int] = {}
    seen: set[tuple[str, str]] = set()
    for row in sorted(rows, key=lambda row: row.ts):
        try:
            token = read_token(row, signer, site)
            if (token.nonce, row.kind) in seen:
                raise TokenInvalid("replayed")
        except TokenInvalid as error:
            if since <= row.ts < until:
                refused[error.reason] = refused.get(error.reason, 0) + 1
            continue
        seen.add((token.nonce, row.kind))
        if row.ts >= since:
            answers.append(Response(token, row))
    return answers, refused


def read_token(row: OfferEvent, signer: TokenSigner, site: str) -> Token:
    """The token of an offer event. Raises TokenInvalid: it is forged, foreign or stale."""
    token = (
        signer.read(row.token, site, row.ts, VIEW_MAX_AGE_MS)
        if row.kind == "view"
        else signer.read(row.token, site, row.ts)
    )
    if token.held != (row.kind == "withheld"):
        raise TokenInvalid("forged")
    # Who signed in meanwhile is known by the profile; what the site itself says is theirs, is.
    if row.from_public_key and not token.belongs_to(row.visitor, row.user, row.profile.partition(":")[2]):
        raise TokenInvalid("foreign")
    return token
