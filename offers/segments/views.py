"""Persons as they are at this moment: stage and segments change while nothing happens, so no page reads stored ones."""

from collections.abc import Callable
from dataclasses import dataclass

from offers.audience.visitor import View
from offers.segments.store import SegmentStore
from profiles.model import Profile
from tracker.sites import Site


@dataclass(frozen=True, slots=True)
class Views:
    """Raises SegmentsUnavailable. ``clock`` in seconds."""

    segments: SegmentStore
    clock: Callable[[], float]

    def now(self) -> int:
        """In milliseconds."""
        return int(self.clock() * 1000)

    def defined(self, site: Site) -> list[str]:
        """The ids of the site's segments."""
        return [each.id for each in self.segments.all(site.id)]

    def of(self, site: Site) -> Callable[[Profile], View]:
        """The view of each profile at one moment. Segments are as they are defined then: whoever just wrote one asks
        about it next."""
        now, segments = self.now(), self.segments.fresh(site.id)
        return lambda profile: View(profile, now, site, segments_of=segments.of)
