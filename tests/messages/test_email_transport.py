"""E-mail is handed over to a real SMTP server: what it answers, and where the connection breaks, decides."""

import asyncio
from email import message_from_bytes
from email.policy import default

import msgspec
import pytest

from messages.email.smtp.connection import OutcomeUnknown
from messages.email.smtp.pool import SmtpPool
from messages.email.smtp.server import MailServer, ServerInvalid
from messages.email.smtp.server import mail_server as parsed
from messages.email.transport import EmailTransport
from messages.message import NotSent, Outcome
from tests.support.machine import free_port
from tests.support.mail_server import Inbox, mail_server
from tests.support.mails import message, writer

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")


def sent(port: int, *messages, timeout: float = 10.0, size: int = 4, tls: str = "off", **pool) -> list:
    """What ``send`` answered or raised for each message, in their order, one after the other."""

    async def run() -> list:
        server = MailServer(host="127.0.0.1", port=port, tls=tls)
        transport = EmailTransport(
            writer(), SmtpPool(server, "dangol.example", timeout=timeout, size=size, **pool)
        )
        answers = []
        for each in messages:
            try:
                answers.append(await transport.send(transport.prepare(each)))
            except Exception as error:
                answers.append(error)
        await transport.close()
        return answers

    return asyncio.run(run())


def test_a_mail_arrives_with_its_return_path_over_one_connection():
    inbox = Inbox()
    with mail_server(inbox) as port:
        answers = sent(port, *(message(id=f"{n:032x}") for n in range(5)))
    assert [each.handed_over for each in answers] == [True] * 5 and answers[0].reference == "queued as 1"
    assert len(inbox.taken) == 5 and inbox.connections == 1
    path, to, data = inbox.taken[0]
    assert to == ["kim@shop.example"] and path.startswith("bounce+") and path.endswith("@mail.shop.example")
    read = message_from_bytes(data, policy=default)
    assert read["Message-ID"] == f"<{0:032x}@mail.shop.example>" and read["Subject"] == "Hi friend"


@pytest.mark.parametrize(
    ("step", "reply", "permanent"),
    [
        ("rcpt", "550 no such user", True),
        ("rcpt", "550 5.1.1 no such user", True),
        ("rcpt", "550 5.7.1 you are on a block list", False),
        ("rcpt", "552 5.2.2 mailbox full", False),
        ("mail", "550 5.7.1 who are you", False),
        ("data command", "554 no", False),
        ("data", "554 5.7.1 looks like spam", False),
        ("data", "550 5.1.1 no such user", True),
    ],
)
def test_a_refusal_is_an_outcome_and_the_connection_takes_the_next_mail(step, reply, permanent):
    inbox = Inbox()
    inbox.answers[step] = [reply]
    with mail_server(inbox) as port:
        refused, taken = sent(port, message(), message())
    assert refused == Outcome(handed_over=False, reason=reply, permanent=permanent)
    assert taken.handed_over and len(inbox.taken) == 1 and inbox.connections == 1


@pytest.mark.parametrize("step", ["mail", "rcpt", "data command", "data"])
def test_told_to_come_again_it_was_not_sent(step):
    inbox = Inbox()
    inbox.answers[step] = ["450 4.2.0 greylisted"]
    with mail_server(inbox) as port:
        again, taken = sent(port, message(), message())
    assert isinstance(again, NotSent) and "greylisted" in str(again) and again.retry_after >= 60
    assert taken.handed_over and len(inbox.taken) == 1


@pytest.mark.parametrize(
    ("step", "reply"),
    [("mail", "drop"), ("rcpt", "drop"), ("data command", "drop")],
)
def test_a_connection_lost_before_the_end_of_the_mail_is_not_sent(step, reply):
    inbox = Inbox()
    inbox.answers[step] = [reply]
    with mail_server(inbox) as port:
        lost, taken = sent(port, message(), message())
    assert isinstance(lost, NotSent), lost
    assert taken.handed_over and len(inbox.taken) == 1


def test_a_connection_lost_in_the_middle_of_the_mail_is_not_sent():
    """More than the buffers of both sides hold: it cannot have been sent to its end."""

    async def server(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 here\r\n")
        while line := await reader.readline():
            writer.write(b"354 go on\r\n" if line == b"DATA\r\n" else b"250 OK\r\n")
            if line == b"DATA\r\n":
                await reader.readline()
                writer.transport.abort()
                return

    async def run() -> None:
        listening = await asyncio.start_server(server, "127.0.0.1", 0)
        port = listening.sockets[0].getsockname()[1]
        pool = SmtpPool(MailServer(host="127.0.0.1", port=port, tls="off"), "d.example")
        letter = msgspec.structs.replace(
            writer().write(message()), data=b"Subject: x\r\n\r\n" + b"x\r\n" * 8_000_000
        )
        async with listening:
            with pytest.raises(NotSent):
                await pool.deliver(letter)

    asyncio.run(run())


@pytest.mark.parametrize("reply", ["drop", "stall"])
def test_after_the_end_of_the_mail_nobody_knows(reply):
    inbox = Inbox()
    inbox.answers["data"] = [reply]
    with mail_server(inbox) as port:
        lost, taken = sent(port, message(), message(), timeout=1.0)
    assert isinstance(lost, OutcomeUnknown) and not isinstance(lost, NotSent)
    assert taken.handed_over and len(inbox.taken) == 1 and inbox.connections == 2


def test_a_server_that_stalls_before_the_mail_is_not_sent():
    inbox = Inbox()
    inbox.answers["rcpt"] = ["stall"]
    with mail_server(inbox) as port:
        lost, taken = sent(port, message(), message(), timeout=1.0)
    assert isinstance(lost, NotSent) and taken.handed_over


def test_no_server_is_not_sent():
    (away,) = sent(free_port(), message())
    assert isinstance(away, NotSent)


def test_a_connection_that_the_server_closed_meanwhile_is_replaced():
    inbox = Inbox()

    async def run(port: int) -> list[Outcome]:
        pool = SmtpPool(MailServer(host="127.0.0.1", port=port, tls="off"), "dangol.example", size=1)
        transport = EmailTransport(writer(), pool)
        first = await transport.send(transport.prepare(message()))
        inbox.answers["mail"] = ["drop"]
        second = await transport.send(transport.prepare(message()))
        await transport.close()
        return [first, second]

    with mail_server(inbox) as port:
        assert all(each.handed_over for each in asyncio.run(run(port)))
    assert len(inbox.taken) == 2 and inbox.connections == 2


def test_a_connection_takes_so_many_mails_and_the_pool_holds_so_many_connections():
    inbox = Inbox()

    async def run(port: int) -> None:
        server = MailServer(host="127.0.0.1", port=port, tls="off")
        transport = EmailTransport(writer(), SmtpPool(server, "d.example", size=3, per_connection=5))
        await asyncio.gather(*(transport.send(transport.prepare(message(id=f"{n:032x}"))) for n in range(30)))
        await transport.close()

    with mail_server(inbox) as port:
        asyncio.run(run(port))
    found = [message_from_bytes(data)["Message-ID"] for _, _, data in inbox.taken]
    assert len(found) == len(set(found)) == 30 and 6 <= inbox.connections <= 8


def test_who_is_cancelled_in_the_middle_leaves_no_answer_behind():
    inbox = Inbox()
    inbox.answers["data"] = ["stall"]

    async def run(port: int) -> Outcome:
        pool = SmtpPool(MailServer(host="127.0.0.1", port=port, tls="off"), "dangol.example", size=1)
        transport = EmailTransport(writer(), pool)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(transport.send(transport.prepare(message())), 0.5)
        outcome = await transport.send(transport.prepare(message()))
        await transport.close()
        return outcome

    with mail_server(inbox) as port:
        assert asyncio.run(run(port)).handed_over
    assert len(inbox.taken) == 1


def test_without_starttls_nothing_is_said_unless_it_is_this_machine():
    inbox = Inbox()
    with mail_server(inbox) as port:
        (refused,) = sent(port, message(), tls="required")
    assert isinstance(refused, NotSent) and not inbox.taken and not inbox.options
    assert parsed("smtp://127.0.0.1:25").tls == "off" and parsed("smtp://[::1]:25").tls == "off"
    assert parsed("smtp://localhost?tls=required").tls == "required"
    assert parsed("smtp://relay.example").tls == "required" and parsed("smtp://relay.example").port == 587
    assert parsed("smtps://a%40b:p%2Fw@relay.example") == MailServer(
        host="relay.example", port=465, user="a@b", password="p/w", tls="direct"
    )
    for wrong in (
        "relay.example",
        "http://x",
        "smtp://",
        "smtp://u:secret@h:25?tls=off",
        "smtp://h:99999",
        "smtp://h/x",
    ):
        with pytest.raises(ServerInvalid) as error:
            parsed(wrong)
        assert "secret" not in str(error.value)


def test_an_international_address_needs_a_server_that_takes_it():
    inbox = Inbox()
    with mail_server(inbox) as port:
        (taken,) = sent(port, message(address="김@shop.example"))
    assert taken.handed_over and inbox.taken[0][1] == ["김@shop.example"] and "SMTPUTF8" in inbox.options[0]
    other = Inbox()
    with mail_server(other, utf8=False) as port:
        refused, domain = sent(
            port, message(address="김@shop.example"), message(address="kim@bücher.example")
        )
    assert not refused.handed_over and not refused.permanent
    assert domain.handed_over and other.taken[0][1] == ["kim@xn--bcher-kva.example"], other.taken
