"""Being told to stop: SIGINT, SIGTERM and SIGHUP set an event."""

import _thread
import signal
import threading
from types import FrameType


def set_on_signals(event: threading.Event) -> threading.Event:
    """``event`` is set when this process is told to stop; the same event, for convenience. Main thread only."""

    def told(_signum: int, _frame: FrameType | None) -> None:
        # From a thread of its own: the handler runs between two steps of the main thread, which may hold the very
        # lock that setting the event takes, and would wait for itself for ever.
        _thread.start_new_thread(event.set, ())

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, told)
    return event
