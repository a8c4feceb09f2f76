"""How often each event happened to a visitor, and when last, by the event's name.

Names are bounded. Which of too many stay depends on nothing but the names (``_rank``): the events may come in any
order, twice over two profiles that merge, or from the warehouse, and the result is the same. A name that stays has
been there since its first event, so that its count is exact; all others are counted together, under ``OTHERS``.
"""

from profiles.model import Profile, Tally

NAMES_KEPT = 64
NAME_CHARACTERS = 64
"""A longer name is counted under OTHERS."""

OTHERS = ""
PAGE = "Page Viewed"

STANDARD = (
    *(PAGE, "Product Viewed", "Product Added", "Order Completed", "Offer Viewed", "Offer Clicked"),
    *("Offer Dismissed", "Product List Viewed", "Product Clicked", "Product Removed", "Products Searched"),
    *("Cart Viewed", "Checkout Started", "Checkout Step Viewed", "Checkout Step Completed"),
    *("Payment Info Entered", "Order Refunded", "Order Cancelled", "Order Updated", "Product Dismissed"),
    *("Product Added to Wishlist", "Product Removed from Wishlist", "Wishlist Product Added to Cart"),
    *("Product Reviewed", "Product Shared", "Cart Shared", "Wishlist Shared", "Review Submitted"),
    *("Comment Added", "Question Asked", "Question Answered", "Coupon Entered", "Coupon Applied"),
    *("Coupon Denied", "Coupon Removed", "Promotion Viewed", "Promotion Clicked"),
)
"""Names that always stay, and that ``profiles.codec`` stores as their place here: new ones go last."""

_STANDARD = frozenset(STANDARD)


def count(profile: Profile, name: str, ts: int) -> None:
    """One more event of that name, in place."""
    tallies = profile.tallies
    known = tallies.get(name)
    if known is None:
        if len(name) > NAME_CHARACTERS:
            name = OTHERS
        _add(tallies, name, 1, ts)
        _trim(tallies)
        return
    known.count += 1
    if ts > known.last:  # every event comes here, and max() takes as long as all the rest
        known.last = ts


def merge(into: Profile, other: Profile) -> None:
    """Both profiles' events in ``into``."""
    for name, theirs in other.tallies.items():
        _add(into.tallies, name, theirs.count, theirs.last)
    _trim(into.tallies)


def _add(tallies: dict[str, Tally], name: str, number: int, last: int) -> None:
    known = tallies.get(name)
    if known is None:
        tallies[name] = Tally(number, last)
    else:
        known.count += number
        known.last = max(known.last, last)


def _trim(tallies: dict[str, Tally]) -> None:
    excess = len(tallies) - NAMES_KEPT - (OTHERS in tallies)
    if excess > 0:
        for name in sorted(tallies, key=_rank)[-excess:]:
            gone = tallies.pop(name)
            _add(tallies, OTHERS, gone.count, gone.last)


def _rank(name: str) -> tuple[bool, int, str]:
    """Standard names first, then the shortest: those that carry an id or a text of the page are longer."""
    return name != OTHERS and name not in _STANDARD, len(name), name
