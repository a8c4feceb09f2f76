"""Decisions and responses that the site's own server sends for its visitor are the visitor's, whatever the server's
program calls itself; a crawler's are a crawler's."""

import time
from pathlib import Path
from typing import Any

import pytest

from ingest.enrich.enrich import facts
from tests.support.machine import Clock
from tests.support.web_stage import stage_of
from tracker.agents.agents import names_library
from tracker.event import Event, decode
from tracker.sites import Site

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
LIBRARIES = (
    *("python-requests/2.32.3", "python-httpx/0.27", "python-urllib3/2.2", "Python/3.12 aiohttp/3.9"),
    *("GuzzleHttp/7", "Guzzle/6.5 curl/8", "Symfony HttpClient/Curl", "PHP/8.3", "Magento 2", "Shopware/6"),
    *("node-fetch", "node", "undici", "axios/1.7.2", "got (sindresorhus/got)", "our-shop/3", "Ruby"),
    *("okhttp/4.12.0", "Go-http-client/2.0", "Java/17.0.1", "Java-http-client/21", "Dart/3.4 (dart:io)"),
    *("Apache-HttpClient/4.5 (Java/11)", "Faraday v2.9", "rest-client/2.1", "reqwest/0.12", "Wget/1.21"),
    *("curl/8.5.0", "WordPress/6.5; https://shop.example"),
)
CRAWLERS = ("Googlebot/2.1", "facebookexternalhit/1.1", "GPTBot/1.2", GOOGLEBOT)


@pytest.mark.parametrize("ua", LIBRARIES)
def test_a_library_says_nothing_about_the_visitor(ua: str) -> None:
    assert names_library(ua)


@pytest.mark.parametrize("ua", ["", CHROME, *CRAWLERS])
def test_browsers_and_crawlers_say_what_they_are(ua: str) -> None:
    assert not names_library(ua)


@pytest.mark.redis
@pytest.mark.parametrize("key", ["wk_test", "sk_test"])
def test_what_a_server_asks_for_its_visitor_is_the_visitors(
    tmp_path: Path, redis_url: str, site: Site, clock: Clock, key: str
) -> None:
    stage = stage_of(tmp_path, redis_url, site, clock)
    creative = {"id": "a", "kind": "json", "content": {"title": "Hello"}}
    hero = {"name": "Hero", "status": "live", "slots": ["hero"], "holdout": 0.5, "creatives": [creative]}
    assert stage.call("PUT", "/v1/campaigns/hero", json=hero).status_code == 200
    consumer = stage.stores.log.consumer("test", "one")
    agents = [*LIBRARIES, CHROME, *CRAWLERS]
    for number, ua in enumerate(agents):
        body = {"visitor": f"w{number}", "slots": [{"id": "hero", "kind": "offer"}]}
        stage.call("POST", "/v1/personalize", key, json=body, headers={"User-Agent": ua})
    bots = {event.visitor: facts(event, site).bot for event in waited(len(agents), consumer)}
    assert bots == {f"w{number}": ua in CRAWLERS for number, ua in enumerate(agents)}


@pytest.mark.parametrize("source", ["snippet", "pixel", "segment"])
@pytest.mark.parametrize("name", ["Offer Viewed", "Offer Clicked", "Offer Dismissed"])
def test_a_response_that_a_server_sends_counts_and_a_crawlers_does_not(
    site: Site, source: str, name: str
) -> None:
    def bot(ua: str) -> bool:
        event = Event(
            site="s", id="1", type="track", name=name, visitor="v", ts=1, received=1, source=source, ua=ua
        )
        return facts(event, site).bot

    assert not any(map(bot, (*LIBRARIES, CHROME)))
    assert all(map(bot, CRAWLERS)) is (source != "segment")


def waited(count: int, consumer: Any) -> list[Event]:
    deadline, events = time.monotonic() + 10, []
    while len(events) < count and time.monotonic() < deadline:
        events += [decode(message.value) for message in consumer.poll(1000, 0.2)]
    return events
