"""What counts as a visit, and when.

A visit is a session with a deed (``warehouse.definitions.conditions.CAUSED``). It begins with its first deed, and
counts whole and once: on the day, and in the span, in which it begins. Rows of a session without a deed are no visit.
"""

from tracker.durations import HOUR_MS
from tracker.sites import SESSION_MAX_HOURS

LONGEST_MS = SESSION_MAX_HOURS * HOUR_MS
"""How far before and behind a span the events of its visits are looked for: no site may let a visit last longer."""
