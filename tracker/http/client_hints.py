"""Client hints: what Chromium's browsers say of themselves in headers beside the user agent.

Sec-CH-UA, -Platform and -Mobile come by themselves over HTTPS; Sec-CH-UA-Platform-Version only where the shop's own
pages ask for it on behalf of the tracker (Accept-CH and Permissions-Policy). User-Agent Client Hints, W3C/WICG.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

LIMIT = 40
"""Characters of a hint that are kept."""
HEADER_LIMIT = 400
COMMON = frozenset({"Chromium", "Google Chrome", "Microsoft Edge", "Android WebView", "HeadlessChrome"})
"""Brands that the user agent tells as well."""


def client_hints(environ: Mapping[str, Any]) -> Mapping[str, str]:
    """What the hints of a request say more than its user agent does: ``brand``, ``platform`` and ``version`` (of the
    platform). Empty for most requests. It is shared: do not change it."""
    brands = environ.get("HTTP_SEC_CH_UA")
    if not brands:
        return {}
    return _read(
        brands[:HEADER_LIMIT],
        environ.get("HTTP_SEC_CH_UA_PLATFORM", "")[:LIMIT],
        environ.get("HTTP_SEC_CH_UA_PLATFORM_VERSION", "")[:LIMIT],
        "Android" in environ.get("HTTP_USER_AGENT", ""),
    )


@lru_cache(maxsize=4096)
def _read(brands: str, platform: str, version: str, android: bool) -> Mapping[str, str]:
    told: dict[str, str] = {}
    # The quoted texts stand at odd places: names and versions by turns.
    names = [text for text in brands.split('"')[1::4] if text not in COMMON and not _grease(text)]
    if names:
        told["brand"] = _clean(names[0])
    system = _clean(platform)
    if version.strip(' "') or (system == "Android" and not android):
        told |= {"platform": system, "version": _clean(version)}
    return {name: text for name, text in told.items() if text}


def _grease(name: str) -> bool:
    """Whether a brand is made up, so that nobody relies on the list: "Not A;Brand", "Not/A)Brand"."""
    return "not" in name.lower() and "brand" in name.lower()


def _clean(text: str) -> str:
    kept = text.strip(' "')[:LIMIT]
    return kept if kept.isascii() and kept.isprintable() else ""
