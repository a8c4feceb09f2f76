"""Channels, devices, countries, products: what one event says about its visitor."""

from urllib.parse import quote

import pytest
import user_agents
from crawleruseragents import CRAWLER_USER_AGENTS_DATA
from hypothesis import given
from hypothesis import strategies as st

from ingest.enrich.channels import arrival, keyword
from ingest.enrich.countries import country
from ingest.enrich.devices import _Client, device
from ingest.enrich.enrich import facts, path_of
from ingest.enrich.in_app_browsers import in_app
from tracker.event import Event
from tracker.sites import Site

SITE = Site(id="s", write_key="w", secret_key="k")
SHOP = "https://shop.example/shoes"
GOOGLE_KR = "https://www.google.co.kr/search?q=running+shoes"
NAVER = "https://search.naver.com/search.naver?query=" + quote("운동화")
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 16_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/16.1 Mobile/15E148 Safari/604.1"
)
FAVICON = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/49.0.2623.75 Safari/537.36 "
    "Google Favicon"
)
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("url", "referrer", "channel", "origin", "words"),
    [
        (
            SHOP,
            "https://www.google.co.kr/search?q=running+shoes",
            "organic search",
            "google",
            "running shoes",
        ),
        (SHOP, "https://www.google.com/", "organic search", "google", ""),
        (
            SHOP,
            f"https://search.naver.com/search.naver?query={quote('운동화')}",
            "organic search",
            "naver",
            "운동화",
        ),
        (SHOP, f"https://m.search.daum.net/search?q={quote('운동화')}", "organic search", "daum", "운동화"),
        (SHOP, "http://search.zum.com/search.zum?query=boots", "organic search", "zum", "boots"),
        (
            SHOP,
            "http://search.nate.com/search/all.html?q=" + quote("신발".encode("euc-kr")),
            "organic search",
            "nate",
            "신발",
        ),
        (SHOP, "https://uk.search.yahoo.com/search?p=boots", "organic search", "yahoo", "boots"),
        (SHOP, "https://yandex.ru/search/?text=boots", "organic search", "yandex", "boots"),
        (SHOP, "https://l.facebook.com/l.php?u=x", "social", "facebook", ""),
        (SHOP, "https://t.co/abc", "social", "x", ""),
        (SHOP, "https://mail.google.com/mail/u/0", "e-mail", "gmail", ""),
        (SHOP, "android-app://com.google.android.gm/", "e-mail", "gmail", ""),
        (SHOP, "https://blog.naver.com/someone/1", "social", "naver blog", ""),
        (SHOP, "https://chatgpt.com/", "AI assistant", "chatgpt", ""),
        (SHOP, "https://www.perplexity.ai/search/x", "AI assistant", "perplexity", ""),
        (SHOP, "https://friend.example/post", "referral", "friend.example", ""),
        (SHOP, "https://notgoogle.example/?q=x", "referral", "notgoogle.example", ""),
        (SHOP, "https://ask.example.com/?q=x", "referral", "ask.example.com", ""),
        (SHOP, "http://semalt.com/crawler", "spam", "semalt.com", ""),
        (SHOP + "?gclid=abc", "https://www.google.com/", "paid search", "google", ""),
        (SHOP + "?msclkid=abc", "", "paid search", "bing", ""),
        (SHOP + "?fbclid=abc", "https://l.instagram.com/", "social", "instagram", ""),
        (SHOP + "?utm_source=google&utm_medium=cpc&utm_term=boots", "", "paid search", "google", "boots"),
        (SHOP + "?utm_source=news&utm_medium=email&utm_campaign=may", "", "e-mail", "news", ""),
        (SHOP + "?utm_source=instagram&utm_medium=social", "", "social", "instagram", ""),
        (SHOP + "?utm_source=chatgpt.com", "", "AI assistant", "chatgpt", ""),
        (SHOP + "?utm_source=partner&utm_medium=banner&utm_campaign=x", "", "display", "partner", ""),
    ],
)
def test_arrival(url: str, referrer: str, channel: str, origin: str, words: str) -> None:
    came = arrival(url, referrer)
    assert came is not None
    assert (came.channel, came.origin, came.keyword) == (channel, origin, words)


@pytest.mark.parametrize(
    "referrer", ["", "https://shop.example/", "https://www.shop.example/a?b", "https://shop.example:443/x"]
)
def test_internal_or_no_referrer_says_nothing(referrer: str) -> None:
    assert arrival(SHOP, referrer) is None


def test_campaigns_and_click_ids_have_keys_and_plain_referrers_have_none() -> None:
    tagged = arrival(SHOP + "?utm_source=a&utm_campaign=b", "")
    other = arrival(SHOP + "?utm_source=a&utm_campaign=c", "")
    clicked = arrival(SHOP + "?gclid=1", "")
    plain = arrival(SHOP, "https://www.google.com/")
    assert tagged and other and clicked and plain
    assert len({tagged.key, other.key, clicked.key}) == 3
    assert plain.key == ""


@given(st.text(max_size=300), st.text(max_size=300))
def test_arrival_survives_anything(url: str, referrer: str) -> None:
    arrival(url, referrer)
    arrival("https://a.example/?" + url, "https://google.com/?q=" + referrer)
    keyword("https://google.com/?q=%ff" + referrer, ("q",))
    path_of(url)


def test_devices() -> None:
    assert device(IPHONE)[:4] == ("phone", "Mobile Safari", "iOS", False)
    assert device(CHROME)[:4] == ("desktop", "Chrome", "Linux", False)
    assert device("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)").bot
    assert device("Mozilla/5.0 (compatible; Yeti/1.1; +http://naver.me/spd)").bot
    assert device("curl/8.5.0").bot
    assert device("").kind == ""
    assert device("A" * 1_000_000).kind == "other"


def test_the_native_engine_says_what_user_agents_own_way_says() -> None:
    known = [text for each in CRAWLER_USER_AGENTS_DATA for text in each.get("instances", [])[:1]]
    for text in [IPHONE, CHROME, *known[::5]]:
        found, own = device(text), user_agents.parse(text.replace("HeadlessChrome", "Chrome"))
        assert (found.browser, found.os) == (in_app(text) or own.browser.family, own.os.family)
        assert (found.kind == "desktop") == (own.is_pc and not own.is_tablet and not own.is_mobile)
        assert found.bot or not own.is_bot
    # Their own way takes every browser of a PC for a person's.
    assert not user_agents.parse(FAVICON).is_bot
    assert _Client(FAVICON).is_bot


def test_headless_browsers_count_unless_the_site_says_no() -> None:
    ua = CHROME.replace("Chrome", "HeadlessChrome")
    event = Event(site="s", id="1", type="page", visitor="v", ts=1, received=1, source="snippet", ua=ua)
    assert device(ua).browser == "Chrome"
    assert not facts(event, SITE).bot
    strict = Site(id="s", write_key="w", secret_key="k", count_headless=False)
    assert facts(event, strict).bot


def test_a_server_sdk_is_not_a_bot_but_a_crawler_on_a_page_is() -> None:
    ua = "python-requests/2.32"
    sdk = Event(site="s", id="1", type="track", name="x", user="u", ts=1, received=1, source="segment", ua=ua)
    page = Event(site="s", id="1", type="page", visitor="v", ts=1, received=1, source="snippet", ua=ua)
    assert not facts(sdk, SITE).bot
    assert facts(page, SITE).bot


def test_countries() -> None:
    assert country("211.231.100.0") == "KR"
    assert country("2001:4860:4860::") == "US"
    assert country("10.0.0.0") == country("") == country("nonsense") == ""


def test_facts_of_a_landing() -> None:
    event = Event(
        site="s",
        id="1",
        type="page",
        visitor="v",
        ts=5,
        received=5,
        source="snippet",
        url="https://shop.example/%EC%8B%A0%EB%B0%9C?utm_source=n&utm_medium=email&utm_campaign=c",
        ua=IPHONE,
        ip="211.231.100.0",
        context={"demo": True, "session": 77},
    )
    found = facts(event, SITE)
    assert found.touch and (found.touch.channel, found.touch.campaign, found.touch.landing) == (
        "e-mail",
        "c",
        "/신발",
    )
    assert (found.path, found.device, found.country, found.demo) == ("/신발", "phone", "KR", True)
    assert found.session_hint == "77"
