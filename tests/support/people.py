"""A campaign's people made from responses and goals in a list, from columns, or drawn, for tests of comparisons."""

from collections.abc import Iterable, Sequence

import numpy as np

from offers.campaign.campaign import Campaign
from offers.experiments.people import People
from offers.feedback.responses import Response
from warehouse.feeds.offer_events import GoalEvent


def people_of(
    campaign: Campaign, responses: Sequence[Response], goals: Iterable[GoalEvent] = (), now: int = 1 << 60
) -> People:
    """Everybody from their first decision, or where none is logged from their first response, with the goals of the
    campaign within its window."""
    logged = [each for each in responses if each.row.kind in ("decided", "withheld")] or list(responses)
    first: dict[str, Response] = {}
    for each in sorted(logged, key=lambda each: each.row.ts):
        first.setdefault(each.row.profile, each)
    names = list(first)
    since = np.array([first[name].row.ts for name in names], np.int64)
    tokens = [first[name].token for name in names]
    mine = {name: at for at, name in enumerate(names)}
    orders, revenue, clicks = np.zeros(len(names)), np.zeros(len(names)), np.zeros(len(names))
    met: list[set[str]] = [set() for _ in names]
    groups: list[set[bool]] = [set() for _ in names]
    for goal in goals:
        at = mine.get(goal.profile)
        if at is None or goal.event != campaign.goal.event:
            continue
        if 0 <= goal.ts - since[at] <= campaign.goal.window_ms:
            orders[at] += 1
            revenue[at] += goal.value
    for token, row in responses:
        if row.profile in mine:
            clicks[mine[row.profile]] += row.kind == "click"
            met[mine[row.profile]] |= {token.variant} - {""}
            groups[mine[row.profile]].add(token.held)
    variants = tuple(dict.fromkeys([*(each.id for each in campaign.creatives), *(t.variant for t in tokens)]))
    no = np.zeros(len(names), np.bool_)
    return People(
        since=since,
        held=np.array([token.held for token in tokens], np.bool_),
        held_share=np.array([token.held_share for token in tokens]),
        variant=np.array([-1 if token.held else variants.index(token.variant) for token in tokens], np.int64),
        variant_share=np.array([token.propensity for token in tokens]),
        context=np.zeros(len(names), np.int64),
        open=since + campaign.goal.window_ms >= now if now < 1 << 60 else no,
        converted=orders > 0,
        orders=orders,
        revenue=revenue,
        impressions=np.zeros(len(names)),
        clicks=clicks,
        dismissed=no,
        unsubscribed=no,
        returned=no,
        before=np.zeros((len(names), 4)),
        variants=tuple(name for name in variants if name),
        crossed=np.array([len(each) > 1 for each in groups], np.bool_),
        several=np.array([len(each) > 1 for each in met], np.bool_),
    )


def people_with(held: np.ndarray, revenue: np.ndarray, share: float = 0.2, **columns: np.ndarray) -> People:
    """People who did nothing but what the columns say: bought for ``revenue``, where it is above 0."""
    n = len(held)
    no, zero = np.zeros(n, np.bool_), np.zeros(n)
    made = {
        "since": np.arange(n, dtype=np.int64),
        "held": held,
        "held_share": np.full(n, share),
        "variant": np.where(held, -1, 0).astype(np.int64),
        "variant_share": np.ones(n),
        "context": np.zeros(n, np.int64),
        "open": no,
        "converted": revenue > 0,
        "orders": (revenue > 0).astype(float),
        "revenue": revenue,
        "impressions": zero,
        "clicks": zero,
        "dismissed": no,
        "unsubscribed": no,
        "returned": no,
        "before": np.zeros((n, 4)),
        "crossed": no,
        "several": no,
        "variants": ("a",),
    }
    return People(**{**made, **columns})


def simulated(
    generator: np.random.Generator,
    people: int,
    share: float,
    rate: float,
    effect: float = 1.0,
    spread: float = 1.0,
) -> People:
    held = generator.random(people) < share
    bought = generator.random(people) < rate * np.where(held, 1.0, effect)
    revenue = np.zeros(people)
    revenue[bought] = generator.lognormal(3.5, spread, int(bought.sum()))
    return people_with(held, revenue, share)
