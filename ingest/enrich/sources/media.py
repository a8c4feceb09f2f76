"""The channel of a tagged link, from the kind of its source and its medium: Google Analytics 4's documented rules,
except that a medium which names a channel (email, sms, push, affiliate, audio, social) counts before the source."""

import re

from ingest.enrich.sources.places import plain_name

_PAID = frozenset(
    {
        *("ppc", "retargeting", "sem", "sa", "ads", "ad", "adwords", "ppv", "search ad", "search ads"),
        *("keyword ad", "powerlink", "brandsearch", "brand search", "pmax", "performance max"),
    }
)
_SHOP = re.compile(r"(?:[^a-df-z]|\A)shop|shopping")
_DISPLAY = frozenset(
    {
        *("display", "banner", "expandable", "interstitial", "cpm", "da", "gdn", "native", "rich media"),
        *("popup", "dv360"),
    }
)
_MAIL = frozenset(
    {
        *("email", "e mail", "mail", "newsletter", "newsletters", "edm", "crm email", "mailing"),
        *("e newsletter", "eml"),
    }
)
_SOCIAL = frozenset(
    {
        *("social", "social network", "social media", "sm", "sns", "organic social", "social organic"),
        *("social post", "socialmedia"),
    }
)
_SMS = frozenset({"sms", "lms", "mms", "text message"})
_BY_MEDIUM = {
    **dict.fromkeys(_DISPLAY, "display"),
    **dict.fromkeys(_MAIL, "e-mail"),
    **dict.fromkeys(_SMS, "SMS"),
    **dict.fromkeys(("affiliate", "affiliates", "affiliation"), "affiliate"),
    **dict.fromkeys(("audio", "podcast", "radio"), "audio"),
    **dict.fromkeys(("ai assistant", "ai", "llm", "chatbot"), "AI assistant"),
    **dict.fromkeys(("shopping", "organic shopping", "price comparison", "marketplace"), "shopping"),
    **dict.fromkeys(_SOCIAL, "social"),
}
_BY_FIRST_WORD = {
    **dict.fromkeys(("display", "banner"), "display"),
    **dict.fromkeys(("email", "newsletter"), "e-mail"),
    **dict.fromkeys(("affiliate", "affiliates"), "affiliate"),
    "sms": "SMS",
    "push": "push",
    "audio": "audio",
    "social": "social",
}
_ON_PORTALS = frozenset({"blog", "cafe", "community", "messenger"})
"""Media that are social where a portal has them: utm_source=naver&utm_medium=blog."""
_PAID_OF = {
    "search": "paid search",
    "social": "paid social",
    "video": "paid video",
    "shopping": "paid shopping",
}
_OF_KIND = {
    "search": "organic search",
    "social": "social",
    "video": "video",
    "shopping": "shopping",
    "e-mail": "e-mail",
    "AI assistant": "AI assistant",
    "display": "display",
    "affiliate": "affiliate",
}
"""The channel of a visit that nobody paid for, by the kind of the place that it came from."""
_REFERRAL = frozenset({"referral", "app", "link"})
MEDIUM_OF = {
    "search": "organic",
    "social": "social",
    "video": "video",
    "shopping": "shopping",
    "e-mail": "email",
    "AI assistant": "ai-assistant",
    "display": "display",
    "affiliate": "affiliate",
}
"""The medium of a referrer of a kind; of any other it is "referral"."""


def channel_of(kind: str, source: str, medium: str, campaign: str) -> str:
    """The channel of a tagged link, whose texts are in lower case. ``kind``: of its source, "" for an unknown."""
    medium = plain_name(medium)
    if medium and (paid := _paid_channel(kind, medium, campaign)):
        return paid
    if named := _BY_MEDIUM.get(medium) or _BY_FIRST_WORD.get(medium.partition(" ")[0]):
        return named
    if medium in _ON_PORTALS and kind in ("search", "social"):
        return "social"
    if medium.endswith("push") or "notification" in medium or "mobile" in medium or source == "firebase":
        return "push"
    if "video" in medium and kind not in ("social", "shopping"):
        return "video"
    return _unpaid_channel(kind, plain_name(source), medium, campaign)


def _paid_channel(kind: str, medium: str, campaign: str) -> str:
    """ "" for a medium that nobody pays for."""
    for name in ("social", "search", "video", "shopping"):
        if name in medium and ("paid" in medium or medium.endswith((" ads", " ad", " cpc"))):
            return _PAID_OF[kind if kind in _PAID_OF and name == "social" and kind != "search" else name]
    if "cp" not in medium and not medium.startswith("paid") and medium not in _PAID:
        return ""
    if kind == "shopping" or _SHOP.search(campaign):
        return "paid shopping"
    if kind in _PAID_OF:
        return _PAID_OF[kind]
    if medium in _DISPLAY or kind == "display" or "display" in medium:
        return "display"
    return "affiliate" if kind == "affiliate" or "affiliate" in medium else "campaign"


def _unpaid_channel(kind: str, source: str, medium: str, campaign: str) -> str:
    if source in _MAIL:
        return "e-mail"
    if source in _SMS:
        return "SMS"
    if kind != "social" and _SHOP.search(campaign) and medium in ("", "organic", *_REFERRAL):
        return "shopping"
    if kind in _OF_KIND:
        return _OF_KIND[kind]
    if medium == "organic":
        return "organic search"
    return "referral" if medium in _REFERRAL else "campaign"


def referred_channel(kind: str) -> str:
    """The channel of a visit that came from a place of ``kind`` by an untagged link."""
    return _OF_KIND.get(kind, "referral")
