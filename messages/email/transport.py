"""The channel of e-mail."""

from messages.email.letter import Letter, LetterWriter
from messages.email.smtp.pool import SmtpPool
from messages.message import Channel, Message, Outcome


class EmailTransport:
    """At most once: an SMTP server does not recognise a mail that comes twice."""

    channel: Channel = "email"
    once = True

    def __init__(self, writer: LetterWriter, pool: SmtpPool) -> None:
        self._writer, self._pool = writer, pool

    def prepare(self, message: Message) -> Letter:
        """Raises Unprintable."""
        return self._writer.write(message)

    async def send(self, prepared: Letter) -> Outcome:
        """Raises NotSent, or OutcomeUnknown."""
        return await self._pool.deliver(prepared)

    async def close(self) -> None:
        await self._pool.close()
