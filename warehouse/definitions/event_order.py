"""The order of events: by time, and of equal times as they were sent.

The event log keeps the order of sending, and ``position`` is where a row stood in it; all events of one visitor stand
in one partition. Imported rows have no position: of equal times they come last, by id.
"""

IMPORTED = (1 << 63) - 1
"""The position of a row that was imported."""

POSITION = f"coalesce(position, {IMPORTED})"
"""SQL: the position of an event, IMPORTED where it has none."""

ORDER = f"ts, {POSITION}, id"
"""SQL: sort by these, or compare them as a row: ``order by {ORDER}``, ``arg_min(path, ({ORDER}))``."""

LATEST_FIRST = f"ts desc, {POSITION} desc, id desc"
