"""Conditions on an event, in SQL: whether it is a page view, whether the visitor caused it."""

from tracker.standard_events.deeds import DEED_TYPES, NO_DEEDS


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


PAGEVIEW = f"type in ({_listed(DEED_TYPES)})"

CAUSED = f"({PAGEVIEW} or (type = 'track' and name not in ({_listed(tuple(sorted(NO_DEEDS)))})))"
"""SQL: whether the visitor caused the event, which is a deed (``tracker.standard_events.deeds``)."""
