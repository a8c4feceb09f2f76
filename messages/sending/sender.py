"""The sending of one occasion, in the order that makes a crash at any point harmless:

1. Read the person and ask the gate. 2. Decide: audience, holdout, caps, budget, coupon, variant. 3. Prepare the
message. 4. Read the person anew, and claim in one atomic step. 5. Hand it over. 6. Write down the answer.

Before 4 nothing is lost: the occasion is due again when its lease ends, and its caps count once. After 4 it is never
sent again by itself.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from messages.ledger.ledger import Attempt, Claim, Ledger
from messages.ledger.occasion import LATE_MS, Occasion
from messages.message import Channel, Message, NotSent, Outcome, Transport, Unprintable
from messages.occasions.dates import best_hour, next_at
from messages.sending.links import LinkMaker
from messages.sending.reading import Reading, Readings
from messages.sending.sent_events import SentEvents
from offers.campaign.campaign import Campaign
from offers.decision.decisions import Decision
from offers.decision.message_decider import MessageDecider
from offers.feedback.token import TokenInvalid, TokenSigner
from profiles.model import Profile
from profiles.sansio import Steps, run_async
from tracker.sites import Site

logger = logging.getLogger(__name__)

HANDOVER_SECONDS = 120.0
"""After so long an answer is not waited for any more; the message is unknown then."""
FOLLOW_MS, FOLLOW_MOST_MS = 2_000, 600_000
"""How often, and how long, an occasion waits for ingest to have read its trigger."""
CLAIM_TRIES = 5
RUNS_AGAIN_MS = 60_000

ItemsFor = Callable[[Site, Profile, Mapping[str, Any]], Sequence[dict[str, Any]]]
"""The recommended items of a creative, for a person: asked at the moment of sending."""


class OccasionSender:
    """Sends occasions, as ``claimant``. Raises Unavailable where a store does not answer: the occasion is due again
    when its lease ends."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        readings: Readings,
        decider: MessageDecider,
        transports: Mapping[Channel, Transport],
        links: LinkMaker,
        signer: TokenSigner,
        events: SentEvents,
        claimant: str,
        clock: Callable[[], float],
        items: ItemsFor | None = None,
    ) -> None:
        self._ledger, self._readings, self._decider = ledger, readings, decider
        self._transports, self._links, self._signer = transports, links, signer
        self._events, self._claimant, self._clock, self._items = events, claimant, clock, items

    async def send(self, site: Site, campaign: Campaign, one: Occasion) -> None:
        assert campaign.send is not None
        transport = self._transports.get(campaign.send.channel)
        if one.due + LATE_MS <= self._now():
            await self._refuse(one, "late")
        elif transport is None:
            await self._refuse(one, "no channel")
        else:
            await self._send(site, campaign, one, transport)

    async def _send(self, site: Site, campaign: Campaign, one: Occasion, transport: Transport) -> None:
        reading = await self._open(site, campaign, one)
        if reading is None or reading.profile is None:
            return
        answer = await self._run(self._decider.decide_message(site, reading.profile, campaign.id, one.id))
        for each in answer.logged:
            self._events.decided(one, each)
        if answer.decision is None:
            if answer.refusal == "cap":
                await self._later(one, _tomorrow(site, self._now()), "cap")
            elif answer.refusal == "not running":  # its hours may come
                await self._later(one, self._now() + RUNS_AGAIN_MS, "not running")
            else:
                await self._refuse(one, answer.refusal)
            return
        try:
            message = self._message(site, campaign, one, reading, answer.decision)
            prepared = await asyncio.to_thread(
                self._prepare, transport, message, reading.profile, answer.decision
            )
        except Unprintable as error:
            await self._take_back(site, reading.profile, one, answer.decision)
            await self._refuse(one, "unprintable", str(error))
            return
        if await self._claimed(site, campaign, one, reading.profile, answer.decision):
            await self._hand_over(one, transport, prepared, answer.decision)

    def _prepare(self, transport: Transport, message: Message, profile: Profile, decision: Decision) -> Any:
        if self._items is not None and decision.items:
            found = tuple(self._items(message.site, profile, decision.items))
            message = _with_items(message, found)
        return transport.prepare(message)

    async def _open(self, site: Site, campaign: Campaign, one: Occasion) -> Reading | None:
        """The person, where every gate is open; else the occasion is refused or postponed."""
        assert campaign.send is not None
        reading: Reading = await self._run(self._readings.read(site, campaign.send, one))
        profile = reading.profile
        behind = one.position >= 0 and (profile is None or not _follows(profile, one))
        if behind and self._now() < one.due + FOLLOW_MOST_MS:
            await self._run(self._ledger.postpone(one, self._now() + FOLLOW_MS))
            return None
        if profile is None:
            await self._refuse(one, "nobody")
            return None
        unless = profile.event_counts.get(campaign.send.when.unless) if campaign.send.when.unless else None
        if unless is not None and unless.last > one.ts:
            await self._refuse(one, "cancelled")
            return None
        hour = best_hour(profile, site.zone) if campaign.send.best_hour else None
        if hour is not None and (at := next_at(hour, self._now(), site.zone)) > self._now():
            await self._later(one, at, "best hour")
            return None
        refusal = reading.permission.refusal
        if refusal is None:
            return reading
        if opens := reading.permission.opens_at:
            await self._later(one, opens, refusal.gate)
        else:
            await self._refuse(one, refusal.gate, refusal.reason)
        return None

    async def _claimed(
        self, site: Site, campaign: Campaign, one: Occasion, profile: Profile, decision: Decision
    ) -> bool:
        """Read the person anew and claim; again where the reading had become too old on the way."""
        assert campaign.send is not None
        send, claim = campaign.send, Claim("stale")
        for _ in range(CLAIM_TRIES):
            reading = await self._open(site, campaign, one)
            if reading is None or reading.profile is None:
                break
            claim = await self._run(
                self._ledger.claim(
                    Attempt(
                        occasion=one,
                        claimant=self._claimant,
                        read_at=reading.at,
                        again_ms=send.again_ms,
                        names=tuple(dict.fromkeys((*reading.names, *one.names))),
                        digest=reading.digest,
                        service=send.message_class == "service",
                    )
                )
            )
            if claim.verdict != "stale":
                break
        if claim.verdict == "claimed":
            return True
        if claim.verdict == "gone":
            return False  # another worker has it, and its caps
        await self._take_back(site, profile, one, decision)
        if claim.verdict == "suppressed":
            await self._refuse(one, "suppression")
        elif claim.verdict in ("again", "cancelled"):
            await self._refuse(one, claim.verdict)
        return False

    async def _hand_over(
        self, one: Occasion, transport: Transport, prepared: Any, decision: Decision
    ) -> None:
        told = {"variant": decision.variant, "channel": transport.channel}
        try:
            outcome = await asyncio.wait_for(transport.send(prepared), HANDOVER_SECONDS)
        except NotSent as error:
            due = self._now() + int(1000 * (getattr(error, "retry_after", None) or 60))
            await self._until_answered(self._ledger.answer, one, "due", str(error)[:200], due)
            return
        except Exception as error:  # whatever a channel raises, the message may be out
            logger.warning("message %s of %s is unknown: %s", one.id, one.campaign, error)
            await self._until_answered(self._ledger.answer, one, "unknown", type(error).__name__, 0)
            self._events.became(one, "Message Unknown", **told)
            return
        await self._answered(one, outcome, decision, told)

    async def _answered(
        self, one: Occasion, outcome: Outcome, decision: Decision, told: dict[str, str]
    ) -> None:
        if outcome.handed_over:
            await self._until_answered(self._ledger.answer, one, "handed over", "", 0)
            self._events.became(
                one,
                "Message Sent",
                slot=decision.slot,
                token=decision.token,
                reference=outcome.reference,
                **told,
            )
            return
        await self._until_answered(self._ledger.answer, one, "refused", "channel", 0)
        self._events.became(
            one,
            "Message Refused",
            reason="channel",
            detail=outcome.reason,
            permanent=outcome.permanent,
            **told,
        )

    async def _until_answered(self, answer: Callable[..., Steps[bool]], one: Occasion, *told: Any) -> None:
        """Write the answer down, however long Redis is away: until then the occasion is claimed."""
        wait = 0.1
        while True:
            try:
                await self._run(answer(one, self._claimant, *told))
                return
            except Exception as error:
                logger.warning("the answer to message %s waits for the ledger: %s", one.id, error)
                await asyncio.sleep(wait)
                wait = min(wait * 2, 5.0)

    def _message(
        self, site: Site, campaign: Campaign, one: Occasion, reading: Reading, decision: Decision
    ) -> Message:
        send, profile = campaign.send, reading.profile
        assert send is not None and profile is not None
        now = self._now()
        return Message(
            id=one.id,
            site=site,
            campaign=campaign.id,
            variant=decision.variant,
            channel=send.channel,
            message_class=send.message_class,
            topic=send.topic,
            profile=profile,
            address=reading.address,
            content=decision.content,
            coupon=decision.coupon,
            token=decision.token,
            links=self._links.links(
                site, profile, send.channel, send.topic, campaign.id, reading.digest, decision.token, now
            ),
            trigger=one.trigger,
            lang=profile.lang or "en",
            at=now,
            duties=tuple(reading.permission.duties),
        )

    async def _take_back(self, site: Site, profile: Profile, one: Occasion, decision: Decision) -> None:
        """What was decided and is not sent counts against nothing."""
        try:
            token = self._signer.read(decision.token, site.id, self._now())
        except TokenInvalid:
            return
        await self._run(self._decider.take_back(site, profile, token, one.id))

    async def _later(self, one: Occasion, due: int, reason: str) -> None:
        if due >= one.due + LATE_MS:
            await self._refuse(one, reason)
        else:
            await self._run(self._ledger.postpone(one, due))

    async def _refuse(self, one: Occasion, reason: str, detail: str = "") -> None:
        if await self._run(self._ledger.refuse(one, reason)):
            self._events.became(one, "Message Refused", reason=reason, detail=detail[:200])

    async def _run(self, steps: Steps[Any]) -> Any:
        return await run_async(steps, asyncio.to_thread)

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _follows(profile: Profile, one: Occasion) -> bool:
    """Whether the profile knows the trigger: it was folded into it, or into what it was merged from."""
    at = max((position for part, position in profile.positions.values() if part == one.partition), default=-1)
    return at >= one.position


def _tomorrow(site: Site, now: int) -> int:
    """The beginning of the site's next day, ms."""
    local = datetime.fromtimestamp(now / 1000, site.zone)
    return int(
        (local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)).timestamp() * 1000
    )


def _with_items(message: Message, items: tuple[dict[str, Any], ...]) -> Message:
    from msgspec import structs

    return structs.replace(message, items=items)
