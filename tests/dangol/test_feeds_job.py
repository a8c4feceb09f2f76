"""The scheduled fetch of a site's feed, with a real Redis and a real server."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from dangol import compose
from dangol.jobs.feeds import Feeds
from dangol.settings import Settings
from recommender.catalogue.item import Item
from recommender.feeds.status import FeedStatus
from tests.support import feed_files
from tests.support.feed_server import FeedServer
from tests.support.machine import Clock
from tracker.sites import Site, Sites, SitesInvalid, new_site

pytestmark = pytest.mark.redis


class Shop:
    def __init__(
        self, folder: Path, redis_url: str, server: FeedServer, clock: Clock, internal: bool = True
    ) -> None:
        self.settings = Settings(data=str(folder), profiles=redis_url, log=redis_url, feed_internal=internal)
        self.site = msgspec.structs.replace(new_site("s"), feed=f"{server.url}/feed", feed_hours=6)
        self.feeds = Feeds(self.settings, clock)

    def run(self) -> FeedStatus:
        self.feeds.run(self.site)
        status = compose.feed_records(self.settings).read("s")
        assert status
        return status

    def item(self, item_id: str) -> Item | None:
        return compose.catalogue(self.settings, "s").get(item_id)


@pytest.fixture
def server() -> Iterator[FeedServer]:
    running = FeedServer()
    yield running
    running.close()


@pytest.fixture
def shop(tmp_path: Path, redis_url: str, server: FeedServer, clock: Clock) -> Shop:
    return Shop(tmp_path, redis_url, server, clock)


def test_a_feed_is_read_when_it_is_due(shop: Shop, server: FeedServer, clock: Clock) -> None:
    server.gives("/feed", feed_files.GOOGLE_TSV.encode(), ETag="a")
    status = shop.run()
    assert (status.items, status.refused, status.error) == (2, 0, "")
    found = shop.item("A1")
    assert found and found.price == 12.5
    shop.run()
    assert len(server.asked) == 1, "not due"
    clock.advance(6 * 3600 + 1)
    server.gives("/feed", b"", 304)
    assert shop.run().items == 2 and len(server.asked) == 2


def test_a_failure_is_kept_and_tried_again_soon(shop: Shop, server: FeedServer, clock: Clock) -> None:
    server.gives("/feed", b"<html>Sorry</html>")
    status = shop.run()
    assert "HTML" in status.error and status.trouble and not status.fetched
    assert str(shop.settings.folder) not in status.error
    clock.advance(16 * 60)
    server.gives("/feed", feed_files.GOOGLE_TSV.encode())
    assert shop.run().error == "" and shop.item("A1")


@pytest.mark.parametrize("cut", [400, 700, 1000])
def test_a_feed_that_breaks_off_takes_nothing_away(
    shop: Shop, server: FeedServer, clock: Clock, cut: int
) -> None:
    server.gives("/feed", feed_files.GOOGLE_XML.encode())
    shop.run()
    clock.advance(7 * 3600)
    server.gives("/feed", feed_files.GOOGLE_XML.encode()[:cut])
    assert "line" in shop.run().error
    found = shop.item("T/3")
    assert found and found.available


def test_an_internal_address_needs_a_setting(
    tmp_path: Path, redis_url: str, server: FeedServer, clock: Clock
) -> None:
    server.gives("/feed", feed_files.GOOGLE_TSV.encode())
    shop = Shop(tmp_path, redis_url, server, clock, internal=False)
    assert "DANGOL_FEED_INTERNAL" in shop.run().error and not server.asked


def test_a_file_is_read_when_it_has_changed(shop: Shop, tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "my feed.csv"
    path.write_text(feed_files.FACEBOOK_CSV)
    shop.site = msgspec.structs.replace(shop.site, feed=path.as_uri())
    assert shop.run().items == 3
    clock.advance(7 * 3600)
    path.write_text(feed_files.FACEBOOK_CSV.replace("9.99 EUR", "9.49 EUR"))
    shop.run()
    found = shop.item("f1")
    assert found and found.price == 9.49
    path.unlink()
    clock.advance(7 * 3600)
    assert "No such file" in shop.run().error


@pytest.mark.parametrize("feed", ["ftp://x/y", "feed.xml", "javascript:x", "http://", "http:///x"])
def test_what_is_no_feed_is_refused(tmp_path: Path, feed: str) -> None:
    with pytest.raises(SitesInvalid):
        Sites(tmp_path / "sites.json").save(Site(id="s", write_key="a", secret_key="b", feed=feed))
