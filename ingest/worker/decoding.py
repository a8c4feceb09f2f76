"""Step 1 of a worker: messages are decoded into enriched events, or rejected with a reason."""

import logging
from collections.abc import Sequence

import msgspec

from ingest.enrich.enrich import Enrich
from ingest.folding.events import EnrichedEvent
from ingest.folding.isolation import PASSING
from ingest.folding.unprofiled import opted_out
from profiles.facts import Facts
from profiles.fold.fold import Settings
from profiles.session_rules import rules_of
from tracker.event import Event, EventInvalid, decode
from tracker.log.port import Message
from tracker.sites import Site, Sites

logger = logging.getLogger(__name__)


class Rejected(msgspec.Struct, frozen=True):
    """A message that cannot be decoded or enriched: it becomes a dead letter."""

    reason: str


class Unprofiled(msgspec.Struct, frozen=True):
    """An event with a row but no profile: a bot's, or of someone who asked not to be tracked."""

    event: Event
    facts: Facts


class Ignored(msgspec.Struct, frozen=True):
    """An event that needs no work."""


IGNORED = Ignored()
Decoded = EnrichedEvent | Unprofiled | Rejected | Ignored
DecodedMessages = Sequence[tuple[Message, Decoded]]


class Decoder:
    """Decodes and enriches."""

    def __init__(self, sites: Sites, facts: Enrich) -> None:
        self.sites, self.facts = sites, facts
        self._settings: dict[str, tuple[Site, Settings]] = {}

    def read(self, messages: Sequence[Message]) -> DecodedMessages:
        """Raises OSError while the sites cannot be read."""
        return [(message, self._made(message)) for message in messages]

    def settings(self, site_id: str) -> Settings:
        """What the fold depends on, of a site that an event was read for."""
        return self._settings[site_id][1]

    def _made(self, message: Message) -> Decoded:
        what = "read"
        try:
            event = decode(message.value)
            site = self._site(event.site)
            if site is None:
                return Rejected(f"there is no site {event.site!r}")
            what = "enriched"
            facts = self.facts(event, site)
        except EventInvalid as error:
            return Rejected(str(error))
        except PASSING:
            raise
        except Exception as error:  # a fault of ours must not hold up the partition
            logger.exception("cannot use the message at %d/%d", message.partition, message.position)
            return Rejected(f"cannot be {what}: {error!r}")
        if event.type == "erase" or (
            event.fetch and not facts.bot
        ):  # a person's page: the page itself tells it
            return IGNORED
        if facts.bot or opted_out(event):
            return Unprofiled(event, facts)
        return EnrichedEvent(event, facts)

    def _site(self, site_id: str) -> Site | None:
        site = self.sites.get(site_id)
        if site is None:
            self.sites.refresh()
            site = self.sites.get(site_id)
            if site is None:
                return None
        known = self._settings.get(site_id)
        if known is None or known[0] is not site:
            self._settings[site_id] = (site, Settings(rules_of(site), currency=site.currency))
        return site
