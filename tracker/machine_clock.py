"""The clocks of our own machines, which may differ and may be set right."""

from tracker.durations import MINUTE_MS

APART_MS = MINUTE_MS
"""The clocks of two of our machines are no further apart, while nothing is wrong with them."""


def passed(since: float, now: float, period: float) -> bool:
    """Whether ``period`` went by since a moment that some process noted (all in ms). One that lies in the future was
    noted by a clock that was ahead and has been set right: who waited for it would stand still until then."""
    return not -min(period, APART_MS) <= now - since < period
