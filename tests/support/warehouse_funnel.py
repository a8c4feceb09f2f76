"""Random events of a small shop, for tests of funnels."""

import random

from tests.support.warehouse_rows import NOON, row
from tracker.sites import Site
from warehouse.delta import EventRow
from warehouse.question.span import Span

SITE = Site(id="default", write_key="w", secret_key="s")
SPAN = Span.parse(SITE, "2026-11-01", "2026-11-05")
VIEW, ADD, BUY = "event:Product Viewed", "event:Product Added", "event:Order Completed"


def stroll(seed: int) -> list[EventRow]:
    """Events of twenty visitors on a coarse clock: many ties, repeats, and rows in no order."""
    chance = random.Random(seed)
    rows = []
    for number in range(400):
        ts = NOON + chance.randrange(200) * 1_800_000 // 2
        kind = chance.randrange(6)
        names = {0: "Product Viewed", 1: "Product Added", 2: "Order Completed", 3: "Offer Viewed"}
        profile = f"p{chance.randrange(20)}"
        changes = {"type": "track", "name": names[kind], "path": "/x"} if kind < 4 else {}
        if kind > 3:
            changes = {"path": chance.choice(["/", "/shoes/1", "/shoes%", "/shoes_2", "/SHOES/1"])}
        session = f"{profile}-{chance.randrange(4)}"
        bot = chance.random() < 0.05
        rows.append(row(ts, id=f"e{number}", profile=profile, session=session, bot=bot, **changes))
    return rows
