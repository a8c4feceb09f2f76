"""A campaign with every field set, and the form that the editor sends for a campaign."""

from typing import Any

from werkzeug.datastructures import MultiDict

from offers.campaign.document import parse
from web.desk.campaigns.form import draft_of

WHOLE: dict[str, Any] = {
    "id": "boots",
    "name": "Boots",
    "status": "live",
    "slots": ["hero", "cart"],
    "tier": "override",
    "priority": 3,
    "audience": "orders > 1",
    "start": "2026-11-01",
    "end": "2026-12-24T18:00",
    "dayparts": [{"days": ["mon", "tue"], "from": "09:00", "to": "18:00"}, {"from": "22:00", "to": "02:00"}],
    "caps": [{"limit": 3, "per": "session"}, {"limit": 10, "per": "week"}],
    "holdout": 0.125,
    "budget": {"impressions": 5000, "spend": 99.5, "cpm": 2.5},
    "goal": {"event": "Signed Up", "window": "3d", "view_window": "1d"},
    "plan": {"days": 42, "effect": 0.075, "measure": "revenue"},
    "allocation": "fixed",
    "reward": "conversion",
    "group": "winter",
    "creatives": [
        {"id": "a", "kind": "html", "content": "<p>Hi {{ trait.first_name | you }}</p>", "weight": 2.0},
        {
            "id": "b",
            "kind": "json",
            "content": {"t": ["단골", 1]},
            "items": {"strategy": "popular", "limit": 2},
        },
    ],
}


def sent(campaign: dict[str, Any], **changes: str) -> "MultiDict[str, str]":
    """The form as the editor would send it."""
    draft = draft_of(parse(campaign))
    fields = [*draft.texts.items(), ("saved", "yes")]
    for each in draft.variants:
        columns = ("id", "kind", "content", "weight", "items")
        fields += [(f"variant_{name}", getattr(each, name)) for name in columns]
    return MultiDict([*((name, text) for name, text in fields if name not in changes), *changes.items()])
