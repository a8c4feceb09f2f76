"""The campaign editor's form: a campaign as texts that a marketer types, and back. Pure functions."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from werkzeug.datastructures import MultiDict

from offers.campaign import WEEKDAYS, Campaign, CampaignInvalid, Daypart
from web.naming import slug

VARIANTS_LIMIT = 20
TEXT_LIMIT = 100_000
_CAP = re.compile(r"(\d+)\s*(?:per|/|a)\s*(session|hour|day|week|ever)", re.IGNORECASE)
_HOURS = re.compile(r"(\d\d:\d\d)\s*[-–]\s*(\d\d:\d\d)")
_AMOUNTS = ("impressions", "clicks", "spend", "cpm", "cpc")
_TEXTS = (
    *("id", "name", "status", "slots", "tier", "priority", "audience", "start", "end", "dayparts", "caps"),
    *("holdout", "goal_event", "goal_window", "goal_view_window", "allocation", "reward", "group"),
    *_AMOUNTS,
)


@dataclass(frozen=True, slots=True)
class VariantDraft:
    """One creative as typed: ``content`` is HTML, or JSON for the other kinds; ``items`` is JSON or empty."""

    id: str = ""
    kind: str = "html"
    content: str = ""
    weight: str = "1"
    items: str = ""


@dataclass(frozen=True, slots=True)
class CampaignDraft:
    """Everything as text, so that what cannot be saved yet is not lost. ``saved``: it has an address already."""

    texts: dict[str, str] = field(default_factory=dict)
    variants: tuple[VariantDraft, ...] = (VariantDraft("a"),)
    saved: bool = False

    def text(self, name: str) -> str:
        return self.texts.get(name, "")


NEW = {
    "status": "draft",
    "tier": "standard",
    "priority": "0",
    "holdout": "10",
    "caps": "3 per day",
    "goal_event": "Order Completed",
    "goal_window": "7d",
    "allocation": "bandit",
    "reward": "click",
}


def draft_of_form(form: "MultiDict[str, str]") -> CampaignDraft:
    """As sent by the editor."""
    columns = [form.getlist(f"variant_{name}") for name in ("id", "kind", "content", "weight", "items")]
    rows = zip(*columns, strict=False)
    variants = tuple(VariantDraft(*(text[:TEXT_LIMIT] for text in row)) for row in rows)
    texts = {name: form.get(name, "").strip()[:TEXT_LIMIT] for name in _TEXTS}
    return CampaignDraft(texts, variants[:VARIANTS_LIMIT] or (VariantDraft("a"),), form.get("saved") == "yes")


def draft_of(campaign: Campaign) -> CampaignDraft:
    """As stored."""
    texts = {
        "id": campaign.id,
        "name": campaign.name,
        "status": campaign.status,
        "slots": ", ".join(campaign.slots),
        "tier": campaign.tier,
        "priority": str(campaign.priority),
        "audience": campaign.audience,
        "start": campaign.start or "",
        "end": campaign.end or "",
        "dayparts": "\n".join(_daypart_text(part) for part in campaign.dayparts),
        "caps": ", ".join(f"{cap.limit} per {cap.per}" for cap in campaign.caps),
        "holdout": f"{campaign.holdout * 100:g}",
        "goal_event": campaign.goal.event,
        "goal_window": campaign.goal.window,
        "goal_view_window": campaign.goal.view_window,
        "allocation": campaign.allocation,
        "reward": campaign.reward,
        "group": campaign.group,
    }
    for name in _AMOUNTS if campaign.budget else ():
        amount = getattr(campaign.budget, name)
        texts[name] = f"{amount:g}" if amount else ""
    variants = tuple(
        VariantDraft(
            each.id,
            each.kind,
            each.content if each.kind == "html" else _json_text(each.content),
            f"{each.weight:g}",
            _json_text(each.items) if each.items is not None else "",
        )
        for each in campaign.creatives
    )
    return CampaignDraft(texts, variants, saved=True)


def pressed(draft: CampaignDraft, button: str) -> CampaignDraft:
    """The draft after ``add`` or ``remove:N``; anything else leaves it as it is."""
    action, _, number = button.partition(":")
    variants = list(draft.variants)
    if action == "add" and len(variants) < VARIANTS_LIMIT:
        variants.append(VariantDraft(_free([each.id for each in variants])))
    elif action == "remove" and number.isascii() and number.isdigit() and int(number) < len(variants) > 1:
        variants.pop(int(number))
    return replace(draft, variants=tuple(variants))


def document_of(draft: CampaignDraft) -> dict[str, Any]:
    """The campaign's document, for ``offers.campaign.parse``. Raises CampaignInvalid naming the field."""
    text = draft.text
    document: dict[str, Any] = {
        "id": text("id") or slug(text("name")),
        "name": text("name"),
        "status": text("status") or "draft",
        "slots": [slot for slot in re.split(r"[\s,]+", text("slots")) if slot],
        "tier": text("tier") or "standard",
        "priority": int(_number("priority", text("priority") or "0")),
        "audience": text("audience"),
        "start": text("start") or None,
        "end": text("end") or None,
        "dayparts": _dayparts(text("dayparts")),
        "caps": _caps(text("caps")),
        "holdout": _number("holdout", text("holdout") or "0") / 100,
        "goal": {
            "event": text("goal_event") or "Order Completed",
            "window": text("goal_window") or "7d",
            "view_window": text("goal_view_window"),
        },
        "allocation": text("allocation") or "bandit",
        "reward": text("reward") or "click",
        "group": text("group"),
        "creatives": [_creative(at, each) for at, each in enumerate(draft.variants)],
    }
    budget = {name: _number(f"budget.{name}", text(name)) for name in _AMOUNTS if text(name)}
    for name in ("impressions", "clicks"):
        if name in budget:
            budget[name] = int(budget[name])
    return {**document, "budget": budget} if budget else document


def _creative(at: int, variant: VariantDraft) -> dict[str, Any]:
    where = f"creatives[{at}]"
    content = (
        variant.content if variant.kind == "html" else _json(f"{where}.content", variant.content or "null")
    )
    built = {
        "id": variant.id.strip(),
        "kind": variant.kind,
        "content": content,
        "weight": _number(f"{where}.weight", variant.weight or "1"),
    }
    return {**built, "items": _json(f"{where}.items", variant.items)} if variant.items.strip() else built


def _caps(text: str) -> list[dict[str, Any]]:
    parts = [part.strip() for part in re.split(r"[,;\n]", text) if part.strip()]
    found = [_CAP.fullmatch(part) for part in parts]
    if not all(found):
        raise CampaignInvalid("caps", "such as: 3 per session, 10 per day")
    return [{"limit": int(match[1]), "per": match[2].lower()} for match in found if match]


def _dayparts(text: str) -> list[dict[str, Any]]:
    parts = []
    for line in filter(None, (line.strip() for line in re.split(r"[;\n]", text))):
        hours = _HOURS.search(line)
        days = re.findall(r"[a-z]+", line.lower())
        if hours is None or not set(days) <= set(WEEKDAYS):
            raise CampaignInvalid("dayparts", "such as: mon tue wed 09:00-18:00, one on each line")
        parts.append({"days": days or list(WEEKDAYS), "from": hours[1], "to": hours[2]})
    return parts


def _daypart_text(part: Daypart) -> str:
    days = "" if part.days == WEEKDAYS else " ".join(part.days) + " "
    return f"{days}{part.start}-{part.end}"


def _number(name: str, text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError as error:
        raise CampaignInvalid(name, f"{text[:40]!r} is not a number") from error


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CampaignInvalid(name, f"is not JSON: {error}") from error


def _json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _free(taken: Sequence[str]) -> str:
    """The first letter that names no variant yet."""
    return next((letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in taken), "")
