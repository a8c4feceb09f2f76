"""One counted event as a row of the warehouse."""

from datetime import UTC, date, datetime
from functools import lru_cache
from hashlib import blake2b

import msgspec

from ingest.folding.events import NOWHERE, EnrichedEvent
from profiles.facts import ORDER_EVENTS
from profiles.fold.fold import Outcome
from tracker.durations import DAY_MS, DAY_SECONDS
from tracker.event import SITE, UNKNOWN
from tracker.http.address import subscriber
from warehouse.tables.schema import NEAR, EventRow

_json = msgspec.json.Encoder(order="deterministic")


@lru_cache(maxsize=4096)
def _day(number: int) -> date:
    return datetime.fromtimestamp(number * DAY_SECONDS, UTC).date()


@lru_cache(maxsize=65_536)
def _sender(site: str, sender: str) -> str:
    """The site itself, or a digest of the network: only who came from the same one matters, not from which. NEAR stands
    before it where that is no network of the internet: somebody tests, or a proxy that nobody trusts hides all."""
    if sender == SITE:
        return sender
    near = sender != UNKNOWN and not subscriber(sender)
    return NEAR * near + blake2b(f"{site} {sender}".encode(), digest_size=6).hexdigest()


def row(item: EnrichedEvent, profile: str, outcome: Outcome) -> EventRow:
    """Every row says how its visit came about: the touch is the session's."""
    event, facts, place = item.event, item.facts, item.place
    touch, lines = outcome.touch, facts.products
    doubtful = outcome.doubtful or facts.doubtful
    one = lines[0] if len(lines) == 1 else None
    # From one tuple: thirty arguments one by one take as long as all the rest of this.
    values = (
        _day(event.ts // DAY_MS),
        event.site,
        event.id,
        event.type,
        event.name,
        profile,
        event.visitor,
        event.user,
        outcome.session,
        event.ts,
        event.received,
        event.url,
        facts.path,
        event.title,
        event.referrer,
        touch.channel,
        touch.origin,
        touch.medium,
        touch.campaign,
        touch.keyword,
        facts.device,
        facts.browser,
        facts.os,
        facts.country,
        event.lang,
        facts.bot,
        facts.demo,
        event.source,
        one.product if one else None,
        one.category if one else None,
        one.quantity if one else None,
        one.price if one else None,
        facts.order,
        facts.revenue,
        facts.currency,
        [
            {
                "product": line.product,
                "category": line.category,
                "quantity": line.quantity,
                "price": line.price,
            }
            for line in lines
        ]
        if len(lines) > 1 or (lines and event.name in ORDER_EVENTS)
        else [],
        _json.encode(event.props).decode() if event.props else "{}",
        _json.encode(event.traits).decode() if event.traits else "{}",
        place.partition if place is not NOWHERE else None,
        place.position if place is not NOWHERE else None,
        facts.session_hint or None,
        outcome.repeated or doubtful,  # no report counts it, as if it were reported a second time
        facts.city or None,
        event.proven if event.user or event.proven else None,
        _sender(event.site, event.sender) if event.sender else None,
        doubtful or None,
        facts.refund,
        event.backfill or None,
    )
    return EventRow._make(values)
