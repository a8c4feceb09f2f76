"""What became of messages, as events of the log: so it is known by the profile, the warehouse and the next campaign."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from hashlib import blake2b
from typing import Literal

from messages.ledger.occasion import Occasion
from offers.decision.decisions import LoggedDecision
from tracker.event import SITE, Event, encode
from tracker.log.port import EventLog, LogUnavailable, Record

logger = logging.getLogger(__name__)

KEPT = 100_000
"""Events that wait while the log is down; the oldest go first."""
BATCH = 500

Became = Literal["Message Sent", "Message Refused", "Message Unknown"]


class SentEvents:
    """Their ids follow from the occasion: told twice, an event counts once."""

    def __init__(self, log: EventLog, clock: Callable[[], float]) -> None:
        self._log, self._clock = log, clock
        self._waiting: deque[Record] = deque(maxlen=KEPT)

    def became(self, one: Occasion, name: Became, **props: object) -> None:
        """Say what became of an occasion."""
        told: dict[str, object] = {key: value for key, value in props.items() if value != ""}
        self._add(one, name, {"campaign": one.campaign, "message": one.id, **told})

    def decided(self, one: Occasion, decision: LoggedDecision) -> None:
        """Say what was decided under a holdout."""
        props = {"campaign": decision.campaign, "slot": decision.slot, "token": decision.token}
        self._add(one, decision.event, {**props})

    async def flush(self) -> bool:
        """Append what waits; whether all of it is in the log."""
        while self._waiting:
            some = [self._waiting[at] for at in range(min(BATCH, len(self._waiting)))]
            try:
                await asyncio.to_thread(self._log.append, some)
            except LogUnavailable as error:
                logger.warning("what became of %d messages waits for the log: %s", len(self._waiting), error)
                return False
            for each in some:
                if self._waiting and self._waiting[0] is each:
                    self._waiting.popleft()
        return True

    def _add(self, one: Occasion, name: str, props: dict[str, object]) -> None:
        now = int(self._clock() * 1000)
        event = Event(
            site=one.site,
            id=blake2b(f"{one.id}\0{name}".encode(), digest_size=16).hexdigest(),
            type="track",
            name=name,
            visitor=one.visitor or None,
            user=one.user or None,
            ts=now,
            received=now,
            props=props,
            source="api",
            proven=bool(one.user),
            sender=SITE,
        )
        self._waiting.append(Record(event.key, encode(event)))
