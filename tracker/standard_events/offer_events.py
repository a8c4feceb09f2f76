"""What is said of an offer, by a page and by a message.

A message that was handed over is an offer that was shown, and a link of it that was followed is a click.
"""

VIEWS = frozenset({"Offer Viewed", "Message Sent"})
CLICKS = frozenset({"Offer Clicked", "Email Link Clicked"})
DISMISSALS = frozenset({"Offer Dismissed"})
