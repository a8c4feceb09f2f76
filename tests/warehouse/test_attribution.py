"""The attribution report over stored events: journeys computed by hand, and a naive count of random shops."""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tests.support.warehouse_reports import aliases, happened
from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS, HOUR_MS
from tracker.sites import Site
from warehouse.attribution.cost import Cost, cost_sums
from warehouse.attribution.models import MODELS
from warehouse.attribution.report import Attribution, AttributionOptions, attribution
from warehouse.definitions.conditions import CAUSED
from warehouse.delta import AliasRow, EventRow, Warehouse
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import parse_step
from warehouse.reports.filtered import filtered
from warehouse.reports.overview import overview

SITE = Site(id="default", write_key="w", secret_key="s", timezone="Asia/Seoul")
SPAN = Span.parse(SITE, "2026-11-01", "2026-11-30")


def visit(days: float, profile: str, channel: str, **changes: Any) -> EventRow:
    """A page view that begins a visit, ``days`` after noon of the first of November."""
    ts = NOON + int(days * DAY_MS)
    values = {"channel": channel, "session": f"{profile}{ts}", "id": f"{profile}{ts}"}
    return row(ts, profile=profile, **(values | changes))


def bought(of: EventRow, revenue: float, minutes: float = 1, **changes: Any) -> EventRow:
    """An order in that visit."""
    ts = of.ts + int(minutes * 60_000)
    values = {"type": "track", "name": "Order Completed", "order": f"o{of.id}", "revenue": revenue, "ts": ts}
    return of._replace(**(values | {"id": f"order {of.id}"} | changes))


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    made = Warehouse(str(tmp_path))
    yield made
    made.engine.close()


def report(
    warehouse: Warehouse, rows: list[EventRow], names: tuple[AliasRow, ...] = (), **options: Any
) -> Attribution:
    warehouse.append(rows, list(names), {})
    return attribution(warehouse, warehouse, "default", SPAN, "EUR", AttributionOptions(**options))


def conversions(found: Attribution, model: str) -> dict[str, float]:
    return {
        row.name if row.kind == "group" else row.kind: row.credits[model].conversions
        for row in found.rows
        if row.credits[model].conversions
    }


def revenue(found: Attribution, model: str) -> dict[str, float]:
    return {
        row.name if row.kind == "group" else row.kind: row.credits[model].revenue
        for row in found.rows
        if row.credits[model].revenue
    }


def test_a_journey_by_every_model(warehouse: Warehouse) -> None:
    last = visit(21, "a", "direct")
    rows = [
        visit(0, "a", "social"),
        visit(7, "a", "e-mail"),
        visit(14, "a", "social"),
        last,
        bought(last, 100),
    ]
    found = report(warehouse, rows)
    assert (found.conversions, found.revenue, found.journeys, found.lost_journeys) == (1, 100.0, 1, 0)
    assert conversions(found, "first") == {"social": 1}
    assert conversions(found, "last") == {"direct": 1}
    assert conversions(found, "last_non_direct") == {"social": 1}
    assert conversions(found, "linear") == {"social": 0.5, "e-mail": 0.25, "direct": 0.25}
    assert conversions(found, "position") == {"social": 0.5, "e-mail": 0.1, "direct": 0.4}
    # 1/8 and 1/2, 1/4, 1: of 15/8.
    assert conversions(found, "decay") == pytest.approx(
        {"social": 5 / 15, "e-mail": 2 / 15, "direct": 8 / 15}, abs=2e-6
    )
    assert conversions(found, "shapley") == pytest.approx(
        dict.fromkeys(("social", "e-mail", "direct"), 1 / 3), abs=2e-6
    )
    # Every second visit by social leads past the mail: without it half as many convert, without the others none.
    assert conversions(found, "markov") == {"social": 0.4, "e-mail": 0.2, "direct": 0.4}
    assert revenue(found, "position") == {"social": 50, "e-mail": 10, "direct": 40}
    assert found.few


def test_the_half_life_is_a_parameter(warehouse: Warehouse) -> None:
    last = visit(2, "a", "direct")
    found = report(warehouse, [visit(0, "a", "social"), last, bought(last, 9)], half_life=DAY_MS)
    assert conversions(found, "decay") == {"social": 0.2, "direct": 0.8}


def test_the_markov_model_is_the_published_one(warehouse: Warehouse) -> None:
    """The example of tests/warehouse/test_attribution_models.py, as visits and orders."""
    google = [visit(1, name, "paid search") for name in "abcd"]
    mail = [visit(2, "c", "e-mail"), visit(3, "m", "e-mail")]
    orders = [bought(each, 10) for each in (*google[:2], *mail)]
    found = report(warehouse, [*google, *mail, *orders])
    assert (found.journeys, found.lost_journeys) == (4, 1)
    assert conversions(found, "markov") == pytest.approx({"paid search": 2.4, "e-mail": 1.6}, abs=2e-6)
    # Of the revenue of a last mail nothing is left without mail: 0.4 of 0.8 orders at the same price.
    assert revenue(found, "markov") == pytest.approx({"paid search": 24, "e-mail": 16}, abs=1e-3)


def test_revenue_by_removal_effect_weighs_what_conversions_brought(warehouse: Warehouse) -> None:
    """The same journeys, of which that of a mail alone brought 100: after a mail 55 are expected, after Google 18.75,
    from the start 26. Without Google 15 of 26 are lost, without the mail 22."""
    google = [visit(1, name, "paid search") for name in "abcd"]
    mail = [visit(2, "c", "e-mail"), visit(3, "m", "e-mail")]
    orders = [
        bought(each, price) for each, price in zip((*google[:2], *mail), (10, 10, 10, 100), strict=True)
    ]
    found = report(warehouse, [*google, *mail, *orders])
    assert revenue(found, "markov") == pytest.approx(
        {"paid search": 130 * 15 / 37, "e-mail": 130 * 22 / 37}, abs=1e-3
    )


def test_an_order_that_a_server_told_before_its_visit_began_belongs_to_it(warehouse: Warehouse) -> None:
    """The server's clock is early; the browser tells the same order."""
    first = visit(0, "a", "social")
    told = bought(first, 10, -5, session="", sender="site", channel="", id="told")
    found = report(warehouse, [first, bought(first, 10), told])
    assert (found.conversions, found.lost_journeys) == (1, 0)
    assert conversions(found, "last") == {"social": 1}


def test_the_lookback_window_holds_both_its_ends(warehouse: Warehouse) -> None:
    last = visit(20, "a", "direct")
    order = bought(last, 9)
    edge = row(order.ts - 10 * DAY_MS, profile="a", session="edge", channel="social", id="edge")
    before = row(order.ts - 10 * DAY_MS - 1, profile="a", session="before", channel="e-mail", id="before")
    found = report(warehouse, [edge, before, last, order], lookback=10 * DAY_MS)
    assert conversions(found, "linear") == {"social": 0.5, "direct": 0.5}
    everything = report(warehouse, [], lookback=10 * DAY_MS + 1)
    assert len(conversions(everything, "linear")) == 3


def test_a_visit_that_began_before_the_window_is_not_cut_to_fit(warehouse: Warehouse) -> None:
    """Its later events lie in the window; it began before."""
    begin = row(NOON - 12 * HOUR_MS - 1, profile="a", session="long", channel="social", id="b1")
    later = row(NOON - 11 * HOUR_MS, profile="a", session="long", channel="social", id="b2")
    last = visit(1, "a", "direct")
    order = bought(last, 9, minutes=0)
    found = report(warehouse, [begin, later, last, order], lookback=36 * HOUR_MS)
    assert conversions(found, "first") == {"direct": 1}


def test_visits_before_the_span_count_when_the_window_reaches_them(warehouse: Warehouse) -> None:
    last = visit(0, "a", "direct")
    found = report(warehouse, [visit(-20, "a", "e-mail"), last, bought(last, 9)])
    assert conversions(found, "first") == {"e-mail": 1}
    assert {row.name: row.visits for row in found.rows} == {"e-mail": 0, "direct": 1}


def test_each_conversion_has_the_whole_window(warehouse: Warehouse) -> None:
    """An earlier order does not end a journey."""
    first, second = visit(0, "a", "social"), visit(3, "a", "e-mail")
    found = report(warehouse, [first, bought(first, 10), second, bought(second, 30)])
    assert conversions(found, "linear") == {"social": 1.5, "e-mail": 0.5}
    assert revenue(found, "linear") == {"social": 25, "e-mail": 15}


def test_an_order_of_a_server_is_that_of_the_visits_before_it(warehouse: Warehouse) -> None:
    known = visit(0, "a", "social")
    order = bought(known, 10, minutes=3 * 24 * 60, session="", sender="site", channel="")
    stranger = row(
        NOON + DAY_MS,
        profile="b",
        session="",
        id="s",
        type="track",
        name="Order Completed",
        order="s",
        revenue=7.0,
    )
    found = report(warehouse, [known, order, stranger])
    for model in MODELS:
        assert conversions(found, model) == {"social": 1, "unvisited": 1}, model
        assert revenue(found, model) == {"social": 10, "unvisited": 7}


def test_no_visit_after_the_order_is_given_anything(warehouse: Warehouse) -> None:
    first = visit(0, "a", "social")
    order = bought(first, 10)
    same = row(order.ts, profile="a", session="same", channel="e-mail", id="same")
    after = row(order.ts + 1, profile="a", session="after", channel="direct", id="after")
    found = report(warehouse, [first, order, same, after])
    # Begun at the very time of the order counts; the visit of the order is the last.
    assert conversions(found, "linear") == {"social": 0.5, "e-mail": 0.5}
    assert conversions(found, "last") == {"social": 1}


def test_sessions_without_a_deed_are_no_touch(warehouse: Warehouse) -> None:
    last = visit(2, "a", "e-mail")
    ghost = visit(1, "a", "social", type="identify")
    shown = visit(1.5, "a", "display", type="track", name="Offer Viewed")
    begun = last._replace(ts=last.ts - 10, id="seen", type="track", name="Offer Viewed", channel="direct")
    found = report(warehouse, [ghost, shown, begun, last, bought(last, 9)])
    assert conversions(found, "first") == conversions(found, "last") == {"e-mail": 1}
    assert [row.name for row in found.rows] == ["e-mail"]


def test_journeys_follow_people_over_merges(warehouse: Warehouse) -> None:
    """The phone's visits are those of who signs in later on the desktop."""
    last = visit(5, "u:a", "direct")
    rows = [visit(0, "v:phone", "social"), visit(2, "v:desktop", "e-mail"), last, bought(last, 10)]
    names = tuple(AliasRow("default", "profile", f"v:{name}", "u:a", 1) for name in ("phone", "desktop"))
    found = report(warehouse, rows, names)
    assert conversions(found, "linear") == pytest.approx(
        dict.fromkeys(("social", "e-mail", "direct"), 1 / 3), abs=2e-6
    )


def test_what_is_refunded_or_cancelled_later_is_taken_off(warehouse: Warehouse) -> None:
    first, second = visit(0, "a", "social"), visit(1, "b", "e-mail")
    orders = [bought(first, 100), bought(second, 50)]
    assert report(warehouse, [first, second, *orders]).revenue == 150.0
    refund = bought(first, -30, 60 * 24 * 40, name="Order Refunded", id="r", session="")
    cancelled = bought(second, 0, 60 * 24 * 40, name="Order Cancelled", id="c", session="")
    found = report(warehouse, [refund, cancelled])
    assert (found.conversions, found.revenue) == (1, 70.0)
    for model in MODELS:
        assert revenue(found, model) == {"social": 70}


def test_a_credit_note_takes_off_revenue_and_no_order(warehouse: Warehouse) -> None:
    first = visit(0, "a", "social")
    note = bought(first, -15, 60, name="Order Refunded", order=None, id="n", session="")
    found = report(warehouse, [first, bought(first, 100), note])
    assert (found.conversions, found.revenue) == (1, 85.0)
    for model in MODELS:
        assert (conversions(found, model), revenue(found, model)) == ({"social": 1}, {"social": 85}), model


def test_other_currencies_stand_apart(warehouse: Warehouse) -> None:
    first, second = visit(0, "a", "social"), visit(1, "b", "e-mail")
    found = report(warehouse, [first, second, bought(first, 10), bought(second, 9000, currency="KRW")])
    assert (found.conversions, found.revenue) == (1, 10.0)
    assert [(each.currency, each.orders, each.revenue) for each in found.other_currencies] == [
        ("KRW", 1, 9000.0)
    ]


def test_a_goal_counts_once_a_visit(warehouse: Warehouse) -> None:
    first, second = visit(0, "a", "social"), visit(3, "a", "e-mail")
    reached = [bought(second, 0, at, name="Signed Up", id=f"g{at}", order=None) for at in (1, 2, 3)]
    outside = [
        bought(second, 0, 60 * at, name="Signed Up", id=f"h{at}", order=None, session="") for at in (5, 6)
    ]
    rows = [first, second, *reached, *outside]
    found = report(warehouse, rows, goal=parse_step("event:Signed Up"))
    assert (found.conversions, found.revenue, found.goal) == (3, 0.0, "event:Signed Up")
    assert conversions(found, "linear") == {"social": 1.5, "e-mail": 1.5}
    same = report(warehouse, [], goal=parse_step("event:Signed Up where channel = e-mail"))
    assert conversions(same, "linear") == {"social": 1.5, "e-mail": 1.5}
    page = report(warehouse, [], goal=parse_step("page:/*"))
    assert conversions(page, "last") == {"social": 1, "e-mail": 1}


def test_by_source_and_campaign(warehouse: Warehouse) -> None:
    first = visit(0, "a", "paid search", origin="naver", campaign="spring")
    last = visit(1, "a", "direct")
    rows = [first, last, bought(last, 10)]
    assert conversions(report(warehouse, rows, by="campaign"), "linear") == {"spring": 0.5, "": 0.5}
    found = report(warehouse, [], by="origin")
    assert conversions(found, "linear") == {"naver": 0.5, "": 0.5}
    assert conversions(found, "last_non_direct") == {"naver": 1}


def test_filters_choose_conversions_and_not_visits(warehouse: Warehouse) -> None:
    phone, desktop = visit(0, "a", "social", device="phone"), visit(1, "a", "e-mail", device="desktop")
    other = visit(1, "b", "e-mail", device="phone")
    warehouse.append([phone, desktop, bought(desktop, 10), other, bought(other, 5)], [], {})
    events = filtered(warehouse, {"device": "desktop"})
    found = attribution(events, warehouse, "default", SPAN, "EUR", AttributionOptions(), None)
    assert (found.conversions, found.revenue, found.cost) == (1, 10.0, None)
    assert conversions(found, "linear") == {"social": 0.5, "e-mail": 0.5}


def test_costs_stand_beside_what_they_brought(warehouse: Warehouse) -> None:
    first = visit(0, "a", "paid search", origin="google", campaign="Spring")
    other = visit(0, "b", "paid search", origin="google", campaign="spring")
    warehouse.append([first, bought(first, 100), other], [], {})
    day = date(2026, 11, 1)
    costs = [
        Cost(
            day=day,
            source="google",
            campaign="SPRING",
            channel="paid search",
            currency="EUR",
            amount=Decimal("20.05"),
        ),
        Cost(
            day=day,
            source="meta",
            campaign="video",
            channel="paid social",
            currency="USD",
            amount=Decimal("10"),
        ),
        Cost(
            day=day, source="x", campaign="y", channel="paid social", currency="KRW", amount=Decimal("9000")
        ),
    ]
    rates = {"USD": (("2026-10-01", 0.9), ("2026-11-02", 0.5))}
    found = {}
    for by in ("channel", "origin", "campaign"):
        sums = cost_sums(costs, by, "EUR", rates)
        options = AttributionOptions(by=by)
        found[by] = attribution(warehouse, warehouse, "default", SPAN, "EUR", options, sums)
        assert found[by].cost == 29.05
        assert [(each.currency, each.amount) for each in found[by].other_costs] == [("KRW", 9000.0)]
    campaigns = {each.name: each for each in found["campaign"].rows}
    assert {name: each.cost for name, each in campaigns.items()} == {
        "Spring": 20.05,
        "spring": None,
        "video": 9.0,
    }
    credit = campaigns["Spring"].credits["last"]
    assert (credit.cost_per_conversion, credit.contribution) == (20.05, 79.95)
    assert credit.roas == pytest.approx(100 / 20.05)
    nothing = campaigns["video"].credits["last"]
    assert (nothing.cost_per_conversion, nothing.roas, nothing.contribution) == (None, 0.0, -9.0)
    channels = {each.name: each.cost for each in found["channel"].rows}
    assert channels == {"paid search": 20.05, "paid social": 9.0}


def test_nothing_has_no_rows(warehouse: Warehouse) -> None:
    found = report(warehouse, [])
    assert (found.conversions, found.rows, found.credits) == (0, (), ())
    assert msgspec.json.decode(msgspec.json.encode(found))["models"] == list(MODELS)


def test_equal_times_are_in_a_fixed_order(warehouse: Warehouse, tmp_path: Path) -> None:
    """However the rows are spread over files."""
    twins = [
        visit(0, "a", channel, session=channel, id=channel) for channel in ("social", "e-mail", "direct")
    ]
    last = visit(1, "a", "direct")
    found = report(warehouse, [*twins, last, bought(last, 10)])
    for number, order in enumerate(([2, 0, 1], [1, 2, 0])):
        again = Warehouse(str(tmp_path / str(number)))
        for at in order:
            again.append([twins[at]], [], {})
        assert report(again, [last, bought(last, 10)]).rows == found.rows
        again.engine.close()


MINE = f"""
select session, arg_min(profile, row(ts, id)) as profile, min(ts) as start, arg_min(channel, row(ts, id)) as channel
from events where session <> '' and {CAUSED} group by session
"""
ORDERS = """
select profile, session, ts, orders, revenue from net_orders where currency = '' and (orders > 0 or revenue <> 0)
"""


def naive(
    warehouse: Warehouse, span: Span, lookback: int, half_life: int
) -> dict[str, dict[str, list[float]]]:
    """By model and channel: conversions and revenue, from SQL and dicts."""
    visits = warehouse.rows(MINE, Scope("default"))
    orders = warehouse.rows(ORDERS, Scope("default", span.start, span.end, currency="EUR"))
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(lambda: [0.0, 0.0]))
    for order in orders:
        mine = [
            each
            for each in visits
            if each["session"] != order["session"]
            and each["profile"] == order["profile"]
            and order["ts"] - lookback <= each["start"] <= order["ts"]
        ]
        mine.sort(key=lambda each: each["start"])
        mine += [each for each in visits if each["session"] == order["session"] and order["session"]]
        for model, weights in rules(mine, half_life).items():
            for each, weight in zip(mine, weights, strict=True):
                for at, amount in enumerate((order["orders"], order["revenue"] / 10_000)):
                    found[model][each["channel"]][at] += amount * weight / sum(weights)
            if not mine:
                for at, amount in enumerate((order["orders"], order["revenue"] / 10_000)):
                    found[model]["unvisited"][at] += amount
    return found


def rules(mine: list[dict[str, Any]], half_life: int) -> dict[str, list[float]]:
    n = len(mine)
    named = [at for at, each in enumerate(mine) if each["channel"] != "direct"]
    names = {each["channel"] for each in mine}
    chosen = named[-1] if named else n - 1
    return {
        "first": [float(at == 0) for at in range(n)],
        "last": [float(at == n - 1) for at in range(n)],
        "last_non_direct": [float(at == chosen) for at in range(n)],
        "linear": [1.0] * n,
        "position": [0.4 if at in (0, n - 1) else 0.2 / (n - 2) for at in range(n)],
        "decay": [2 ** (-max(mine[-1]["start"] - each["start"], 0) / half_life) for each in mine],
        "shapley": [
            1 / len(names) / sum(other["channel"] == each["channel"] for other in mine) for each in mine
        ],
    }


@pytest.mark.parametrize("seed", range(6))
def test_random_shops_are_as_a_naive_count_says(
    warehouse: Warehouse, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merges, visits in several files, sessions cut out of others, refunds, bots and other sites; every column sums to
    the orders and the revenue of the overview."""
    monkeypatch.setattr("warehouse.index.scan_cache.OWN_FILE_ROWS", 40)
    chance = random.Random(seed)
    rows = happened(chance, 600)
    for at in range(0, 600, 200):
        warehouse.append(rows[at : at + 200], aliases(chance, rows) if at else [], {})
    lookback, half_life = chance.choice([DAY_MS, 3 * DAY_MS, 30 * DAY_MS]), chance.choice([HOUR_MS, DAY_MS])
    for span in (SPAN, Span.parse(SITE, "2026-10-30T07:30", "2026-11-02")):
        options = AttributionOptions(lookback=lookback, half_life=half_life)
        found = attribution(warehouse, warehouse, "default", span, "EUR", options)
        whole = overview(warehouse, "default", span, "EUR")
        assert (found.conversions, found.revenue) == (whole.orders, whole.revenue)
        visits = {row.name: row.visits for row in found.rows if row.visits}
        assert visits == {each.channel: each.sessions for each in whole.channels}
        expected = naive(warehouse, span, lookback, half_life)
        for model in MODELS:
            given = [row.credits[model] for row in found.rows]
            assert sum(round(each.conversions * 1_000_000) for each in given) == found.conversions * 1_000_000
            assert sum(round(each.revenue * 10_000) for each in given) == round(found.revenue * 10_000)
            if model != "markov":
                made = {
                    row.kind if row.kind != "group" else row.name: [
                        row.credits[model].conversions,
                        row.credits[model].revenue,
                    ]
                    for row in found.rows
                }
                for name, pair in expected[model].items():
                    assert made[name] == pytest.approx(pair, abs=0.01), (model, name)


def test_no_journey_is_longer_than_the_longest(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.attribution.journeys.LONGEST", 3)
    visits = [visit(day, "a", f"c{day}") for day in range(6)]
    found = report(warehouse, [*visits, bought(visits[-1], 10)])
    assert conversions(found, "first") == {"c3": 1}
    assert np.isclose(sum(conversions(found, "linear").values()), 1)


def test_groups_beyond_the_largest_stand_in_one_row(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A flood of campaigns neither fills the answer nor changes its sums."""
    monkeypatch.setattr("warehouse.attribution.rows.MOST_ROWS", 3)
    monkeypatch.setattr("warehouse.attribution.markov.MOST_STATES", 4)
    rows: list[EventRow] = []
    for number in range(12):
        first = visit(number / 2, f"p{number}", "paid search", campaign=f"c{number}")
        last = visit(number / 2 + 0.1, f"p{number}", "e-mail", campaign=f"c{number % 2}")
        rows += [first, last, bought(last, 10 + number)] if number % 3 else [first, last]
    costs = cost_sums(
        [
            Cost(
                day=date(2026, 11, 2),
                source="x",
                campaign=f"C{n}",
                channel="",
                currency="EUR",
                amount=Decimal(n),
            )
            for n in range(12)
        ],
        "campaign",
        "EUR",
        {},
    )
    warehouse.append(rows, [], {})
    options = AttributionOptions(by="campaign")
    found = attribution(warehouse, warehouse, "default", SPAN, "EUR", options, costs)
    assert [row.kind for row in found.rows] == ["group", "group", "group", "rest"]
    assert sum(row.visits for row in found.rows) == 24
    assert sum(row.cost or 0 for row in found.rows) == found.cost == 66
    for model in MODELS:
        assert sum(row.credits[model].conversions for row in found.rows) == pytest.approx(8, abs=1e-9)
        assert sum(row.credits[model].revenue for row in found.rows) == pytest.approx(found.revenue, abs=1e-9)
