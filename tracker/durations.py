"""Lengths of time. A name tells its unit: ``_MS`` is milliseconds, ``_SECONDS`` is seconds."""

HOUR_SECONDS = 3_600
DAY_SECONDS = 24 * HOUR_SECONDS

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS
