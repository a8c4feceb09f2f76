"""Children that end with their parent, so that a killed supervisor leaves nothing running."""

import ctypes
import os
import select
import signal
import sys
import threading
import time
from contextlib import suppress

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, signum: int = signal.SIGTERM) -> None:
    """Ask Linux to send this process ``signum`` when its ``parent`` (a process id) ends; elsewhere it does nothing."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the call
        os.kill(os.getpid(), signum)


def die_after_parent(parent: int, seconds: float) -> None:
    """Kill this process if it still runs ``seconds`` after its ``parent`` ended (on Linux): what hangs holds a port."""

    def watch() -> None:
        with suppress(ProcessLookupError):
            select.select([os.pidfd_open(parent)], [], [])
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGKILL)

    if sys.platform == "linux":
        threading.Thread(target=watch, daemon=True, name="parent").start()
