"""Deeds: what a visitor does. A visit has at least one; nothing else makes a visit (DESIGN §6).

A page, a screen and a tracked event are deeds. An identify, alias, group or consent call describes somebody, a decision
is the shop's, an impression is what the shop shows, and an engagement measures a view: they belong to the visit that is
going on, if any is.
"""

from tracker.event import SITE, Event

DEED_TYPES = ("page", "screen")
DESCRIPTIONS = ("identify", "alias", "group", "consent")
DECISIONS = frozenset({"Offer Decided", "Offer Withheld"})
IMPRESSIONS = frozenset({"Offer Viewed"})
ENGAGEMENT = frozenset({"Page Engaged"})
"""For how long a page was looked at and how far it was read: what the page measured of a view."""
NO_DEEDS = DECISIONS | IMPRESSIONS | ENGAGEMENT
AFTERWARDS = frozenset(
    f"Order {what}" for what in ("Updated", "Refunded", "Cancelled", "Shipped", "Delivered", "Returned")
) | {
    *("Message Sent", "Message Refused", "Message Unknown"),
    *("Email Opened", "Email Link Clicked", "Email Bounced", "Email Marked as Spam"),
    "Unsubscribed",
    "Email Confirmation Requested",
    "Subscription Confirmed",
    "Back In Stock Requested",
    "Consent Result Due",
    "Consent Reconfirmation Due",
}
"""What happens to an order later on, and what somebody says of messages. A visitor may do it on a page; where the site
tells of it, nobody visited."""


def is_deed(event_type: str, name: str) -> bool:
    """Whether an event of a visitor's own, of this type and name, is a deed.

    >>> is_deed("page", ""), is_deed("track", "Product Viewed"), is_deed("track", "Offer Viewed")
    (True, True, False)
    """
    return event_type in DEED_TYPES or (event_type == "track" and name not in NO_DEEDS)


def is_own_deed(event: Event, hint: str) -> bool:
    """Whether the event is a visitor's own deed, which makes or extends a visit. ``hint``: the source's session id.

    A tracked event that names no visitor is the server's, unless its source names the visit. What the shop says of an
    order afterwards is nobody's deed, nor is an order of a file that names no session.
    """
    if not is_deed(event.type, event.name):
        return False
    if event.type in DEED_TYPES:
        return True
    if event.sender == SITE:
        if event.name in AFTERWARDS:
            return False
        if event.name == "Order Completed" and event.backfill and event.source == "api":
            return hint != ""
    return event.visitor is not None or hint != ""


def joins_visit(event: Event) -> bool:
    """Whether the event belongs to the visit of its visitor that is going on, if any is, and makes none."""
    if event.visitor is None:
        return False
    return event.type in DESCRIPTIONS or (event.type == "track" and event.name in IMPRESSIONS | ENGAGEMENT)
