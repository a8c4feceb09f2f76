"""``dangol demo-traffic``: simulated visitors, sent over HTTP to a running Dangol."""

import threading
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from dangol.demo.answers import Answers
from dangol.demo.diary import Message
from dangol.demo.people import person
from dangol.demo.visits import Visits
from dangol.shop.account import proof
from dangol.shop.catalogue import load
from dangol.shop.client import Client

Done = TypeVar("Done")

VISITORS_LIMIT = 100_000
DAYS_LIMIT = 365
SENDERS = 4
BATCH = 100
"""Messages in one request: well under the tracker's 500 KB."""

AHEAD = 64
"""Visitors handed out at a time, so that memory does not grow with their number."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What was sent."""

    visitors: int
    sessions: int
    events: int
    orders: int


def play(
    base_url: str,
    write_key: str,
    visitors: int,
    seed: int,
    *,
    secret_key: str = "",
    days: int = 14,
    now: float | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Traffic:
    """Send the visits of ``visitors`` people in the ``days`` before ``now`` (seconds), marked as demo data.

    A seed always gives the same people and event ids, so playing it twice soon after counts once.
    With the site's ``secret_key`` the shop proves who is signed in; without it they only claim to be.
    ``progress`` is called with the number of visitors done since its last call. Raises ValueError,
    DangolUnreachable or RequestRefused.
    """
    if not 1 <= visitors <= VISITORS_LIMIT:
        raise ValueError(f"visitors must be between 1 and {VISITORS_LIMIT:,}")
    if not 1 <= days <= DAYS_LIMIT:
        raise ValueError(f"days must be between 1 and {DAYS_LIMIT}")
    end = time.time() if now is None else now

    def one(senders: _Senders, number: int) -> Traffic:
        visits = visits_of(base_url, seed, number, secret_key)
        messages = visits.play(end, days)
        senders.send(messages)
        orders = sum(message.get("event") == "Order Completed" for message in messages)
        return Traffic(1, visits.sessions, len(messages), orders)

    total = Traffic(0, 0, 0, 0)
    for done in _each(base_url, write_key, visitors, one):
        total = _sum(total, done)
        progress(1)
    return total


def answer_offers(base_url: str, write_key: str, visitors: int, seed: int) -> int:
    """Let the same people see the shop's current offers, once ingest has their profiles; how many offers they saw.

    Raises DangolUnreachable or RequestRefused.
    """
    catalogue, shop = load(), base_url.rstrip("/") + "/shop"

    def one(senders: _Senders, number: int) -> int:
        messages = Answers(seed, number, person(seed, number, catalogue)).play(senders.client, shop)
        senders.send(messages)
        return sum(message["event"] == "Offer Viewed" for message in messages)

    return sum(_each(base_url, write_key, visitors, one))


def _each(
    base_url: str, write_key: str, visitors: int, one: "Callable[[_Senders, int], Done]"
) -> Iterator[Done]:
    """What ``one`` did for each visitor, over SENDERS connections."""
    senders, pool = _Senders(base_url, write_key), ThreadPoolExecutor(SENDERS, "demo-traffic")
    try:
        numbers = iter(range(visitors))
        while chunk := list(islice(numbers, AHEAD)):
            yield from pool.map(partial(one, senders), chunk)
    finally:
        pool.shutdown(cancel_futures=True)
        senders.close()


def visits_of(base_url: str, seed: int, number: int, secret_key: str = "") -> Visits:
    """The visits of one person, not played yet."""
    catalogue = load()
    who = person(seed, number, catalogue)
    proven = proof(secret_key, who.customer) if secret_key else ""
    return Visits(seed, number, who, catalogue, base_url.rstrip("/") + "/shop", proven)


def _sum(one: Traffic, other: Traffic) -> Traffic:
    return Traffic(
        one.visitors + other.visitors,
        one.sessions + other.sessions,
        one.events + other.events,
        one.orders + other.orders,
    )


class _Senders:
    """One connection for each sending thread."""

    def __init__(self, base_url: str, write_key: str) -> None:
        self._base_url = base_url
        self._authorization = "Basic " + b64encode(f"{write_key}:".encode()).decode()
        self._mine = threading.local()
        self._all: list[Client] = []

    def send(self, messages: Sequence[Message]) -> None:
        """Return when every message is acknowledged."""
        for start in range(0, len(messages), BATCH):
            self.client.send("POST", "/v1/batch", {"batch": messages[start : start + BATCH]})

    @property
    def client(self) -> Client:
        """This thread's."""
        client: Client | None = getattr(self._mine, "client", None)
        if client is None:
            client = self._mine.client = Client(self._base_url, self._authorization)
            self._all.append(client)
        return client

    def close(self) -> None:
        for client in self._all:
            client.close()
