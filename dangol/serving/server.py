"""The HTTP server: granian serving one of the factories of ``dangol.serving.front``."""

import functools
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from typing import Any

from granian._granian import SocketHolder
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

from dangol.settings import Settings

HEADER_SECONDS = 10  # a client that sends its headers slower than this is not waited for

READ_SECONDS = (
    20  # nor is one that takes nothing of its answer for so long: it would hold its connection for ever
)
CONNECTIONS = 16_384
"""At once, for each process, where the system allows as many open files. One that is idle or slow costs a few kilobytes
and no thread; when there are as many as this, ordinary ones have to wait until HEADER_SECONDS or READ_SECONDS end the
slow ones."""
OWN_FILES = 1024
"""Open files that a process may need beside its connections."""
BUFFER = 64 * 1024
"""Bytes of headers, and of a body that nobody reads yet, that one connection may occupy."""
BACKLOG = 4096
"""Connections that wait for each process: while it is started anew, all that come."""


class PortTaken(Exception):
    """The port cannot be listened on; the message says what to do."""


def listen(settings: Settings) -> list[socket.socket]:
    """Listening sockets, one for each server process, so that the kernel deals connections out among them.

    Whoever calls keeps them open: while a server process is dead, connections wait in its socket. Raises PortTaken.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    count = settings.workers if sys.platform == "linux" else 1
    made: list[socket.socket] = []
    try:
        # Sockets that share a port share it with everybody's of the same user: this one finds out whose it is.
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
        for _ in range(count):
            made.append(socket.socket(family))
            made[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if count > 1:
                made[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if sys.platform == "linux":  # connections get it from the socket that they came in by
                made[-1].setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, READ_SECONDS * 1000)
            made[-1].bind((settings.host, settings.port))
            made[-1].listen(BACKLOG)
    except OSError as error:
        for each in made:
            each.close()
        raise PortTaken(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); set DANGOL_PORT to a free port"
        ) from error
    return made


class _Server(MPServer):
    """Granian on sockets that were made before its processes, and outlive them: its own belong to each process, and
    the connections that wait in one are reset when that process dies."""

    def __init__(self, listening: Sequence[socket.socket], target: str, **options: Any) -> None:
        super().__init__(target, **options)
        self._listening = listening

    def _init_shared_socket(self) -> None:
        pass

    def _drop_shared_socket(self) -> None:
        for each in self._listening:
            each.close()

    def _spawn_worker(self, idx: int, target: Any, callback_loader: Any, _: Any = None) -> Any:
        its = self._listening[idx % len(self._listening)]
        its.set_inheritable(True)
        self._sso = its
        self._shd = SocketHolder(its.fileno(), False, BACKLOG)  # type: ignore[assignment,call-arg]
        return super()._spawn_worker(idx, target, callback_loader)


def serve(settings: Settings, application: str, listening: Sequence[socket.socket]) -> None:
    """Serve ``dangol.serving.front:<application>`` until SIGTERM; requests under way are finished first."""
    # One request solves small systems: BLAS threads of many requests would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # A forked process begins with its parent's handlers, which would note that it is told to stop, and go on starting.
    os.register_at_fork(after_in_child=functools.partial(signal.signal, signal.SIGTERM, signal.SIG_DFL))
    _Server(
        listening,
        application,
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.workers,
        backlog=BACKLOG,
        backpressure=_connections(),
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000, max_buffer_size=BUFFER),
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=15,
    ).serve(target_loader=_made)


def _connections() -> int:
    """How many connections this process may hold, after asking for as many open files as that takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return CONNECTIONS if soft == resource.RLIM_INFINITY else max(128, min(CONNECTIONS, soft - OWN_FILES))


def _made(application: str) -> Any:
    """Granian's own way to find an application looks into the current folder first."""
    from dangol.serving import front

    return getattr(front, application)()
