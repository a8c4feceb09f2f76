"""What a user-agent string says: device, browser, system, and whether a person is behind it."""

from functools import lru_cache
from typing import NamedTuple

import user_agents
from crawleruseragents import is_crawler

UA_LIMIT = 512
"""Longer strings are cut before they are parsed: regular expressions are not for hostile megabytes."""


class Device(NamedTuple):
    """``kind`` is desktop, phone, tablet or other. A headless browser is told apart from a bot: it may be the
    site's own test or preview, and the site's settings say whether it counts."""

    kind: str = ""
    browser: str = ""
    os: str = ""
    bot: bool = False
    headless: bool = False


@lru_cache(maxsize=50_000)
def device(ua: str) -> Device:
    """The device that sent ``ua``; an empty string says nothing. Cached: sites see few distinct strings."""
    if not ua:
        return Device()
    ua = ua[:UA_LIMIT]
    headless = "HeadlessChrome" in ua
    plain = ua.replace("HeadlessChrome", "Chrome")
    parsed = user_agents.parse(plain)
    if parsed.is_tablet:
        kind = "tablet"
    elif parsed.is_mobile:
        kind = "phone"
    elif parsed.is_pc:
        kind = "desktop"
    else:
        kind = "other"
    bot = parsed.is_bot or is_crawler(plain)
    return Device(kind, parsed.browser.family, parsed.os.family, bot, headless)
