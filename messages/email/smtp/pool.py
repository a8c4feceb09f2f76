"""Open connections to the SMTP server, used again: a new one for every mail costs as much as ten mails."""

import asyncio
import ssl
import time
from collections.abc import Callable
from functools import partial

from messages.email.letter import Letter
from messages.email.smtp.connection import SmtpConnection
from messages.email.smtp.server import MailServer
from messages.message import NotSent, Outcome

SIZE = 4
PER_CONNECTION = 100
"""Mails over one connection; many servers close it after about as many."""
IDLE_SECONDS = 30.0
TIMEOUT = 60.0


class SmtpPool:
    """At most ``size`` connections at once; who comes later waits. Belongs to one event loop."""

    def __init__(
        self,
        server: MailServer,
        hostname: str,
        *,
        size: int = SIZE,
        per_connection: int = PER_CONNECTION,
        timeout: float = TIMEOUT,
        tls_context: ssl.SSLContext | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = partial(SmtpConnection, server, hostname, timeout, tls_context)
        self._per_connection, self._clock = per_connection, clock
        self._free = asyncio.Semaphore(size)
        self._idle: list[SmtpConnection] = []

    async def deliver(self, letter: Letter) -> Outcome:
        """Raises NotSent, or OutcomeUnknown."""
        async with self._free:
            connection = await self._kept()
            if connection is not None:
                try:
                    return await self._delivered(connection, letter)
                except NotSent:
                    if connection.open:
                        raise
                    # The server closed it while it was idle. Nothing was taken: once more, over a new one.
            connection = self._make()
            await connection.connect()
            return await self._delivered(connection, letter)

    async def close(self) -> None:
        """Say goodbye on the connections that are idle."""
        idle, self._idle = self._idle, []
        await asyncio.gather(*(each.quit() for each in idle))

    async def _delivered(self, connection: SmtpConnection, letter: Letter) -> Outcome:
        try:
            outcome = await connection.deliver(letter)
        except NotSent:
            await self._back(connection)
            raise
        except BaseException:
            connection.drop()  # cancelled in between, or the answer is missing: what comes next would be taken for it
            raise
        await self._back(connection)
        return outcome

    async def _back(self, connection: SmtpConnection) -> None:
        connection.sent += 1
        connection.used = self._clock()
        if not connection.open:
            return
        if connection.sent >= self._per_connection:
            await connection.quit()
        else:
            self._idle.append(connection)

    async def _kept(self) -> SmtpConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.open and self._clock() - connection.used < IDLE_SECONDS:
                return connection
            await connection.quit()
        return None
