"""The clocks of our own machines, which may differ and may be corrected."""

from tracker.durations import MINUTE_MS

CLOCK_SKEW_MS = MINUTE_MS
"""The most by which the clocks of two working machines differ."""


def passed(since: float, now: float, period: float) -> bool:
    """Whether ``period`` has passed since a moment that some process noted (all in ms). A moment too far in the future
    counts as passed: the clock that noted it was wrong and has been corrected since."""
    return not -min(period, CLOCK_SKEW_MS) <= now - since < period
