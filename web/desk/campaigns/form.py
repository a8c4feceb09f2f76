"""The campaign editor's form: a campaign as texts that a marketer types, and back. Pure functions."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from werkzeug.datastructures import MultiDict

from offers.campaign.campaign import Budget, Campaign, CampaignInvalid
from web.desk.campaigns import typed
from web.desk.campaigns.words import LABELS
from web.language import gettext as _
from web.slug import slug

VARIANTS_LIMIT = 20
JSON_INDENTED = 20_000
"""Characters of JSON that are still shown one value a line."""
_COUNTS = ("impressions", "clicks")
_AMOUNTS = (*_COUNTS, "spend", "cpm", "cpc")
COLUMNS = ("id", "kind", "content", "weight", "items")


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
    """Everything as text, so that what cannot be saved yet is not lost. ``saved``: it has an address already.
    ``version`` says which version of it somebody began to change, see ``campaign_versions``."""

    texts: dict[str, str] = field(default_factory=dict)
    variants: tuple[VariantDraft, ...] = (VariantDraft("a"),)
    saved: bool = False
    version: str = ""

    def text(self, name: str) -> str:
        return self.texts.get(name, "")

    def begun(self, version: str) -> "CampaignDraft":
        """The same, as a change of that version."""
        return replace(self, version=version)


NEW = {
    "status": "draft",
    "tier": "standard",
    "priority": "0",
    "holdout": "10",
    "caps": "3 per day",
    "goal_event": "Order Completed",
    "goal_window": "7d",
    "plan_days": "28",
    "plan_effect": "10",
    "plan_measure": "rate",
    "allocation": "bandit",
    "reward": "click",
}


def draft_of_form(form: "MultiDict[str, str]") -> CampaignDraft:
    """As sent by the editor. A browser writes every line's end as two characters."""
    columns = [form.getlist(f"variant_{name}") for name in COLUMNS]
    rows = zip(*columns, strict=False)
    variants = tuple(VariantDraft(*(_lines(text) for text in row)) for row in rows)[:VARIANTS_LIMIT]
    texts = {name: _lines(form.get(name, "")).strip() for name in LABELS}
    saved, version = form.get("saved") == "yes", form.get("version", "")[:40]
    return CampaignDraft(texts, variants or (VariantDraft("a"),), saved, version)


def draft_of(campaign: Campaign, version: str = "") -> CampaignDraft:
    """As stored: ``document_of`` makes the very same campaign of it."""
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
        "dayparts": "\n".join(map(typed.daypart_text, campaign.dayparts)),
        "caps": ", ".join(f"{cap.limit} per {cap.per}" for cap in campaign.caps),
        "holdout": typed.percent(campaign.holdout),
        "goal_event": campaign.goal.event,
        "goal_window": campaign.goal.window,
        "goal_view_window": campaign.goal.view_window,
        "plan_days": str(campaign.plan.days),
        "plan_effect": typed.percent(campaign.plan.effect),
        "plan_measure": campaign.plan.measure,
        "allocation": campaign.allocation,
        "reward": campaign.reward,
        "group": campaign.group,
        "coupons": campaign.coupons,
        **(_amounts(campaign.budget) if campaign.budget else {}),
    }
    variants = tuple(
        VariantDraft(
            each.id,
            each.kind,
            each.content if each.kind == "html" else _json_text(each.content),
            typed.plain(each.weight),
            json.dumps(each.items, ensure_ascii=False) if each.items is not None else "",
        )
        for each in campaign.creatives
    )
    return CampaignDraft(texts, variants, True, version)


def like(campaign: Campaign, audience: str) -> CampaignDraft:
    """A new draft for another audience, with the slots, variants and rules of a campaign, but not its time."""
    made = draft_of(campaign)
    name = _("%(name)s: lookalike audience", name=campaign.name)[:200]
    fresh = {"id": "", "name": name, "status": "draft", "audience": audience, "start": "", "end": ""}
    return replace(made, texts={**made.texts, **fresh}, saved=False)


def suggested(campaign: Campaign) -> CampaignDraft:
    """A new draft of a campaign that nobody saved; its id comes from its name."""
    made = draft_of(campaign)
    return replace(made, texts={**made.texts, "id": ""}, saved=False)


def pressed(draft: CampaignDraft, button: str) -> CampaignDraft:
    """The draft after ``add`` or ``remove:N``; anything else leaves it as it is."""
    action, _, number = button.partition(":")
    variants = list(draft.variants)
    if action == "add" and len(variants) < VARIANTS_LIMIT:
        variants.append(VariantDraft(_free([each.id for each in variants])))
    elif action == "remove" and number in map(str, range(len(variants))) and len(variants) > 1:
        variants.pop(int(number))
    return replace(draft, variants=tuple(variants))


def document_of(draft: CampaignDraft) -> dict[str, Any]:
    """The campaign's document, for ``offers.campaign.document.parse``. Raises CampaignInvalid naming the field."""
    text = draft.text
    document: dict[str, Any] = {
        "id": text("id") or slug(text("name")),
        "name": text("name"),
        "status": text("status") or "draft",
        "slots": [slot for slot in re.split(r"[\s,]+", text("slots")) if slot],
        "tier": text("tier") or "standard",
        "priority": typed.whole("priority", text("priority") or "0"),
        "audience": text("audience"),
        "start": text("start") or None,
        "end": text("end") or None,
        "dayparts": typed.dayparts(text("dayparts")),
        "caps": typed.caps(text("caps")),
        "holdout": typed.share("holdout", text("holdout") or "0"),
        "goal": {
            "event": text("goal_event") or "Order Completed",
            "window": text("goal_window") or "7d",
            "view_window": text("goal_view_window"),
        },
        "plan": {
            "days": typed.whole("plan.days", text("plan_days") or "28"),
            "effect": typed.part("plan.effect", text("plan_effect") or "10"),
            "measure": text("plan_measure") or "rate",
        },
        "allocation": text("allocation") or "bandit",
        "reward": text("reward") or "click",
        "group": text("group"),
        "coupons": text("coupons"),
        "creatives": [_creative(at, each) for at, each in enumerate(draft.variants)],
    }
    budget = {
        name: (typed.whole if name in _COUNTS else typed.number)(f"budget.{name}", text(name))
        for name in _AMOUNTS
        if text(name)
    }
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
        "weight": typed.number(f"{where}.weight", variant.weight or "1"),
    }
    return {**built, "items": _json(f"{where}.items", variant.items)} if variant.items.strip() else built


def _amounts(budget: Budget) -> dict[str, str]:
    """No price is none; but a budget that limits nothing is still one."""
    given = {name: getattr(budget, name) for name in _AMOUNTS}
    texts = {name: typed.plain(amount) for name, amount in given.items() if amount is not None}
    prices = {name: text for name, text in texts.items() if name not in ("cpm", "cpc") or given[name]}
    return prices or texts


def _json(name: str, text: str) -> Any:
    """As the store reads it: no NaN, no number out of range, no half characters."""
    try:
        json.loads(text)  # it says the line
        return msgspec.json.decode(text)
    except ValueError as error:
        raise CampaignInvalid(name, _("is not JSON: %(why)s", why=error)) from error
    except RecursionError as error:
        raise CampaignInvalid(name, _("is nested too deep")) from error


def _json_text(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return text if len(text) <= JSON_INDENTED else json.dumps(value, ensure_ascii=False)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _free(taken: Sequence[str]) -> str:
    """The first letter that names no variant yet."""
    return next((letter for letter in "abcdefghijklmnopqrstuvwxyz" if letter not in taken), "")
