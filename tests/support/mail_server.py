"""A real SMTP server (aiosmtpd) that answers as a test says, and keeps what it took."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP

from tests.support.machine import free_port


class Inbox:
    """What arrived, and what to answer: ``answers`` maps a step ("mail", "rcpt", "data command", "data") to replies
    that are given one after the other, then all is taken. The reply "drop" ends the connection, "stall" never comes."""

    def __init__(self, keep: bool = True) -> None:
        self.keep = keep
        self.taken: list[tuple[str, list[str], bytes]] = []
        self.answers: dict[str, list[str]] = {}
        self.connections = 0
        self.options: list[list[str]] = []

    async def reply(self, server: Any, step: str, otherwise: str) -> str:
        told = self.answers.get(step) or []
        said = told.pop(0) if told else otherwise
        if said == "drop":
            server.transport.abort()
            return "451 dropped"
        if said == "stall":
            await asyncio.sleep(3600)
        return said

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return responses

    async def handle_MAIL(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        self.options.append(options)
        return await self.reply(server, "mail", "250 OK")

    async def handle_RCPT(
        self, server: Any, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        said = await self.reply(server, "rcpt", "250 OK")
        if said.startswith("250"):
            envelope.rcpt_tos.append(address)
        return said

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        said = await self.reply(server, "data", "250 queued as 1")
        if said.startswith("250") and self.keep:
            self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.original_content))
        return said


class ScriptedServer(SMTP):
    """Also answers the command DATA, and drops a connection in the middle of a mail."""

    async def smtp_DATA(self, arg: str) -> None:
        said = await self.event_handler.reply(self, "data command", "")
        if said == "drop in the middle":
            await self.push("354 go on")
            await self._reader.read(1)
            self.transport.abort()
        elif said:
            await self.push(said)
        else:
            await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return ScriptedServer(self.handler, **self.SMTP_kwargs)


@contextmanager
def mail_server(inbox: Inbox, **options: Any) -> Iterator[int]:
    """Its port on this machine. ``tls_context``: it offers STARTTLS."""
    controller = _Controller(
        inbox, hostname="127.0.0.1", port=free_port(), enable_SMTPUTF8=options.pop("utf8", True), **options
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop(no_assert=True)


def server_context(certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def client_context(certificate: str) -> ssl.SSLContext:
    """Trusts this certificate alone."""
    return ssl.create_default_context(cafile=certificate)
