"""One connection to the SMTP server. What was sent when it broke decides: before the end of the mail nothing was taken;
after it, nobody knows."""

import asyncio
import re
import ssl

import aiosmtplib
from aiosmtplib.errors import (
    SMTPConnectError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPSenderRefused,
)
from aiosmtplib.protocol import SMTPProtocol

from messages.email.letter import Letter
from messages.email.smtp.replies import RETRY_SECONDS, Step, outcome_of
from messages.email.smtp.server import MailServer
from messages.message import NotSent, Outcome

_DOTS = re.compile(rb"(?m)^\.")
_BROKEN = (SMTPException, OSError, TimeoutError)


class OutcomeUnknown(Exception):
    """The mail was sent to its end, and the answer did not come."""


class SmtpConnection:
    """Used by one task at a time. After an exception it is closed."""

    def __init__(
        self, server: MailServer, hostname: str, timeout: float, tls_context: ssl.SSLContext | None = None
    ) -> None:
        self.sent, self.used = 0, 0.0
        self._timeout = timeout
        self._smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user or None,
            password=server.password or None,
            local_hostname=hostname,
            timeout=timeout,
            use_tls=server.tls == "direct",
            start_tls=server.tls == "required",
            tls_context=tls_context,
        )

    @property
    def open(self) -> bool:
        return self._smtp.is_connected

    async def connect(self) -> None:
        """Raises NotSent."""
        try:
            await self._smtp.connect()
            if self._smtp.is_ehlo_or_helo_needed:
                await self._smtp.ehlo()
        except SMTPResponseException as error:
            outcome_of("connection", error.code, error.message)
        except (*_BROKEN, ValueError) as error:
            raise NotSent(
                f"no connection to the mail server: {_words(error)}", RETRY_SECONDS["connection"]
            ) from error

    async def deliver(self, letter: Letter) -> Outcome:
        """Raises NotSent, or OutcomeUnknown."""
        try:
            await self._envelope(letter)
            await self._content(letter.data)
        except SMTPSenderRefused as error:
            return await self._refused("sender", error)
        except SMTPRecipientRefused as error:
            return await self._refused("recipient", error)
        except SMTPNotSupported:
            return Outcome(handed_over=False, reason="the mail server takes no international addresses")
        except SMTPResponseException as error:
            return await self._refused("data", error)
        except (*_BROKEN, ValueError) as error:
            self._smtp.close()
            raise NotSent(f"the connection broke: {_words(error)}", 5.0) from error
        return await self._answer()

    async def _envelope(self, letter: Letter) -> None:
        options = [f"size={len(letter.data)}"] if self._smtp.supports_extension("size") else []
        encoding = "ascii"
        if letter.international:
            if not self._smtp.supports_extension("smtputf8"):
                raise SMTPNotSupported("SMTPUTF8")
            options.append("SMTPUTF8")
            encoding = "utf-8"
        await self._smtp.mail(letter.sender, options=options, encoding=encoding)
        await self._smtp.rcpt(letter.recipient, encoding=encoding)

    async def _content(self, data: bytes) -> None:
        """All of the mail but its end. Until then it cannot have been taken."""
        reply = await self._smtp.execute_command(b"DATA")
        if reply.code != 354:
            raise SMTPResponseException(reply.code, reply.message)
        protocol = self._connected()
        protocol.write(_DOTS.sub(b"..", data))
        transport = protocol.transport
        async with asyncio.timeout(self._timeout):
            while isinstance(transport, asyncio.WriteTransport) and transport.get_write_buffer_size():
                await asyncio.sleep(0.001)
        self._connected().write(b".\r\n")

    async def _answer(self) -> Outcome:
        try:
            reply = await self._connected().read_response(timeout=self._timeout)
        except _BROKEN as error:
            self._smtp.close()
            raise OutcomeUnknown(f"no answer to a whole mail: {_words(error)}") from error
        if reply.code == 250:
            return Outcome(handed_over=True, reference=reply.message[:200])
        return await self._refused("data", SMTPResponseException(reply.code, reply.message))

    def _connected(self) -> SMTPProtocol:
        protocol = self._smtp.protocol
        if protocol is None or not protocol.is_connected:
            raise SMTPConnectError("Connection lost")
        return protocol

    async def _refused(self, step: Step, error: SMTPResponseException) -> Outcome:
        if error.code == 421:
            self._smtp.close()
        await self._reset()
        return outcome_of(step, error.code, error.message)

    async def _reset(self) -> None:
        """Make the connection fit for the next mail, or close it."""
        try:
            if self.open:
                await self._smtp.rset()
        except _BROKEN:
            self._smtp.close()

    async def quit(self) -> None:
        try:
            if self.open:
                await self._smtp.quit(timeout=min(self._timeout, 2.0))
        except _BROKEN:
            pass
        finally:
            self._smtp.close()

    def drop(self) -> None:
        self._smtp.close()


def _words(error: BaseException) -> str:
    return str(error)[:200] or type(error).__name__
