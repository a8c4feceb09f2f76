"""Signs of life of a process that has no port to ask: a file that it touches whenever it has got on."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

EVERY_SECONDS = 2.0  # a touch costs a system call, a loop goes round many times a second
QUIET_SECONDS = {"ingest": 60.0, "scheduler": 1800.0, "messages": 300.0}
"""How long a process may not get on before it counts as hung: ingest goes round its loop all the time, the scheduler
finishes one job after another, and a training takes its minutes. Messages wait for the other side's answer."""


class Heartbeat:
    """Touches the file of ``role`` on this host. A disk that is full is no reason to die."""

    def __init__(self, folder: Path, role: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._file, self._clock, self._next = file_of(folder, role), clock, 0.0
        self.beat()

    def beat(self) -> None:
        now = self._clock()
        if now < self._next:
            return
        self._next = now + EVERY_SECONDS
        with contextlib.suppress(OSError):
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.touch()


class Rounds(threading.Event):
    """An event to stop a loop by: who asks whether to stop goes on, so that each question is a heartbeat."""

    def __init__(self, heart: Heartbeat) -> None:
        super().__init__()
        self._heart = heart

    def is_set(self) -> bool:
        self._heart.beat()
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        self._heart.beat()
        return super().wait(timeout)


def file_of(folder: Path, role: str) -> Path:
    """By host: containers share the data folder."""
    return folder / "alive" / f"{socket.gethostname()}.{role}"


def fault(folder: Path, role: str, now: float) -> str | None:
    """Why the process ``role`` of this host does not count as alive at ``now`` (seconds); None when it does. A beat far
    in the future is of a clock that has been set right since, and none came after that."""
    try:
        quiet = now - file_of(folder, role).stat().st_mtime
    except FileNotFoundError:
        return f"{role} never ran on this host with the data folder {folder}"
    if quiet > QUIET_SECONDS[role]:
        return f"{role} has not got on for {quiet:.0f} s"
    if quiet < -QUIET_SECONDS[role]:
        return f"{role} has not got on since the clock was set back by {-quiet:.0f} s or more"
    return None
