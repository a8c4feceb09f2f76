"""The loop of the process ``messages``: what is due, campaign by campaign, several at a time."""

import asyncio
import logging
from collections.abc import Callable

from messages.ledger.ledger import Ledger
from messages.ledger.occasion import Occasion
from messages.sending.sender import OccasionSender
from messages.sending.sent_events import SentEvents
from offers.campaign.campaign import Campaign
from offers.campaign.store import CampaignStore
from profiles.sansio import run_async
from tracker.sites import Site, Sites
from tracker.unavailable import Unavailable

logger = logging.getLogger(__name__)

TOGETHER = 32
"""Messages under way at once in one process."""
IDLE_SECONDS = 0.25
GIVE_UP_SECONDS = 30.0


class SendingLoop:
    """``run`` until told to stop, or ``step`` by hand."""

    def __init__(
        self,
        sites: Sites,
        campaigns: CampaignStore,
        ledger: Ledger,
        sender: OccasionSender,
        events: SentEvents,
        clock: Callable[[], float],
    ) -> None:
        self._sites, self._campaigns, self._ledger = sites, campaigns, ledger
        self._sender, self._events, self._clock = sender, events, clock
        self._looked = float("-inf")

    async def run(self, stopped: Callable[[], bool]) -> None:
        while not stopped():
            sent = 0
            try:
                sent = await self.step()
            except Unavailable as error:
                logger.warning("messages wait: %s", error)
                await asyncio.sleep(error.retry_after or 1.0)
            if not sent:
                await asyncio.sleep(IDLE_SECONDS)
        await self._events.flush()

    async def step(self) -> int:
        """Send what is due; how many occasions there were. Raises Unavailable."""
        now, count = int(self._clock() * 1000), 0
        sent = await asyncio.to_thread(self._sent)
        for site, campaign in sent:
            if campaign.status != "live":
                continue
            due = await run_async(self._ledger.take(site.id, campaign.id, now, TOGETHER), asyncio.to_thread)
            count += len(due)
            await asyncio.gather(*(self._one(site, campaign, each) for each in due))
        await self._events.flush()
        if self._clock() - self._looked > GIVE_UP_SECONDS or self._clock() < self._looked:
            self._looked = self._clock()
            await self._give_up(sent)
        return count

    async def _one(self, site: Site, campaign: Campaign, one: Occasion) -> None:
        """One occasion that fails stops no other: it is due again when its lease ends."""
        try:
            await self._sender.send(site, campaign, one)
        except Unavailable as error:
            logger.warning("message %s of %s waits: %s", one.id, one.campaign, error)
        except Exception:
            logger.exception("message %s of %s failed", one.id, one.campaign)

    async def _give_up(self, sent: list[tuple[Site, Campaign]]) -> None:
        for site, campaign in sent:
            for one in await run_async(self._ledger.give_up(site.id, campaign.id), asyncio.to_thread):
                self._events.became(one, "Message Unknown")

    def _sent(self) -> list[tuple[Site, Campaign]]:
        self._sites.refresh(1.0)
        return [
            (site, campaign)
            for site in self._sites.all().values()
            for campaign in self._campaigns.all(site.id)
            if campaign.send is not None
        ]
