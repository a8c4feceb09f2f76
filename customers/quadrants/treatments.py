"""What to do with each quadrant: a campaign as a document, ready to be opened in the editor, read and saved."""

from collections.abc import Mapping
from typing import Any

from profiles.standing import Quadrant


def treatment(quadrant: Quadrant) -> dict[str, Any]:
    """The suggested campaign, a draft: its document, as ``docs/offers.md`` describes it."""
    document = {
        "status": "draft",
        "slots": ["home"],
        "holdout": 0.1,
        "goal": {"event": "Order Completed", "window": "7d"},
    }
    return {**document, "audience": f"quadrant = '{quadrant}'", **_TREATMENTS[quadrant]}


def _creative(title: str, strategy: str, limit: int) -> dict[str, Any]:
    return {
        "id": strategy,
        "kind": "json",
        "content": {"title": title},
        "items": {"strategy": strategy, "limit": limit},
    }


_TREATMENTS: Mapping[Quadrant, dict[str, Any]] = {
    "not worth personalizing": {
        "id": "best-sellers",
        "name": "Best sellers for everybody",
        "tier": "fallback",
        "creatives": [_creative("Best sellers", "popular", 8)],
    },
    "help to choose": {
        "id": "help-to-choose",
        "name": "Help to choose",
        "creatives": [
            _creative("Similar to what you viewed", "similar", 8),
            _creative("Chosen for you", "personal", 8),
        ],
    },
    "preferred customer": {
        "id": "preferred-customers",
        "name": "Thanks to preferred customers",
        "priority": 5,
        "caps": [{"limit": 1, "per": "day"}],
        "creatives": [
            {
                "id": "thanks",
                "kind": "html",
                "content": "<h2>Thank you, {{ trait.first_name | and welcome back }}</h2>",
            },
            _creative("Trending now", "trending", 4),
        ],
    },
    "one-to-one": {
        "id": "one-to-one",
        "name": "One-to-one",
        "priority": 10,
        "caps": [{"limit": 1, "per": "session"}],
        "creatives": [
            _creative("Just for you", "personal", 4),
            _creative("Time to buy again?", "buy_again", 4),
        ],
    },
}
