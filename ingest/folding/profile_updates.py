"""Step 2 of a worker: events are folded into their profiles, and the profiles saved."""

import logging
from collections.abc import Callable, Sequence

from ingest.folding.batch import Batch
from ingest.folding.events import EnrichedEvent, Result, ids_of
from ingest.folding.isolation import isolated
from ingest.folding.profile_cache import ProfileCache
from ingest.metrics import Metrics
from profiles.erasures import Erased
from profiles.fold.fold import Settings
from profiles.store.port import ProfileStore, ProfilesUnavailable
from tracker.event import SITE, Event
from tracker.log.port import Message

logger = logging.getLogger(__name__)

Pairs = Sequence[tuple[Message, EnrichedEvent]]
Folded = Sequence[tuple[Message, EnrichedEvent, Result]]
Refused = Sequence[tuple[Message, str]]
Consents = Callable[[Sequence[Event]], None]
"""Records consent events, so that a restored backup knows of them. Raises ProfilesUnavailable."""


class ProfileUpdater:
    """Folds events and keeps the profiles that it saved last in a cache.

    ``recent`` says of (site, profile) whether the warehouse may still lack rows of it. ``wait`` is called while the
    store is unavailable: it returns when it is time to try again, or raises.
    """

    def __init__(
        self,
        store: ProfileStore,
        erased: Erased,
        metrics: Metrics,
        recent: Callable[[str, str], bool],
        wait: Callable[[ProfilesUnavailable], None],
        consents: Consents | None = None,
    ) -> None:
        self.store, self.erased, self.metrics, self.recent, self.wait = store, erased, metrics, recent, wait
        self.consents = consents
        self._cache = ProfileCache()

    def fold(self, site: str, settings: Settings, pairs: Pairs) -> tuple[Folded, Refused]:
        """What became of the events, all of them saved; and the messages that can never be applied, with the reason.

        What was received of people before they were erased is in neither.
        """
        refused: list[tuple[Message, str]] = []

        def aside(pair: tuple[Message, EnrichedEvent], error: Exception) -> None:
            message = pair[0]
            logger.error(
                "cannot apply the message at %d/%d", message.partition, message.position, exc_info=error
            )
            refused.append((message, f"cannot be applied: {error!r}"))

        return isolated(lambda some: self._folded(site, settings, some), pairs, aside), refused

    def _folded(self, site: str, settings: Settings, pairs: Pairs) -> Folded:
        """Fold and save some events, and wait as long as the store is unavailable."""
        while True:
            batch = Batch(self.store, site, settings, lambda name: self.recent(site, name), self._cache)
            try:
                pairs = self._not_erased(site, pairs)
                results = batch.run([item for _, item in pairs])
                self._tell_consents(pairs)
            except ProfilesUnavailable as error:
                self.wait(error)
            except OSError as error:
                self.wait(ProfilesUnavailable(str(error)))
            else:
                self.metrics.conflicts.inc(batch.conflicts)
                return [
                    (message, item, result) for (message, item), result in zip(pairs, results, strict=True)
                ]

    def _tell_consents(self, pairs: Pairs) -> None:
        said = [item.event for _, item in pairs if item.event.type == "consent"]
        if said and self.consents is not None:
            self.consents(said)

    def _not_erased(self, site: str, pairs: Pairs) -> Pairs:
        """Without what was received of people before they were erased, or what the site tells now of the time before: a
        shop's webhooks tell old orders again."""
        cutoffs = self.erased.cutoffs(site)
        kept = [
            pair
            for pair in pairs
            if (said := _said(event := pair[1].event)) > cutoffs.newest
            or not cutoffs.cover(site, ids_of(event), said)
        ]
        self.metrics.erased.inc(len(pairs) - len(kept))
        return kept


def _said(event: Event) -> int:
    """Up to when an event tells of somebody, in ms."""
    return event.ts if event.sender == SITE and event.ts < event.received else event.received
