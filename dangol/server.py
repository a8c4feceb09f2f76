"""The HTTP server: granian serving one of the factories of ``dangol.front``."""

import os
import socket

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels

from dangol.settings import Settings

HEADER_SECONDS = 10  # a client that sends its headers slower than this is not waited for

CONNECTIONS = 2048
"""At once, for each process. One costs memory and no thread, however slow it is."""


class PortTaken(Exception):
    """The port cannot be listened on; the message says what to do."""


def check_port(settings: Settings) -> None:
    """Raises PortTaken when ``host:port`` cannot be bound now."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise PortTaken(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); "
                "set DANGOL_PORT to a free port"
            ) from error


def serve(settings: Settings, application: str) -> None:
    """Serve ``dangol.front:<application>`` until SIGTERM; requests under way are finished first."""
    # One request solves small systems: BLAS threads of many requests would only wait for each other.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    Granian(
        f"dangol.front:{application}",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        factory=True,
        http=HTTPModes.http1,
        websockets=False,
        workers=settings.workers,
        backlog=2048,
        backpressure=CONNECTIONS,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        log_level=LogLevels.error,
        respawn_failed_workers=True,
        workers_kill_timeout=15,
    ).serve()
