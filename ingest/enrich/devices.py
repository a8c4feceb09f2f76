"""What a user-agent string and client hints say: device, browser, system, and whether a person is behind it."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import ua_parser
from crawleruseragents import is_crawler
from user_agents.parsers import (
    TABLET_DEVICE_FAMILIES,
    UserAgent,
    parse_browser,
    parse_device,
    parse_operating_system,
)

from ingest.enrich.in_app_browsers import BRANDS, in_app
from tracker.agents.agents import agent_name, sure_agent

UA_LIMIT = 512
"""Longer strings are cut before they are parsed: regular expressions are not for hostile megabytes."""
WINDOWS_11 = 13
"""The first major version of Sec-CH-UA-Platform-Version that Windows 11 sends; Windows 10 sends 1 to 10."""

PEOPLE = ("AP3A.240617.008", "MetaIAB Facebook")
"""What crawler-user-agents takes for crawlers, and people's phones have: a build of Android, Facebook's browser."""

_SCREENS = (
    ("console", ("PlayStation", "Xbox", "Nintendo")),
    (
        "tv",
        (
            *(
                "SMART-TV",
                "SmartTV",
                "Smart-TV",
                "SmartHub",
                "Web0S",
                "webOS.TV",
                "NetCast",
                "AppleTV",
                "Apple TV",
            ),
            *(
                "GoogleTV",
                "Google TV",
                "Android TV",
                "BRAVIA",
                "HbbTV",
                "CrKey",
                "Roku",
                "VIDAA",
                "Viera",
                "Fire TV",
            ),
            *(
                "; AFT",
                " TV Safari",
                "Opera TV",
                "OPR TV",
                "DTV",
                "MiTV",
                "MIBOX",
                "SHIELD Android",
                "Chromecast",
            ),
        ),
    ),
    ("wearable", ("Watch OS", "watchOS", "Apple Watch", "AppleWatch", "Wear OS", "SM-R", "Galaxy Watch")),
    (
        "other",
        (
            *(
                "Tesla/",
                "QtCarBrowser",
                "Android Automotive",
                "OculusBrowser",
                "; Quest",
                "PicoBrowser",
                "Kindle/",
            ),
            *("Kobo", "PocketBook", "Sony PRS", "tolino"),
        ),
    ),
)
"""Kinds of devices by what their user agents have in them, before any rule about phones and computers."""


class Device(NamedTuple):
    """``kind`` is desktop, phone, tablet, tv, console, wearable or other. A headless browser is told apart from a bot:
    it may be the site's own test or preview, and the site's settings say whether it counts. ``agent``: the name of the
    program, of a bot or headless browser; "" for people's browsers."""

    kind: str = ""
    browser: str = ""
    os: str = ""
    bot: bool = False
    headless: bool = False
    agent: str = ""


class Hints(NamedTuple):
    """What a browser says beside its user agent. ``touch``: its screen takes several fingers at once. ``brand``,
    ``platform`` and ``version`` are those of ``tracker.http.client_hints``."""

    touch: bool = False
    brand: str = ""
    platform: str = ""
    version: str = ""


NO_HINTS = Hints()


def hints_of(context: Mapping[str, Any]) -> Hints:
    """The hints in the context of an event."""
    touch, told = context.get("touch"), context.get("hints")
    if told is None and touch is None:
        return NO_HINTS
    said = told if isinstance(told, dict) else {}
    texts = (said.get(name) for name in ("brand", "platform", "version"))
    return Hints(type(touch) is int and touch > 1, *(text if isinstance(text, str) else "" for text in texts))


class _Client(UserAgent):  # type: ignore[misc]  # it has no types
    """user-agents' rules over what ua-parser's native engine finds; its own way takes 1.5 ms for a string, not 0.1."""

    def __init__(self, text: str) -> None:
        found = ua_parser.parse(text).with_defaults()
        system, browser, device = found.os, found.user_agent, found.device
        self.ua_string = text
        self.os = parse_operating_system(
            system.family, system.major, system.minor, system.patch, system.patch_minor
        )
        self.browser = parse_browser(browser.family, browser.major, browser.minor, browser.patch)
        self.device = parse_device(device.family, device.brand, device.model)


@lru_cache(maxsize=50_000)
def device(ua: str, hints: Hints = NO_HINTS) -> Device:
    """The device that sent ``ua``; an empty string says nothing. Cached: sites see few distinct strings."""
    if not ua:
        return Device()
    ua = ua[:UA_LIMIT]
    headless = "HeadlessChrome" in ua
    plain = ua.replace("HeadlessChrome", "Chrome")
    parsed = _Client(plain)
    kind, system = _told_by_hints(ua, hints, _kind(ua, parsed), _system(ua, parsed))
    browser = BRANDS.get(hints.brand) or in_app(ua) or parsed.browser.family
    for part in PEOPLE:
        plain = plain.replace(part, "")
    bot = parsed.is_bot or sure_agent(ua) is not None or is_crawler(plain)
    agent = agent_name(ua) or parsed.browser.family if bot or headless else ""
    return Device(kind, browser, system, bot, headless, agent)


def _kind(ua: str, parsed: _Client) -> str:
    for kind, parts in _SCREENS:
        if any(part in ua for part in parts):
            return kind
    if "Android" in ua and parsed.device.family not in TABLET_DEVICE_FAMILIES:
        return "phone" if "Mobile" in ua else "tablet"
    if parsed.is_tablet:
        return "tablet"
    if parsed.is_mobile:
        return "phone"
    return "desktop" if parsed.is_pc else "other"


def _system(ua: str, parsed: _Client) -> str:
    family: str = parsed.os.family
    return "iPadOS" if family == "iOS" and "iPad" in ua else family


def _told_by_hints(ua: str, hints: Hints, kind: str, system: str) -> tuple[str, str]:
    """Kind and system. An iPad says that it is a Macintosh, which no Mac with a touch screen is: there is none."""
    if hints.touch and "Macintosh" in ua:
        return "tablet", "iPadOS"
    if hints.platform == "Windows" and system == "Windows" and hints.version:
        major = hints.version.partition(".")[0]
        if major.isascii() and major.isdigit() and int(major):
            return kind, "Windows 11" if int(major) >= WINDOWS_11 else "Windows 10"
    if hints.platform == "Android" and "Android" not in ua and kind == "desktop":
        return (
            "tablet",
            "Android",
        )  # a phone or tablet that asks for desktop pages: its screen decides, unknown here
    return kind, system
