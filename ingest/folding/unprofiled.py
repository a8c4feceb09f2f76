"""Events without a profile: those of bots, and of visitors who asked not to be tracked. They have rows only.

A profile remembers the ids that it has counted. Without one, a retry is recognised only by the worker that has seen
the first message, and as long as that worker runs.
"""

from collections import OrderedDict

from tracker.event import Event
from tracker.log.port import Message
from tracker.standard_events.deeds import is_own_deed

REMEMBERED = 100_000


class UnprofiledEvents:
    """The ids of the latest such events, and the message that brought each."""

    def __init__(self, limit: int = REMEMBERED) -> None:
        self._limit = limit
        self._seen: OrderedDict[tuple[str, str | None, str], tuple[int, int]] = OrderedDict()

    def counts(self, event: Event, message: Message) -> bool:
        """Whether this is the first message with the event's id; true also when that very message is read again."""
        key, place = (event.site, event.visitor, event.id), (message.partition, message.position)
        first = self._seen.setdefault(key, place)
        if len(self._seen) > self._limit:
            self._seen.popitem(last=False)
        return first == place


def opted_out(event: Event) -> bool:
    """Whether the tracker counts this visitor under a key of the day only (Do Not Track, Global Privacy Control)."""
    return event.context.get("cookieless") is True


def session_of(event: Event) -> str:
    """One visit for each key of the day, to which deeds belong; what else was told of it, and a bot's rows, to none."""
    return event.visitor or "" if opted_out(event) and is_own_deed(event, "") else ""
