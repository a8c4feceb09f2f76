"""The consumer of the event log that finds occasions: a group of its own, beside ingest.

A step: poll; write notes of endings and occasions to the ledger; commit. After a crash in between the log gives the
same events again, and the ledger knows their occasions.
"""

import logging
import time
from collections.abc import Callable

from messages.ledger.ledger import Ledger
from messages.ledger.occasion import Occasion
from messages.occasions.triggers import endings, occasions
from offers.campaign.campaign import Campaign
from offers.campaign.store import CampaignStore
from offers.feedback.token import TokenInvalid, TokenSigner
from tracker.event import SITE, Event, EventInvalid, decode
from tracker.log.port import EventLog, Message
from tracker.sites import Site, Sites
from tracker.unavailable import Unavailable

logger = logging.getLogger(__name__)

GROUP = "messages"
BATCH = 5_000
POLL_SECONDS = 0.2
CAMPAIGNS_SECONDS = 1.0
"""How long a campaign that was just made live is not known."""


class OccasionFinder:
    """One member of the group. ``run`` until told to stop, or ``step`` by hand."""

    def __init__(
        self,
        log: EventLog,
        sites: Sites,
        campaigns: CampaignStore,
        ledger: Ledger,
        signer: TokenSigner,
        *,
        member: str = "messages",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sites, self._campaigns, self._ledger = sites, campaigns, ledger
        self._signer, self._clock = signer, clock
        self._consumer = log.consumer(GROUP, member)
        self._live: dict[str, tuple[float, list[Campaign]]] = {}

    def run(self, stopped: Callable[[], bool]) -> None:
        while not stopped():
            try:
                self.step(stopped=stopped)
            except Unavailable as error:
                logger.warning("occasions wait: %s", error)
                time.sleep(error.retry_after or 1.0)
        self._consumer.close()

    def step(self, timeout: float = POLL_SECONDS, stopped: Callable[[], bool] = lambda: False) -> int:
        """How many events were read. Raises Unavailable where the log does not answer. What was polled is not polled
        again by this member: it is worked on until the stores answer."""
        read = self._consumer.poll(BATCH, timeout)
        while read:
            try:
                self._work(read)
            except Unavailable as error:
                logger.warning("occasions wait for a store: %s", error)
                if stopped():
                    return 0
                time.sleep(min(error.retry_after, 5.0))
            else:
                self._consumer.commit({each.partition: each.position for each in read})
                break
        return len(read)

    def _work(self, read: list[Message]) -> None:
        self._sites.refresh(1.0)
        found: list[Occasion] = []
        for each in read:
            try:
                event = decode(each.value)
            except EventInvalid:
                continue  # ingest makes it a dead letter
            site = self._sites.get(event.site)
            if site is None:
                continue
            campaigns = self._sent(site)
            if not campaigns:
                continue
            for end in endings(event, site, campaigns):
                self._ledger.note(site.id, end.campaign, end.names, end.ts, end.keep_ms)
            found += occasions(event, site, campaigns, self._about(event), each.partition, each.position)
        if found:
            self._ledger.add(found, int(self._clock() * 1000))

    def _about(self, event: Event) -> str:
        """The campaign that an event is about: as we say ourselves, or as a token of ours says."""
        named = event.props.get("campaign")
        if event.sender == SITE and isinstance(named, str) and named:
            return named
        token = event.props.get("token")
        if not isinstance(token, str):
            return ""
        try:
            return self._signer.read(token, event.site, event.ts).campaign
        except TokenInvalid:
            return ""

    def _sent(self, site: Site) -> list[Campaign]:
        now = time.monotonic()
        read, known = self._live.get(site.id, (float("-inf"), []))
        if now - read > CAMPAIGNS_SECONDS:
            try:
                every = self._campaigns.all(site.id)
            except Unavailable:
                if site.id not in self._live:
                    raise
                return known
            known = [each for each in every if each.send is not None and each.status == "live"]
            self._live[site.id] = (now, known)
        return known
