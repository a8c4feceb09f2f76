"""Care: somebody who never answers is written to less, and nobody more often than they want. Pure functions.

The steps are ours, not a law's: after 30 days without a sign of life at most one message a week, after 90 one in two
weeks, after 180 one a month, after a year one in three months.
"""

from profiles.model import Profile
from tracker.durations import DAY_MS

STEPS = ((365, 90), (180, 30), (90, 14), (30, 7))
"""Days without a sign of life, and the days between two messages from then on."""
ANSWERS = ("Email Opened", "Email Link Clicked", "Message Opened", "Message Clicked", "Offer Clicked")
SENT = ("Message Sent", "Email Delivered")


def sign_of_life(profile: Profile) -> int:
    """When (ms) the person last did something themselves: a visit, an order, an opened or clicked message, or a word on
    consent; 0 for never. What was sent to them is none."""
    counts = profile.event_counts
    return max(
        profile.last_order,
        profile.wish.at,
        max((session.last for session in profile.sessions), default=0),
        max((one.given_at for one in profile.consents), default=0),
        max((counts[name].last for name in ANSWERS if name in counts), default=0),
    )


def last_message(profile: Profile) -> int:
    """When (ms) the profile knows of the last message to the person; 0 for none."""
    return max((profile.event_counts[name].last for name in SENT if name in profile.event_counts), default=0)


def gap_days(profile: Profile, now: int) -> int:
    """Days that lie between two messages of marketing, by the person's wish and by their silence; 0: as the caps
    say."""
    silent = (now - sign_of_life(profile)) / DAY_MS
    adapted = next((gap for days, gap in STEPS if silent >= days), 0)
    return max(adapted, profile.wish.every_days)
