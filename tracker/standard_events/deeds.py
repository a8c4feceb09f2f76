"""Deeds: what a visitor does. A visit has at least one; nothing else makes a visit (DESIGN §6).

A page, a screen and a tracked event are deeds. An identify, alias, group or consent call describes somebody, a decision
is the shop's, and an impression is what the shop shows: they belong to the visit that is going on, if any is.
"""

DEED_TYPES = ("page", "screen")
DECISIONS = frozenset({"Offer Decided", "Offer Withheld"})
IMPRESSIONS = frozenset({"Offer Viewed"})
NO_DEEDS = DECISIONS | IMPRESSIONS


def is_deed(event_type: str, name: str) -> bool:
    """Whether an event of a visitor's own, of this type and name, is a deed.

    >>> is_deed("page", ""), is_deed("track", "Product Viewed"), is_deed("track", "Offer Viewed")
    (True, True, False)
    """
    return event_type in DEED_TYPES or (event_type == "track" and name not in NO_DEEDS)
