"""Signals: how a process is told to stop, and how children end with their parent."""

import _thread
import ctypes
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType

PR_SET_PDEATHSIG = 1


def set_on_signals(event: threading.Event) -> threading.Event:
    """Set ``event`` on SIGINT, SIGTERM and SIGHUP; return it, for convenience. Call it in the main thread only."""

    def told(_signum: int, _frame: FrameType | None) -> None:
        # From a thread of its own: the handler runs between two steps of the main thread, which may hold the very
        # lock that setting the event takes, and would wait for itself for ever.
        _thread.start_new_thread(event.set, ())

    for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, told)
    return event


def die_with_parent(parent: int, signum: int = signal.SIGTERM) -> None:
    """Ask Linux to send this process ``signum`` when its ``parent`` (a process id) ends, so that a killed supervisor
    leaves nothing running. On other systems it does nothing."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the call
        os.kill(os.getpid(), signum)


def kill_group(group: int) -> None:
    """Kill what a child that led a process group of its own left behind."""
    with suppress(ProcessLookupError, PermissionError):  # nothing is left; macOS says the latter of zombies
        os.killpg(group, signal.SIGKILL)
