"""Strangers who open connections and say little: everybody else is answered as if they were not there."""

import asyncio
import resource
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.installation import eventually
from tests.support.machine import free_port
from tests.support.tracker_process import REQUESTS, status_of, tracker_alone
from tracker.http.request import TOO_LARGE
from tracker.http.rsgi import BODIES_LIMIT, BUSY, SMALL_BODY, read_body

IDLE, SLOW = 5_000, 500


@pytest.fixture
def many_files() -> Iterator[None]:
    """Enough open files for every stranger's connection."""
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limits[1] < IDLE + SLOW + 2_000:
        pytest.skip(f"a process may open {limits[1]} files here, too few for this test")
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def stranger(port: int, said: bytes = b"") -> socket.socket:
    made = socket.create_connection(("127.0.0.1", port), timeout=30)
    made.sendall(said)
    made.setblocking(False)
    return made


def still_open(connection: socket.socket) -> bool:
    try:
        return connection.recv(65_536) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.usefixtures("many_files")
def test_idle_and_slow_connections_keep_nobody_waiting(tmp_path: Path) -> None:
    port = free_port()
    header = b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
    with tracker_alone(tmp_path, port):
        eventually(lambda: status_of(port, *REQUESTS[0]) == "200")
        strangers: list[socket.socket] = []
        try:
            for _ in range(5):  # a busy machine may take longer to open them all than they are suffered
                for each in strangers:
                    each.close()
                strangers = [stranger(port, header + (b"\r\na" if n % 2 else b"X-A: a")) for n in range(SLOW)]
                strangers += [stranger(port) for _ in range(IDLE)]
                if all(map(still_open, strangers[:SLOW])):
                    break
            assert status_of(port, *REQUESTS[0]) == "200"
            # No clock is asked: whoever came first still stands in the door when the answer is there.
            assert all(map(still_open, strangers[:SLOW])), "the answer had to wait until the slow were ended"
            eventually(lambda: not any(map(still_open, strangers)), 60)  # nobody stays for ever
        finally:
            for each in strangers:
                each.close()


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends connections that nobody reads from")
def test_who_never_reads_the_answers_is_not_waited_for(tmp_path: Path) -> None:
    port = free_port()
    with tracker_alone(tmp_path, port):
        eventually(lambda: status_of(port, *REQUESTS[0]) == "200")
        deaf: list[socket.socket] = []
        try:
            for _ in range(20):
                deaf.append(socket.socket())
                deaf[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
                deaf[-1].connect(("127.0.0.1", port))
                deaf[-1].setblocking(False)
                with suppress(BlockingIOError):
                    deaf[-1].send(b"GET /dangol.js HTTP/1.1\r\nHost: x\r\n\r\n" * 2_000)
            assert status_of(port, *REQUESTS[0]) == "200"
            eventually(lambda: all(map(gone, deaf)), 60)
        finally:
            for each in deaf:
                each.close()


def gone(connection: socket.socket) -> bool:
    """Whether the server ended it: known without reading anything."""
    try:
        connection.send(b"\r\n")
    except BlockingIOError:
        pass  # a full buffer: it is there, or does not know yet
    except OSError:
        return True
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


class Coming:
    """A body that arrives when it is told to."""

    def __init__(self, content: bytes) -> None:
        self.content, self.arrived = content, asyncio.Event()

    def __call__(self) -> asyncio.Future[bytes]:
        return asyncio.ensure_future(self._whole())

    async def _whole(self) -> bytes:
        await self.arrived.wait()
        return self.content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        await self.arrived.wait()
        yield self.content


def test_bodies_that_together_could_fill_the_memory_are_refused_and_small_ones_never() -> None:
    limit = 500 * 1024

    async def run() -> None:
        body = Coming(b"x" * 10)
        slow = [
            asyncio.create_task(read_body(body, str(limit) if n % 2 else "", limit, TOO_LARGE))
            for n in range(BODIES_LIMIT // limit)
        ]
        await asyncio.sleep(0)
        assert await read_body(body, str(limit), limit, TOO_LARGE) == BUSY
        assert await read_body(body, "", limit, TOO_LARGE) == BUSY
        small = asyncio.create_task(read_body(body, str(SMALL_BODY), limit, TOO_LARGE))
        await asyncio.sleep(0)
        body.arrived.set()
        assert await small == body.content
        assert set(await asyncio.gather(*slow)) == {body.content}
        assert await read_body(body, str(limit), limit, TOO_LARGE) == body.content  # the room was given back

    asyncio.run(run())
