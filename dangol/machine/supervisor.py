"""Keeps the processes of one machine running: starts them in order, restarts what dies, stops all together."""

import functools
import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from dangol.signals import die_with_parent, kill_group, set_on_signals

log = logging.getLogger("dangol.up")

BACKOFF_FIRST, BACKOFF_MOST = 0.5, 30.0
"""Seconds before the second restart; they double while a child keeps dying. After its first death it starts at once."""
LOOK = 0.1  # seconds between two looks at the children
STEADY = 10.0  # seconds a child must live for its backoff to start anew
GRACE = 20.0  # seconds a child has to drain before it is killed


class StartFailed(Exception):
    """A child did not come up; everything else was stopped again."""


class Spec(NamedTuple):
    """A process to keep running. ``start`` makes it anew. The others stand on a ``base``: it is stopped last."""

    name: str
    start: Callable[[], subprocess.Popen[bytes]]
    base: bool = False


class Child:
    def __init__(self, spec: Spec) -> None:
        self.spec = spec
        self.process = spec.start()
        self.started = time.monotonic()
        self.backoff = 0.0
        self.restart_at: float | None = None
        self.left: dict[int, float] = {}
        """Process groups of its earlier lives, which may still answer what they took, and until when."""


def spawn(
    command: Sequence[str], environ: Mapping[str, str], inherited: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that the terminal's Ctrl-C reaches the supervisor alone. Of this
    process's files it gets the ``inherited`` ones."""
    return subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=functools.partial(die_with_parent, os.getpid()),
        pass_fds=inherited,
    )


class Supervisor:
    """``start`` each spec, then ``run`` until a signal; ``stop`` ends every child."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.stopping = threading.Event()

    def start(self, spec: Spec) -> Child:
        child = Child(spec)
        self.children.append(child)
        return child

    def catch_signals(self) -> None:
        """From now on SIGINT, SIGTERM and SIGHUP end ``run`` and every wait of ``ready``."""
        set_on_signals(self.stopping)

    def ready(self, check: Callable[[], bool], timeout: float = 90.0) -> bool:
        """Wait until ``check`` is true; False when asked to stop. Raises StartFailed on a death or time-out."""
        deadline = time.monotonic() + timeout
        while not self.stopping.is_set():
            if check():
                return True
            for child in self.children:
                if child.process.poll() is not None:
                    raise StartFailed(
                        f"{child.spec.name} ended at once (exit code {child.process.returncode})"
                    )
            if time.monotonic() > deadline:
                raise StartFailed(f"not ready after {timeout:.0f} s")
            self.stopping.wait(0.1)
        return False

    def run(self) -> None:
        """Watch until asked to stop; restart what dies, with backoff, and say so."""
        while not self.stopping.wait(LOOK):
            for child in self.children:
                self._watch(child)

    def _watch(self, child: Child) -> None:
        now = time.monotonic()
        for group in [group for group, until in child.left.items() if now >= until]:
            del child.left[group]
            kill_group(group)
        if child.restart_at is not None:
            if now >= child.restart_at:
                self._restart(child, now)
            return
        code = child.process.poll()
        if code is None:
            return
        if now - child.started > STEADY:
            child.backoff = 0.0
        when = f"in {child.backoff:.1f} s" if child.backoff else "at once"
        log.warning("%s ended (%s); restarting %s", child.spec.name, cause(code), when)
        child.left[child.process.pid] = now + GRACE
        child.restart_at = now + child.backoff
        child.backoff = min(child.backoff * 2 or BACKOFF_FIRST, BACKOFF_MOST)
        if child.restart_at <= now:
            self._restart(child, now)

    def _restart(self, child: Child, now: float) -> None:
        try:
            child.process = child.spec.start()
        except OSError as error:  # no memory, no process or file to be had: the others must not end of it
            child.backoff = min(child.backoff * 2 or BACKOFF_FIRST, BACKOFF_MOST)
            child.restart_at = now + child.backoff
            log.error("%s cannot be started: %s; once more in %.1f s", child.spec.name, error, child.backoff)
            return
        child.restart_at, child.started = None, now
        log.warning("%s is running again (pid %d)", child.spec.name, child.process.pid)

    def stop(self) -> None:
        """End every child, those that others stand on last; each gets GRACE seconds to drain."""
        for base in (False, True):
            self._end([child for child in self.children if child.spec.base == base])
        self.children.clear()

    def _end(self, children: Sequence[Child]) -> None:
        for child in children:
            if child.process.poll() is None:
                child.process.terminate()
        deadline = time.monotonic() + GRACE
        for child in children:
            try:
                child.process.wait(max(deadline - time.monotonic(), 0.01))
            except subprocess.TimeoutExpired:
                log.warning("%s did not stop in %.0f s; killing it", child.spec.name, GRACE)
                child.process.kill()
                child.process.wait()
            for group in (child.process.pid, *child.left):
                kill_group(group)


def cause(code: int) -> str:
    """An exit code in words."""
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
