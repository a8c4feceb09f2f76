"""``dangol demo-traffic``: simulated visitors, sent over HTTP to a running Dangol."""

import threading
import time
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from functools import partial
from itertools import islice
from typing import TypeVar

from dangol.demo.diary import Message
from dangol.demo.offers import PastOffers
from dangol.demo.people import person
from dangol.demo.visits import Visits
from dangol.shop.account import proof
from dangol.shop.catalogue import load
from dangol.shop.client import Client
from tracker.sites import Site

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
    """What was sent: ``visitors`` are people; what robots opened is neither visit nor event. ``offers`` were seen."""

    visitors: int = 0
    robots: int = 0
    sessions: int = 0
    events: int = 0
    orders: int = 0
    offers: int = 0

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(*(mine + theirs for mine, theirs in zip(astuple(self), astuple(other), strict=True)))


def play(
    base_url: str,
    site: Site,
    visitors: int,
    seed: int,
    *,
    offers: PastOffers | None = None,
    days: int = 28,
    now: float | None = None,
    progress: Callable[[int], object] = lambda _: None,
) -> Traffic:
    """Send the visits of ``visitors``, people and robots, in the ``days`` before today and in today until ``now``
    (seconds), marked as demo data; with what ``offers`` tell of the campaigns that they met.

    A seed always gives the same people and event ids, so playing it twice soon after counts once. The shop proves who
    is signed in, with the site's secret key. ``progress`` is called with the number of visitors done since its last
    call. Raises ValueError, DangolUnreachable or RequestRefused.
    """
    if not 1 <= visitors <= VISITORS_LIMIT:
        raise ValueError(f"visitors must be between 1 and {VISITORS_LIMIT:,}")
    if not 1 <= days <= DAYS_LIMIT:
        raise ValueError(f"days must be between 1 and {DAYS_LIMIT}")
    end = time.time() if now is None else now
    deciding = threading.Lock()

    def one(senders: _Senders, number: int) -> Traffic:
        visits = visits_of(base_url, seed, number, site.secret_key)
        messages = visits.play(end, days, site.zone)
        if offers is not None:
            with deciding:
                told = offers.told(seed, number, visits.person, messages)
            messages = sorted([*messages, *told], key=lambda message: message["timestamp"])
        senders.send(messages)
        return _sent(visits, messages)

    total = Traffic()
    for done in _each(base_url, site.write_key, visitors, one):
        total += done
        progress(1)
    return total


def _sent(visits: Visits, messages: Sequence[Message]) -> Traffic:
    if visits.person.bot:
        return Traffic(robots=1)
    told = Counter(message.get("event") for message in messages)
    return Traffic(1, 0, visits.sessions, len(messages), told["Order Completed"], told["Offer Viewed"])


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
