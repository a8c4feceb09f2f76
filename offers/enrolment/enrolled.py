"""Who was enrolled in a campaign, when and in which group: by the first decision about each person, for good."""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from offers.feedback.responses import read_token
from offers.feedback.token import Token, TokenInvalid, TokenSigner
from warehouse.events import Events
from warehouse.feeds.first_decisions import (
    all_decisions,
    decided_tokens,
    first_decisions,
    first_key,
    first_responses,
)
from warehouse.feeds.offer_events import KINDS, OfferEvent, OfferEventKind


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A person's enrolment: ``profile`` is the current id, ``since`` ms. ``crossed``: they were in both groups, on
    devices that were not known to be theirs."""

    profile: str
    since: int
    token: Token
    crossed: bool = False


def enrolled(
    events: Events, signer: TokenSigner, site: str, campaign: str, start: int, end: int
) -> list[Enrolled]:
    """Who was enrolled with ``start`` ≤ since < ``end`` (ms), by time; whoever was enrolled before is not among them.
    Raises WarehouseUnavailable.

    A decision that was logged enrols. Where none is logged, since nobody was held out, the first response does; who
    answers an offer whose decisions are logged was enrolled by its decision.
    """
    firsts = first_decisions(events, site, campaign, end)
    logged = len(firsts) > 0
    # Of whom the site told before the span it is enough to know that they are enrolled.
    asked = firsts.filter(pc.or_(pc.greater_equal(firsts["key"], first_key(start)), firsts["old"]))
    found, doubtful = _by_decision(signer, site, campaign, decided_tokens(events, site, campaign, asked))
    for row in first_responses(events, site, campaign, firsts, end).to_pylist():
        profile, ts = row["profile"], row["ts"]
        known = found.get(profile)
        if profile in doubtful:
            continue
        token = _enrols(signer, site, _response(profile, ts, campaign, **row["first"]), logged)
        if token is None:
            doubtful.add(profile)
        else:
            found[profile] = Enrolled(profile, ts, token, known is not None and known.crossed)
    for person in _by_any(events, signer, site, campaign, end, doubtful, logged):
        known = found.get(person.profile)
        if known is None or person.since < known.since:
            found[person.profile] = replace(person, crossed=known is not None and known.crossed)
    return sorted(
        (each for each in found.values() if each.since >= start), key=lambda each: (each.since, each.profile)
    )


def _by_decision(
    signer: TokenSigner, site: str, campaign: str, rows: pa.Table
) -> tuple[dict[str, Enrolled], set[str]]:
    """By profile who was enrolled by a logged decision; and of whom the first one cannot be read."""
    found: dict[str, Enrolled] = {}
    unread: set[str] = set()
    for row in rows.to_pylist():
        kind: OfferEventKind = "withheld" if row["held"] else "decided"
        first = OfferEvent(campaign, "", row["token"] or "", kind, row["profile"], row["ts"])
        token = _enrols(signer, site, first, True)
        if token is None:
            unread.add(row["profile"])
        else:
            found[row["profile"]] = Enrolled(row["profile"], row["ts"], token, row["crossed"])
    return found, unread


def _by_any(
    events: Events,
    signer: TokenSigner,
    site: str,
    campaign: str,
    end: int,
    profiles: Collection[str],
    logged: bool,
) -> Iterator[Enrolled]:
    """Of these ``profiles`` the first decision or response that enrols, where one of them does."""
    done: set[str] = set()
    rows = all_decisions(events, site, campaign, profiles, end).to_pylist() if profiles else []
    for row in rows:
        profile, ts = row.pop("profile"), row.pop("ts")
        if profile not in done:
            token = _enrols(signer, site, _response(profile, ts, campaign, **row), logged)
            if token is not None:
                done.add(profile)
                yield Enrolled(profile, ts, token)


def _enrols(signer: TokenSigner, site: str, row: OfferEvent, logged: bool) -> Token | None:
    """The token of a row that enrols; ``logged``: decisions of this campaign are known."""
    try:
        token = read_token(row, signer, site)
    except TokenInvalid:
        return None
    if token.campaign != row.campaign:
        return None
    if row.kind in ("decided", "withheld"):
        return token
    share = token.held_share
    return token if share == 0 or (math.isnan(share) and not logged) else None


def _response(
    profile: str,
    ts: int,
    campaign: str,
    token: str | None,
    name: str,
    visitor: str | None,
    user: str | None,
    sender: str | None,
) -> OfferEvent:
    return OfferEvent(campaign, "", token or "", KINDS[name], profile, ts, visitor, user, sender)
