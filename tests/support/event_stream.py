"""Random events of visitors who sign in, buy and come back."""

import random
from collections.abc import Iterator

import msgspec

from tests.support.ingest_streams import START, event
from tracker.event import Event


def stream(count: int, visitors: int, draw: random.Random) -> Iterator[Event]:
    """In rough order of time; every 20th is sent again later, every 50th comes late, some visitors sign in, others only
    claim to."""
    again: list[Event] = []
    for number in range(count):
        visitor = draw.randrange(visitors)
        minutes = number * 3_000 / count
        if number % 50 == 7:
            minutes -= draw.random() * 120
        if number % 20 == 3 and again:
            one = again.pop(draw.randrange(len(again)))
            yield msgspec.structs.replace(one, received=START + 10**9 + number)
            continue
        user = f"u{visitor}" if visitor % 5 < 2 and number > count / 2 else None
        product = {"product_id": f"p{number % 90}", "category": f"c{number % 7}"}
        one = (
            event(f"e{number}", minutes, f"v{visitor}", user, name="Product Viewed", props=product)
            if number % 3
            else event(f"e{number}", minutes, f"v{visitor}", user)
        )
        one = msgspec.structs.replace(one, received=START + 10**9 + number, proven=visitor % 5 == 0)
        again.append(one)
        yield one
