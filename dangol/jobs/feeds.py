"""The scheduled fetch of a site's feed: from its address or file into the catalogue, with what became of it."""

import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from dangol import compose
from dangol.settings import Settings
from dangol.transfer.item_file import ItemFile, ItemOptions
from dangol.transfer.item_import import ItemSummary, read_items
from ingest.files.mappings import MAPPINGS, Mappings
from ingest.files.rejects import Rejects
from ingest.files.rows import FileInvalid
from recommender.catalogue.store import CatalogueFull
from recommender.feeds.fetch import Fetched, Fetcher, FetchFailed, Validators, shown
from recommender.feeds.status import MESSAGE_LIMIT, FeedStatus
from recommender.feeds.sync import FeedSync
from tracker.durations import HOUR_MS, MINUTE_MS
from tracker.machine_clock import passed
from tracker.sites import Site

FEED = "feed"
"""The name under which items are known to be in the site's feed; a file of the same feed may be imported by hand."""
AGAIN_MS = 15 * MINUTE_MS
"""A fetch that failed is tried again after this time, if it would not be anyway."""

logger = logging.getLogger("dangol.scheduler")


class Feeds:
    """Fetches feeds when they are due. Raises Unavailable."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock = settings, clock
        self._records = compose.feed_records(settings)
        self._fetcher = Fetcher(internal=settings.feed_internal)

    def run(self, site: Site) -> None:
        """Fetch the site's feed if it is due, and keep what became of it."""
        if site.feed and self._due(site):
            status = self.fetch(site)
            self._records.write(site.id, status)
            if status.error:
                logger.warning("site %s: feed %s: %s", site.id, shown(status.url), status.error)

    def _due(self, site: Site) -> bool:
        last, every = self._records.read(site.id), int(site.feed_hours * HOUR_MS)
        if last is None or last.url != site.feed:
            return True
        wait = min(every, AGAIN_MS) if last.error else every
        return passed(last.asked, self._clock() * 1000, wait)

    def fetch(self, site: Site) -> FeedStatus:
        """Read the feed now; a failure is in the status, beside what was known before."""
        before = self._records.read(site.id)
        if before is None or before.url != site.feed:
            before = FeedStatus(url=site.feed, asked=0)
        status = msgspec.structs.replace(before, asked=int(self._clock() * 1000), error="")
        path = Path()
        try:
            with tempfile.TemporaryDirectory(dir=self._settings.folder) as folder:
                path = Path(folder) / "feed"
                found = self._fetched(site.feed, path, before.validators)
                if not found.changed:
                    return msgspec.structs.replace(status, fetched=status.asked)
                return self._read(site, path, status, found)
        except (FetchFailed, FileInvalid, CatalogueFull, OSError) as error:
            why = str(error).replace(str(path), shown(site.feed))[:MESSAGE_LIMIT]
            return msgspec.structs.replace(status, error=why, etag="", modified="")

    def _fetched(self, source: str, path: Path, known: Validators) -> Fetched:
        """A link to a file of this machine, or what an address gives."""
        parts = urlsplit(source)
        if parts.scheme in ("http", "https"):
            return self._fetcher.fetch(source, path, known)
        file = Path(unquote(parts.path) if parts.scheme == "file" else source)
        state = file.stat()
        validators = Validators(f"{state.st_mtime_ns}-{state.st_size}")
        if validators == known:
            return Fetched(False, known)
        path.symlink_to(file.resolve())
        return Fetched(True, validators, state.st_size)

    def _read(self, site: Site, path: Path, status: FeedStatus, found: Fetched) -> FeedStatus:
        mappings = Mappings(self._settings.folder / MAPPINGS)
        file = ItemFile(path, site, ItemOptions(feed=FEED), mappings)
        with Rejects(None, file.names) as rejects:
            store = compose.item_store(self._settings, site.id)
            summary: ItemSummary = read_items(file, rejects, FeedSync(store, FEED, self._clock), whole=True)
        example = rejects.examples[0] if rejects.examples else None
        leaving = summary.leaving
        status = msgspec.structs.replace(
            status,
            items=summary.items,
            refused=rejects.count,
            example=f"line {example.line}: {example.reason}"[:MESSAGE_LIMIT] if example else "",
            left=leaving.left if leaving else 0,
            suspicious=bool(leaving and leaving.suspicious),
            error=summary.broken[:MESSAGE_LIMIT],
        )
        if status.error:
            return status
        etag, modified = found.validators
        return msgspec.structs.replace(status, fetched=status.asked, etag=etag, modified=modified)
