"""What the campaign editor calls its fields and choices; its messages and the list of versions say the same."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from offers.campaign.campaign import CampaignInvalid
from web.language import gettext as _
from web.language import lazy_gettext as _l

LABELS: Mapping[str, str] = {
    "id": _l("Id"),
    "name": _l("Name"),
    "slots": _l("Slots"),
    "status": _l("Status"),
    "tier": _l("Tier"),
    "priority": _l("Priority"),
    "audience": _l("Audience"),
    "holdout": _l("Holdout, percent"),
    "group": _l("Exclusion group"),
    "coupons": _l("Coupon pool"),
    "start": _l("From"),
    "end": _l("To"),
    "dayparts": _l("Time of day"),
    "caps": _l("Frequency cap per visitor"),
    "impressions": _l("Impression limit"),
    "clicks": _l("Click limit"),
    "spend": _l("Budget"),
    "cpm": _l("CPM (price of 1,000 impressions)"),
    "cpc": _l("CPC (price of a click)"),
    "goal_event": _l("Goal"),
    "goal_window": _l("Click attribution window"),
    "goal_view_window": _l("View attribution window"),
    "plan_days": _l("Planned length, days"),
    "plan_effect": _l("Smallest effect to find, percent"),
    "plan_measure": _l("Measure"),
    "allocation": _l("Variant allocation"),
    "reward": _l("Optimize for"),
}
VARIANT_LABELS: Mapping[str, str] = {
    "id": _l("Id"),
    "kind": _l("Kind"),
    "weight": _l("Weight"),
    "content": _l("Content"),
    "items": _l("Recommended items"),
}
KINDS: Mapping[str, str] = {
    "html": _l("HTML"),
    "image": _l("image with link"),
    "json": _l("JSON, rendered by the page"),
    "email": _l("E-mail, as JSON"),
    "push": _l("Push message, as JSON"),
}
CHOICES: Mapping[str, Mapping[str, str]] = {
    "status": {
        "draft": _l("Draft"),
        "live": _l("Live now"),
        "paused": _l("Paused"),
        "ended": _l("Ended"),
    },
    "tier": {
        "override": _l("override"),
        "standard": _l("standard"),
        "fallback": _l("fallback"),
    },
    "allocation": {
        "bandit": _l("automatic (bandit)"),
        "fixed": _l("fixed split, by weight"),
        "aa": _l("A/A test: all see the first variant"),
    },
    "plan_measure": {"rate": _l("conversion rate"), "revenue": _l("revenue per person")},
    "reward": {"click": _l("clicks"), "conversion": _l("conversions"), "revenue": _l("revenue")},
}
_VARIANT = re.compile(r"creatives\[(\d{1,4})\]\.?(\w*)")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a form cannot be saved. ``place`` is the id of the field in the page, "" when it is of no field."""

    message: str
    place: str = ""
    label: str = ""


def trouble(refused: CampaignInvalid) -> Trouble:
    place, label = place_of(refused.field)
    return Trouble(refused.message if place else str(refused), place, label)


def place_of(path: str) -> tuple[str, str]:
    """Where the form holds what a document's path names, as (id in the page, label); ("", "") for nowhere."""
    variant = _VARIANT.match(path)
    if variant:
        column = variant[2] if variant[2] in VARIANT_LABELS else "content"
        number = int(variant[1]) + 1
        title = _("Variant %(name)s", name=number)
        return f"variant_{column}-{number}", f"{title}: {VARIANT_LABELS[column]}"
    head, _dot, rest = path.partition(".")
    head = head.partition("[")[0]
    name = {"budget": rest, "goal": f"goal_{rest}", "plan": f"plan_{rest}"}.get(head, head)
    return (name, str(LABELS[name])) if name in LABELS else ("", "")
