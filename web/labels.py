"""What stands in the data, in a marketer's words and language: channels, devices, kinds of events."""

from collections.abc import Mapping

from profiles.standing import Cell, Quadrant
from warehouse.question.refused import QueryRefused
from web.language import language
from web.language import lazy_gettext as _l

CHANNELS = {
    "direct": _l("Direct"),
    "organic search": _l("Organic search"),
    "paid search": _l("Paid search"),
    "AI assistant": _l("AI assistant"),
    "social": _l("Social"),
    "paid social": _l("Paid social"),
    "e-mail": _l("E-mail"),
    "display": _l("Display ads"),
    "affiliate": _l("Affiliates"),
    "video": _l("Video"),
    "paid video": _l("Paid video"),
    "shopping": _l("Shopping"),
    "paid shopping": _l("Paid shopping"),
    "audio": _l("Audio"),
    "SMS": _l("SMS"),
    "push": _l("Push messages"),
    "campaign": _l("Campaign"),
    "referral": _l("Referral"),
    "spam": _l("Spam"),
}
DEVICES = {
    "desktop": _l("Desktop"),
    "phone": _l("Phone"),
    "tablet": _l("Tablet"),
    "tv": _l("TV"),
    "console": _l("Game console"),
    "wearable": _l("Watch"),
    "other": _l("Other"),
}

RFM_CELLS: Mapping[Cell, object] = {
    "champions": _l("Champions"),
    "loyal": _l("Loyal customers"),
    "potential loyalists": _l("Potential loyalists"),
    "new": _l("New customers"),
    "promising": _l("Promising"),
    "needs attention": _l("Needs attention"),
    "about to sleep": _l("About to sleep"),
    "at risk": _l("At risk of leaving"),
    "can't lose": _l("Can't lose them"),
    "hibernating": _l("Hibernating"),
    "lost": _l("Lost customers"),
}

QUADRANT_LABELS: Mapping[Quadrant, object] = {
    "not worth personalizing": _l("Not worth personalizing"),
    "help to choose": _l("Help to choose"),
    "preferred customer": _l("Preferred customers"),
    "one-to-one": _l("One-to-one"),
}

AGENT_KINDS = {
    "assistant": _l("AI assistants"),
    "ai-search": _l("AI search"),
    "ai-training": _l("AI training"),
    "search": _l("Search engines"),
    "preview": _l("Link previews"),
    "seo": _l("SEO tools"),
    "monitoring": _l("Monitoring"),
    "other": _l("Other agents"),
}
"""The kinds of ``tracker.agents``."""


_STEP = _l(
    "A step cannot be read. Enter a page such as /product/* or the name of an event. "
    "You can add a condition: where category = shoes and price >= 50"
)
_TIME = _l("A time is a number with m, h or d, such as 30m or 7d")
REFUSALS = {
    "step": _STEP,
    "without": _STEP,
    "anchor": _STEP,
    "goal": _STEP,
    "page": _STEP,
    "order": _l("Exclusions need steps in order: choose “as listed”, or remove the exclusions"),
    "window": _TIME,
    "lookback": _TIME,
    "half_life": _TIME,
}


def refusal(refused: QueryRefused) -> str:
    """What is wrong with a question. The reports' own words say more, but say it in English."""
    return refused.message if language() == "en" else str(REFUSALS.get(refused.field, refused.message))


def short(profile_id: str) -> str:
    """An id that tells people apart at a glance: the customer's own, or the beginning of the visitor's."""
    return profile_id[2:] if profile_id.startswith("u:") else profile_id[2:10]


def channel(name: str) -> str:
    """ "organic search" → Organic search."""
    return str(CHANNELS.get(name, name[:1].upper() + name[1:])) if name else str(CHANNELS["direct"])


def rfm_cell(name: Cell) -> str:
    return str(RFM_CELLS[name])


def device(name: str) -> str:
    return str(DEVICES.get(name, name[:1].upper() + name[1:]))
