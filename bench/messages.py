"""Mails handed over to an SMTP server (aiosmtpd in a process of its own), each written for its person, beside a bare
aiosmtplib loop that sends the same bytes again and again over as many connections."""

import asyncio
import multiprocessing
import os
import statistics
import time
from collections.abc import Awaitable, Callable
from multiprocessing.synchronize import Event

import aiosmtplib
import msgspec

from bench.results import record
from messages.email.letter import LetterWriter
from messages.email.smtp.pool import SmtpPool
from messages.email.smtp.server import MailServer, Sender
from messages.email.transport import EmailTransport
from messages.message import Links, Message
from tests.support.mail_server import Inbox, mail_server
from tests.support.mails import DIGESTS, MARKS, message
from tests.support.permission import customer

MAILS = int(os.environ.get("BENCH_MAILS", "1500"))
ROUNDS = 3
CONNECTIONS = (1, 4)
BLOCKS = {
    "subject": "{{ trait.first_name | Hello }}, back in stock",
    "preheader": "What you looked at",
    "blocks": [
        {"type": "heading", "text": "Hello {{ trait.first_name | you }}"},
        {"type": "text", "text": "These are for you."},
        {"type": "items"},
        {"type": "button", "text": "To the shop", "link": "https://shop.example/?c={{ trait.city }}"},
    ],
}
ITEMS = tuple(
    {
        "id": f"p{n}",
        "name": f"Product {n}",
        "url": f"https://shop.example/p/{n}",
        "image": f"https://shop.example/p/{n}.jpg",
        "price": n,
    }
    for n in range(4)
)
LINKS = Links(
    unsubscribe="https://dangol.example/v1/unsubscribe/token",
    preferences="https://dangol.example/me/preferences/token",
    opened="https://dangol.example/v1/messages/opened",
    click="https://dangol.example/v1/messages/click",
)


def written_for(at: int) -> Message:
    profile = customer(traits={"first_name": f"Kim {at}", "city": "Seoul", "email": f"kim{at}@shop.example"})
    profile = msgspec.structs.replace(profile, id=f"u:kim{at}")
    return message(
        id=f"{at:032x}",
        profile=profile,
        address=f"kim{at}@shop.example",
        content=BLOCKS,
        items=ITEMS,
        links=LINKS,
    )


def serve(port: "multiprocessing.Queue[int]", done: Event) -> None:
    with mail_server(Inbox(keep=False)) as at:
        port.put(at)
        done.wait()


async def bare(port: int, connections: int, data: bytes, mails: list[Message]) -> None:
    """The floor: nothing is written, nothing is decided."""
    waiting = iter(mails)

    async def one() -> None:
        client = aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False)
        await client.connect()
        for each in waiting:
            await client.sendmail("bounce@shop.example", [each.address], data)
        await client.quit()

    await asyncio.gather(*(one() for _ in range(connections)))


async def ours(port: int, connections: int, writer: LetterWriter, mails: list[Message]) -> None:
    server = MailServer(host="127.0.0.1", port=port, tls="off")
    pool = SmtpPool(server, "dangol.example", size=connections, per_connection=10_000)
    transport = EmailTransport(writer, pool)
    waiting = iter(mails)

    async def one() -> None:
        for each in waiting:
            assert (await transport.send(transport.prepare(each))).handed_over

    await asyncio.gather(*(one() for _ in range(connections)))
    await transport.close()


def rate(run: Callable[[], Awaitable[None]], mails: int) -> float:
    async def whole() -> None:
        await run()

    began = time.perf_counter()
    asyncio.run(whole())
    return mails / (time.perf_counter() - began)


def main() -> None:
    mails = [written_for(at) for at in range(MAILS)]
    writer = LetterWriter(Sender(address="hello@shop.example", domain="mail.shop.example"), MARKS, DIGESTS)
    data = writer.write(mails[0]).data
    began = time.process_time()
    for each in mails:
        writer.write(each)
    writing = (time.process_time() - began) / MAILS * 1e6
    port_told: multiprocessing.Queue[int] = multiprocessing.Queue()
    done = multiprocessing.Event()
    process = multiprocessing.Process(target=serve, args=(port_told, done), daemon=True)
    process.start()
    port = port_told.get(timeout=30)
    rows = []
    for connections in CONNECTIONS:
        floor, reached = [], []
        for _ in range(ROUNDS):
            floor.append(rate(lambda c=connections: bare(port, c, data, mails), MAILS))  # type: ignore[misc]
            reached.append(rate(lambda c=connections: ours(port, c, writer, mails), MAILS))  # type: ignore[misc]
        ratios = [mine / its for mine, its in zip(reached, floor, strict=True)]
        rows.append(
            (
                connections,
                f"{statistics.median(floor):,.0f}",
                f"{statistics.median(reached):,.0f}",
                f"{statistics.median(ratios):.2f}",
            )
        )
    done.set()
    process.join(10)
    note = (
        f"{MAILS:,} mails of {len(data) / 1024:.0f} KiB, {ROUNDS} rounds, medians. To write one (Liquid, links with"
        f" signatures, MIME) takes {writing:,.0f} µs of processor. Without DKIM. Asked: 0.80."
    )
    header = ["connections", "bare aiosmtplib, mails/s", "Dangol, mails/s", "ratio"]
    record("Mails", "python -m bench.messages", header, rows, note)


if __name__ == "__main__":
    main()
