"""When an event happened, by the client's clock as far as it is plausible."""

from datetime import UTC, datetime, timedelta

from tracker.durations import DAY_MS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001  without a zone it is UTC
_MILLISECOND = timedelta(milliseconds=1)

FUTURE_MS = DAY_MS
PAST_MS = 3653 * DAY_MS
"""Ten years; 1970 is a clock that was never set."""
HISTORY_MS = 14_610 * DAY_MS
"""Forty years: what the site's own server tells may be of its whole history."""

When = tuple[int, str]
"""Milliseconds since the epoch, and what was wrong with the client's time ("" for nothing)."""


def milliseconds(value: object) -> int | None:
    """An ISO 8601 text (without a zone: UTC) or a number of seconds or milliseconds; None if neither."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
            return (moment - (_EPOCH if moment.tzinfo else _NAIVE_EPOCH)) // _MILLISECOND
        except (ValueError, OverflowError):
            return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e14:
        return int(value if value > 1e11 else value * 1000)
    return None


def corrected(happened: object, sent: int | None, received: int, past: int = PAST_MS) -> When:
    """Segment's rule: ``received − (sent − happened)``; as is without ``sent``; ``received`` without either.

    A time too far from ``received`` is replaced by ``received``; ``past`` (ms) is how far back it may be.
    """
    if happened is None:
        return (received, "")
    ts = milliseconds(happened)
    if ts is None:
        return (received, "invalid")
    return bounded(ts if sent is None else received - (sent - ts), received, past)


def bounded(ts: int, received: int, past: int = PAST_MS) -> When:
    """``ts``; or ``received`` with a flag where ``ts`` is too far in the future or past."""
    if ts > received + FUTURE_MS:
        return (received, "future")
    if ts < received - past:
        return (received, "past")
    return (ts, "")
