"""Children that end with their parent, so that a killed supervisor leaves nothing running."""

import ctypes
import os
import signal
import sys
from contextlib import suppress

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int, signum: int = signal.SIGTERM) -> None:
    """Ask Linux to send this process ``signum`` when its ``parent`` (a process id) ends; elsewhere it does nothing."""
    if sys.platform != "linux":
        return
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signum, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the call
        os.kill(os.getpid(), signum)


def kill_group(group: int) -> None:
    """Kill what a child that led a process group of its own left behind."""
    with suppress(ProcessLookupError, PermissionError):  # nothing is left; macOS says the latter of zombies
        os.killpg(group, signal.SIGKILL)
