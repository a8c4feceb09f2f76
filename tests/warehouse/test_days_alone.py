"""A day alone equals that day within a range, over midnight, a month's and a year's end, and the clock's changes."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.warehouse_rows import row
from tracker.durations import DAY_MS, HOUR_MS, MINUTE_MS
from tracker.sites import Site
from warehouse.attribution.report import AttributionOptions, attribution
from warehouse.delta import EventRow, Warehouse
from warehouse.events import Events
from warehouse.funnel.breakdown import breakdown
from warehouse.funnel.dropoffs import dropoffs
from warehouse.funnel.funnel import Rules, funnel
from warehouse.funnel.reverse import reverse_funnel
from warehouse.funnel.trend import trend
from warehouse.question.span import Span
from warehouse.question.steps import parse_step
from warehouse.reports.agents import agent_report
from warehouse.reports.filtered import filtered
from warehouse.reports.goals import goals
from warehouse.reports.overview import overview
from warehouse.reports.paths import paths
from warehouse.reports.products import product_report
from warehouse.reports.retention import retention

Figures = Counter[Any]
Counted = Callable[[Events, Span], Figures]

SITE = "default"
PLACES = [
    ("America/New_York", date(2026, 11, 1)),
    ("Asia/Seoul", date(2026, 12, 31)),
    ("Europe/Paris", date(2026, 3, 29)),
]
"""The clock goes back; the year ends; the clock goes forward. In the middle of the days that are asked."""
VIEW, ADD, BUY = (
    parse_step(f"event:{name}") for name in ("Product Viewed", "Product Added", "Order Completed")
)
PAGE, DEAR = parse_step("page:*"), parse_step("event:Order Completed where revenue > 50")
STEPS = [PAGE, ADD, BUY]
NAMES = ("Product Viewed", "Product Added", "Product Removed", "Order Completed", "Products Searched")


def of_span(first: date, last: date, zone: str) -> Span:
    site = Site(id=SITE, write_key="w", secret_key="s", timezone=zone)
    return Span.parse(site, first.isoformat(), last.isoformat())


def history(seed: int, days: list[Span]) -> Iterator[EventRow]:
    """Visits of a few people who come again and again, many of them over a midnight; orders and fetches of no visit."""
    chance = random.Random(seed)
    for number in range(150):
        day = chance.choice(days)
        late = chance.random() < 0.6
        ts = day.end - chance.randrange(1, 40) * MINUTE_MS if late else chance.randrange(day.start, day.end)
        who = f"v:{chance.randrange(12)}"
        touch = {
            "channel": chance.choice(["direct", "email", "organic"]),
            "country": chance.choice(["US", "KR", ""]),
        }
        for at in range(chance.randrange(1, 9)):
            name = chance.choice(["", "", *NAMES])
            what: dict[str, Any] = (
                {"type": "track", "name": name} if name else {"path": f"/{chance.randrange(4)}"}
            )
            if name.startswith(("Product ", "Order")):
                what |= {"product": f"p{chance.randrange(3)}", "price": 10.0, "quantity": 1.0}
            if name == "Order Completed":
                worth = float(chance.randrange(1, 100))
                what |= {"order": f"o{number}-{at}", "revenue": worth, "currency": "EUR", "sender": "site"}
            yield row(
                ts,
                id=f"e{number}-{at}",
                profile=who,
                session=f"{who}-{number}",
                device="phone",
                **touch,
                **what,
            )
            ts += chance.randrange(1, 15) * MINUTE_MS
        if chance.random() < 0.2:
            order = {"order": f"s{number}", "revenue": 7.0, "currency": "EUR", "sender": "site"}
            yield row(
                ts, id=f"s{number}", profile=who, type="track", name="Order Completed", session="", **order
            )
        if chance.random() < 0.2:
            yield row(ts, id=f"b{number}", profile="bot", bot=True, browser="GPTBot", source="log", path="/1")


def of_overview(events: Events, span: Span) -> Figures:
    found = overview(events, SITE, span, "EUR", limit=1000)
    told: Figures = Counter()
    for name in ("sessions", "pageviews", "events", "orders", "revenue"):
        told[name] = getattr(found, name)
        assert sum(getattr(day, name) for day in found.series) == getattr(found, name), name
        if found.by_hour:
            assert sum(getattr(hour, name) for hour in found.by_hour) == getattr(found, name), name
    told["bounces"] = found.bounce_rate_interval.part
    assert sum(day.bounce_rate_interval.part for day in found.series) == told["bounces"]
    tables = (
        "channels",
        "entries",
        "exits",
        "origins",
        "campaigns",
        "devices",
        "browsers",
        "systems",
        "countries",
    )
    for table in tables:
        for group in getattr(found, table):
            for name in ("sessions", "bounces", "orders", "revenue"):
                told[table, group.name, name] = getattr(group, name)
    for page in found.pages:
        told["pages", page.path] = page.pageviews
    for hour in found.hours:
        told["hours", hour.weekday, hour.hour] = hour.sessions
        told["hours of orders", hour.weekday, hour.hour] = hour.orders
    return told


def of_goals(events: Events, span: Span) -> Figures:
    told: Figures = Counter()
    for steps in ([VIEW, BUY], [DEAR]):
        for goal in goals(events, SITE, steps, span):
            told |= {(goal.step, "times"): goal.times, (goal.step, "visits"): goal.visits}
            told[goal.step, "all"] = goal.share_interval.whole
    return told


def of_visit_funnel(events: Events, span: Span) -> Figures:
    told: Figures = Counter()
    for any_order in (False, True):
        rules = Rules(window=40 * MINUTE_MS, by_session=True, any_order=any_order)
        for at, step in enumerate(funnel(events, SITE, STEPS, rules, span).steps):
            told[any_order, at] = step.visitors
        for by in ("channel", "country", "landing"):
            for group in breakdown(events, SITE, STEPS, rules, span, by, most=1000):
                told |= {(any_order, by, group.value, at): count for at, count in enumerate(group.visitors)}
        for gone in dropoffs(events, SITE, STEPS, rules, span, 1, most=1000):
            told[any_order, "gone", gone.name] = gone.visitors
    return told


def of_paths(events: Events, span: Span) -> Figures:
    told: Figures = Counter()
    for anchor, direction in ((None, "from"), (BUY, "to"), (DEAR, "to")):
        found = paths(events, SITE, span, anchor, direction, depth=3, most=1000)  # type: ignore[arg-type]
        told[direction, anchor] = found.visits
        told |= {(anchor, flow.depth, flow.source, flow.target): flow.visits for flow in found.flows}
    before = reverse_funnel(events, SITE, BUY, span, most=1000)
    told |= {"visits": before.visits, "reached": before.reached, "at once": before.at_once}
    told |= {("before", step.name): step.reached for step in before.steps}
    return told


def of_products(events: Events, span: Span) -> Figures:
    found = product_report(events, SITE, span, "EUR", most=1000)
    told: Figures = Counter({"carts": found.carts, "abandoned": found.abandoned, "value": found.value})
    for each in found.products:
        for name in ("views", "added", "sold", "bought", "revenue"):
            told[each.name, name] = getattr(each, name)
    for left in found.left:
        told["left", left.name] = left.carts
    told |= {("pair", pair.first, pair.second): pair.orders for pair in found.pairs}
    return told


def of_attribution(events: Events, span: Span) -> Figures:
    told: Figures = Counter()
    models = ("first", "last", "last_non_direct", "linear", "position", "decay")
    for goal in (None, VIEW, DEAR):
        found = attribution(events, events, SITE, span, "EUR", AttributionOptions(goal=goal, models=models))
        told[goal] = found.conversions
        for each in found.rows:
            told[goal, each.name, each.kind] = each.visits
            for model, credit in each.credits.items():
                told[goal, each.name, each.kind, model] = round(credit.conversions, 5)
    return told


def of_retention(events: Events, span: Span) -> Figures:
    told: Figures = Counter()
    for deed in ("visit", "purchase"):
        for cohort in retention(events, SITE, span, "EUR", "day", deed, by_channel=True).cohorts:  # type: ignore[arg-type]
            told[deed, cohort.start, cohort.channel] = cohort.size
    return told


def of_agents(events: Events, span: Span) -> Figures:
    found = agent_report(events, SITE, span, "EUR", most=1000)
    return Counter({"fetches": found.fetches, **{page.path: page.fetches for page in found.pages}})


ADDITIVE: list[Counted] = [
    *(of_overview, of_goals, of_visit_funnel, of_paths),
    *(of_products, of_attribution, of_retention, of_agents),
]


def rounded(figures: Figures) -> dict[Any, float]:
    return {name: round(float(value), 3) for name, value in figures.items() if abs(value) > 1e-6}


@pytest.fixture(scope="module", params=range(len(PLACES)), ids=[place for place, _ in PLACES])
def days(request: pytest.FixtureRequest) -> list[Span]:
    zone, middle = PLACES[request.param]
    return [of_span(middle + timedelta(at), middle + timedelta(at), zone) for at in range(-2, 3)]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, days: list[Span]) -> Warehouse:
    warehouse, rows = Warehouse(str(tmp_path_factory.mktemp("shop"))), list(history(days[0].start % 89, days))
    for part in (rows[::2], rows[1::2]):  # visits lie in two files
        warehouse.append(part, [], {})
    return warehouse


def whole(days: list[Span]) -> Span:
    return Span(days[0].start, days[-1].end, days[0].zone)


@pytest.mark.parametrize("counted", ADDITIVE)
def test_the_days_add_up_to_their_range(shop: Warehouse, days: list[Span], counted: Counted) -> None:
    alone: Figures = Counter()
    for day in days:
        alone.update(counted(shop, day))
    together = counted(shop, whole(days))
    assert rounded(alone) == rounded(together)
    assert sum(rounded(together).values()) > 10


@pytest.mark.parametrize(
    "narrow", [{"equal": {"channel": "email"}}, {"equal": {}, "page": parse_step("page:/1")}]
)
@pytest.mark.parametrize(
    "counted", [of_overview, of_goals, of_visit_funnel, of_paths, of_products, of_retention]
)
def test_they_do_so_filtered(
    shop: Warehouse, days: list[Span], counted: Counted, narrow: dict[str, Any]
) -> None:
    alone: Figures = Counter()
    for day in days:
        alone.update(counted(filtered(shop, **narrow), day))
    assert rounded(alone) == rounded(counted(filtered(shop, **narrow), whole(days)))


def test_a_days_own_figures_are_those_of_that_day_in_the_range(shop: Warehouse, days: list[Span]) -> None:
    found = overview(shop, SITE, whole(days), "EUR")
    for day, told in zip(days, found.series, strict=True):
        (alone,) = overview(shop, SITE, day, "EUR").series
        assert alone == told
        assert told.visitors and told.day == day.first


@pytest.mark.parametrize("by_session", [False, True])
@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize("steps", [STEPS, [VIEW, DEAR]])
def test_the_trend_of_a_funnel_is_the_funnel_of_each_day(
    shop: Warehouse, days: list[Span], by_session: bool, any_order: bool, steps: list[Any]
) -> None:
    rules = Rules(window=9 * HOUR_MS, by_session=by_session, any_order=any_order)
    over_time = trend(shop, SITE, steps, rules, whole(days))
    finished = 0
    for day, told in zip(days, over_time, strict=True):
        alone = funnel(shop, SITE, steps, rules, day).steps
        assert (told.began, told.finished) == (alone[0].visitors, alone[-1].visitors)
        assert trend(shop, SITE, steps, rules, day) == (told,)
        finished += told.finished
    assert finished
    wide = Span(days[0].start - 3 * DAY_MS, days[-1].end + 3 * DAY_MS, days[0].zone)
    weeks = trend(shop, SITE, steps, rules, wide, "week")
    assert [each.start.weekday() for each in weeks] == [0] * len(weeks)
    if by_session:
        assert sum(each.began for each in weeks) == sum(each.began for each in over_time)
