"""What became of the last fetch of each site's feed: for the schedule, the desk and the doctor."""

from typing import Any

import msgspec

from recommender.feeds.fetch import Validators
from tracker.redis_connection import redis_errors

MESSAGE_LIMIT = 500


class FeedStatus(msgspec.Struct, frozen=True, kw_only=True):
    """Times are ms. ``error``: why the last fetch failed, "" when it did not; ``fetched``: when one last succeeded.

    ``refused`` records could not be used, ``left`` items were not in the feed any more; ``suspicious``: the feed had
    shrunk so much that they were let be.
    """

    url: str
    asked: int
    fetched: int = 0
    error: str = ""
    items: int = 0
    refused: int = 0
    example: str = ""
    left: int = 0
    suspicious: bool = False
    etag: str = ""
    modified: str = ""

    @property
    def validators(self) -> Validators:
        return Validators(self.etag, self.modified)

    @property
    def trouble(self) -> bool:
        """Whether somebody should look at it."""
        return bool(self.error or self.suspicious)


class FeedRecords:
    """The status of each site's feed. Raises Unavailable."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def read(self, site: str) -> FeedStatus | None:
        with redis_errors("feeds"):
            raw = self._client.get(_key(site))
        return msgspec.json.decode(raw, type=FeedStatus) if raw else None

    def write(self, site: str, status: FeedStatus) -> None:
        with redis_errors("feeds"):
            self._client.set(_key(site), msgspec.json.encode(status))


def _key(site: str) -> str:
    return f"dg:{{{site}}}:feed"
