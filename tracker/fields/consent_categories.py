"""The categories of Segment's ``context.consent.categoryPreferences``, by the purposes that they mean."""

from collections.abc import Iterator, Mapping

CATEGORIES: Mapping[str, str] = {
    **dict.fromkeys(("analytics", "statistics", "performance", "measurement"), "analytics"),
    **dict.fromkeys(("personalization", "functional", "preferences"), "personalization"),
    **dict.fromkeys(("marketing", "advertising", "targeting"), "marketing"),
}
"""What consent managers call their categories, in lower case."""


def preferences(consent: object) -> Iterator[tuple[str, object]]:
    """Purpose and answer of each category that means a purpose."""
    told = consent.get("categoryPreferences") if isinstance(consent, Mapping) else None
    if isinstance(told, Mapping):
        for name, given in told.items():
            if purpose := CATEGORIES.get(str(name).strip().lower()):
                yield purpose, given


def analytics_choice(consent: object) -> bool | None:
    """What ``context.consent`` says of analytics: the purpose itself, else the categories; None without an answer."""
    choice = consent.get("analytics") if isinstance(consent, Mapping) else None
    if isinstance(choice, bool):
        return choice
    answers = [
        given for purpose, given in preferences(consent) if purpose == "analytics" and isinstance(given, bool)
    ]
    return all(answers) if answers else None
