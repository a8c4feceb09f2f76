"""Every number of one week on the desk against SQL written by hand over the Delta files, with no code of ours in it."""

import random
from collections.abc import Iterator
from dataclasses import astuple
from datetime import date
from typing import Any

import duckdb
import pytest

from tests.support.warehouse_rows import NOON, row
from tracker.durations import DAY_MS, HOUR_MS, MINUTE_MS
from tracker.sites import Site
from warehouse.delta import AliasRow, EventRow, Warehouse
from warehouse.funnel.funnel import Rules, funnel, parse_step
from warehouse.funnel.reverse import reverse_funnel
from warehouse.funnel.trend import trend
from warehouse.question.span import Span
from warehouse.reports.filtered import filtered
from warehouse.reports.goals import goals
from warehouse.reports.live import live
from warehouse.reports.overview import Overview, overview
from warehouse.reports.paths import paths
from warehouse.reports.retention import retention

SITE = Site(id="default", write_key="w", secret_key="s", timezone="America/New_York")
WEEK = Span.parse(SITE, "2026-10-29", "2026-11-04")  # the clocks go back on 1 November
DAYS = [Span.parse(SITE, str(day), str(day)) for day in WEEK.days()]
BACK = 1_793_512_800_000  # 2026-11-01T06:00Z: from here on the offset is five hours, before it four

HAND = f"""
create table event as
select e.* replace (case e.profile when 'v:1' then 'u:1' else e.profile end as profile),
       e.ts - case when e.ts < {BACK} then 4 else 5 end * 3600000 as wall,
       row_number() over (order by e.ts, e.position nulls last, e.id) as place
from read_parquet(getvariable('files'), union_by_name = true) e where site = 'default' and not bot;
create table deed as from event where session <> '' and (
    type in ('page', 'screen') or (type = 'track' and name not in ('Offer Viewed', 'Offer Decided', 'Offer Withheld')));
create table visit as
select session, min(ts) as start, min(wall) as wall, count(*) as deeds, arg_min(profile, place) as profile,
       arg_min(channel, place) as channel, arg_min(origin, place) as origin, arg_min(device, place) as device,
       arg_min(campaign, place) as campaign, arg_min(country, place) as country,
       coalesce(arg_min(path, place) filter (type in ('page', 'screen')), '') as entry,
       coalesce(arg_max(path, place) filter (type in ('page', 'screen')), '') as exit
from deed group by session;
create table "order" as from event where type = 'track' and name = 'Order Completed';
"""


def visit_rows(chance: random.Random, number: int, who: int) -> Iterator[EventRow]:
    """A visit of some minutes: pages, products, an order; ties; what joins it; some over midnight."""
    ts = NOON + chance.randrange(-5 * DAY_MS, 5 * DAY_MS)
    if chance.random() < 0.3:
        midnight = DAYS[chance.randrange(7)].start
        ts = midnight - chance.randrange(20) * MINUTE_MS
    came: dict[str, Any] = {
        "profile": f"v:{who}",
        "visitor": str(who),
        "session": f"owner{who:03}{ts:x}",
        "channel": chance.choice(["direct", "organic search", "e-mail", "paid social"]),
        "origin": chance.choice(["", "google", "naver"]),
        "campaign": chance.choice(["", "spring", "fall"]),
        "device": chance.choice(["phone", "desktop"]),
        "country": chance.choice(["KR", "DE", "US"]),
        "bot": who == 19,
    }
    names = ["Product Viewed", "Product Added", "Offer Viewed", "Order Completed", "identify", "page", "page"]
    if number % 11 == 0:
        names = ["Offer Viewed", "identify"]  # no deed: no visit
    elif number % 13 == 0:
        names = ["Product Viewed", "Product Added"]  # no page
    for step in range(chance.randrange(1, 9)):
        name = "page" if step == 0 and number % 11 and number % 13 else chance.choice(names)
        at = number * 100 + step
        fields: dict[str, Any] = {"id": f"{chance.randrange(1000)}-{at}", "position": at, "path": "/"}
        if name == "page":
            fields |= {"path": f"/{chance.choice('abcd')}", "type": chance.choice(["page", "page", "screen"])}
        elif name == "identify":
            fields |= {"type": "identify"}
        else:
            fields |= {"type": "track", "name": name}
        if name == "Order Completed":
            fields |= {"order": f"o{at}", "revenue": chance.randrange(1, 400) / 4, "sender": "site"}
        yield row(ts, **came, **fields)
        ts += chance.choice([0, 0, 1, 40_000, 9 * MINUTE_MS])


def history(seed: int) -> list[EventRow]:
    chance = random.Random(seed)
    rows = [each for number in range(260) for each in visit_rows(chance, number, chance.randrange(20))]
    for number in range(40):  # a server's orders, which belong to no visit
        ts = NOON + chance.randrange(-5 * DAY_MS, 5 * DAY_MS)
        order = {"order": f"s{number}", "revenue": 7.25, "sender": "site", "id": f"s{number}"}
        who = f"v:{chance.randrange(19)}"
        rows.append(
            row(ts, type="track", name="Order Completed", session="", profile=who, visitor=None, **order)
        )
    return rows


Hand = duckdb.DuckDBPyConnection


@pytest.fixture(scope="module", params=[1, 2])
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Warehouse, Hand]]:
    """The warehouse, in several files, and DuckDB over them."""
    rows = history(request.param)
    random.Random(request.param).shuffle(rows)
    warehouse = Warehouse(str(tmp_path_factory.mktemp("week")))
    for at in range(0, len(rows), 500):
        warehouse.append(
            rows[at : at + 500], [AliasRow("default", "profile", "v:1", "u:1", 1)] if not at else [], {}
        )
    if request.param == 2:
        warehouse.compact()
    con = duckdb.connect()
    con.execute("set variable files = ?", [[file.uri for file in warehouse.events.files()[1]]])
    con.execute(HAND)
    yield warehouse, con
    warehouse.engine.close()
    con.close()


def asked(con: Hand, sql: str, span: Span = WEEK) -> list[tuple[Any, ...]]:
    """``sql`` may say ``in_span``: ts in the span, and ``begins``: start in it."""
    sql = sql.replace("in_span", f"ts >= {span.start} and ts < {span.end}")
    return con.execute(sql.replace("begins", f"start >= {span.start} and start < {span.end}")).fetchall()


FIGURES = """
select (select count(distinct profile) from event where in_span), (select count(*) from visit where begins),
       (select count(*) from event where in_span and type in ('page', 'screen')),
       (select count(*) from event where in_span), (select count(*) from "order" where in_span),
       (select coalesce(sum(revenue), 0) from "order" where in_span),
       (select coalesce(avg((deeds = 1)::int), 0) from visit where begins)
"""


def figures(found: Any) -> tuple[Any, ...]:
    names = ("visitors", "sessions", "pageviews", "events", "orders", "revenue", "bounce_rate")
    return tuple(pytest.approx(getattr(found, name)) for name in names)


def test_the_figures_of_the_week_of_each_day_and_of_each_hour(both: tuple[Warehouse, Hand]) -> None:
    warehouse, con = both
    week = overview(warehouse, "default", WEEK, "EUR")
    assert asked(con, FIGURES) == [figures(week)]
    assert week.sessions > 100 and week.orders > 20
    assert len(asked(con, "select 1 from visit where begins")) < len(
        asked(con, "select distinct session from event where session <> '' and in_span")
    )  # some sessions have no deed, some began before
    for span, day in zip(DAYS, week.series, strict=True):
        assert asked(con, FIGURES, span) == [figures(day)], day.day
        alone = overview(warehouse, "default", span, "EUR")
        assert figures(alone) == astuple(day)[:7]
        assert len(alone.by_hour) == (25 if day.day == date(2026, 11, 1) else 24)
        for number, hour in enumerate(alone.by_hour):
            start = span.start + number * HOUR_MS
            assert int(hour.start.timestamp() * 1000) == start
            assert asked(con, FIGURES, Span(start, start + HOUR_MS, span.zone)) == [figures(hour)]
    for name in ("sessions", "pageviews", "events", "orders"):
        assert sum(getattr(day, name) for day in week.series) == getattr(week, name)


GROUP = """
select v.{column}, count(distinct v.session), count(distinct v.profile),
       count(distinct v.session) filter (v.deeds = 1), count(o.id), coalesce(sum(o.revenue), 0)
from visit v left join "order" o using (session) where begins {named} group by 1 order by 2 desc, 1
"""
APART = """
select '', 0, 0, 0, count(*), sum(revenue) from "order" where session = '' and coalesce(country, '') = '' and {within}
having count(*) > 0
"""
"""Orders that a server tells are of no visit and of no country."""


def test_visits_by_what_they_have_in_common(both: tuple[Warehouse, Hand]) -> None:
    warehouse, con = both
    for span in (WEEK, *DAYS):
        found = overview(warehouse, "default", span, "EUR")
        for name, column in (
            *(
                ("channels", "channel"),
                ("origins", "origin"),
                ("campaigns", "campaign"),
                ("devices", "device"),
            ),
            *(("countries", "country"), ("entries", "entry"), ("exits", "exit")),
        ):
            named = f"and v.{column} <> ''" if column in ("origin", "campaign") else ""
            rows = asked(con, GROUP.format(column=column, named=named), span)
            if name == "countries":
                rows += con.sql(APART.format(within=f"ts >= {span.start} and ts < {span.end}")).fetchall()
            mine = [
                (
                    each.name,
                    each.sessions,
                    each.visitors,
                    each.bounces,
                    each.orders,
                    pytest.approx(each.revenue),
                )
                for each in getattr(found, name)
            ]
            assert rows == mine, name
            if not named:
                assert sum(each.sessions for each in getattr(found, name)) == found.sessions, name


def test_pages_and_the_hours_of_the_week(both: tuple[Warehouse, Hand]) -> None:
    warehouse, con = both
    found = overview(warehouse, "default", WEEK, "EUR")
    views = "select path, count(*), count(distinct profile) from event where in_span and type in ('page', 'screen')"
    assert asked(con, f"{views} group by 1 order by 2 desc, 1") == [
        (page.path, page.pageviews, page.visitors) for page in found.pages
    ]
    hours = """
        select (wall // 86400000 + 3) % 7, wall // 3600000 % 24, sum(visits), sum(orders) from (
            select wall, 1 as visits, 0 as orders from visit where begins
            union all select wall, 0, 1 from "order" where in_span) group by 1, 2 order by 2, 1
    """
    assert asked(con, hours) == [
        (hour.weekday, hour.hour, hour.sessions, hour.orders) for hour in found.hours
    ]


FUNNEL = """
with step as (
    select e.{owner} as owner, e.ts, e.place, case when type in ('page', 'screen') then 1
           when name = 'Product Added' then 2 when name = 'Order Completed' then 3 end as number
    from event e where {scope}
)
select count(distinct a.owner), count(distinct b.owner), count(distinct c.owner) from step a
left join step b on b.owner = a.owner and b.number = 2 and b.place > a.place and b.ts - a.ts <= 7200000
left join step c on c.owner = b.owner and c.number = 3 and c.place > b.place and c.ts - a.ts <= 7200000
where a.number = 1 {begun}
"""
STEPS = [parse_step(text) for text in ("page:*", "event:Product Added", "event:Order Completed")]


@pytest.mark.parametrize("by_session", [False, True])
def test_the_funnel(both: tuple[Warehouse, Hand], by_session: bool) -> None:
    warehouse, con = both
    rules = Rules(window=2 * HOUR_MS, by_session=by_session)
    whole = []
    for span in (WEEK, *DAYS):
        scope = "session in (select session from visit where begins)" if by_session else "true"
        begun = "" if by_session else f"and a.ts >= {span.start} and a.ts < {span.end}"
        sql = FUNNEL.format(owner="session" if by_session else "profile", scope=scope, begun=begun)
        found = funnel(warehouse, "default", STEPS, rules, span)
        assert [tuple(step.visitors for step in found.steps)] == asked(con, sql, span)
        whole.append([step.visitors for step in found.steps])
    if by_session:
        assert [sum(day[at] for day in whole[1:]) for at in range(3)] == whole[0]
    days = [(period.began, period.finished) for period in trend(warehouse, "default", STEPS, rules, WEEK)]
    assert days == [(day[0], day[2]) for day in whole[1:]]
    assert whole[0][2] > 3


def test_paths_goals_retention_and_filters(both: tuple[Warehouse, Hand]) -> None:
    warehouse, con = both
    ways = paths(warehouse, "default", WEEK, most=100)
    first = """
        select name, count(*) from (
            select arg_min(case when type = 'track' then 'event:' || name else 'page:' || path end, place) as name
            from deed where session in (select session from visit where begins) group by session)
        group by 1 order by 1
    """
    begins: dict[str, int] = {}
    for flow in ways.flows:
        if flow.depth == 0:
            begins[flow.source] = begins.get(flow.source, 0) + flow.visits
    week: Overview = overview(warehouse, "default", WEEK, "EUR")
    assert sorted(begins.items()) == asked(con, first)
    assert ways.visits == paths(warehouse, "default", WEEK, direction="to").visits == week.sessions
    (goal,) = goals(warehouse, "default", STEPS[1:2], WEEK)
    added = "name = 'Product Added'"
    assert asked(
        con,
        f"""select (select count(*) from event where in_span and {added}),
                   (select count(distinct session) from deed where {added} and session in
                       (select session from visit where begins)),
                   (select count(distinct profile) from event where in_span and {added})""",
    ) == [(goal.times, goal.visits, goal.visitors)]
    (cohort, *_) = retention(warehouse, "default", WEEK, "EUR", "day").cohorts
    day = f"(wall // 86400000 - {(WEEK.start - 4 * HOUR_MS) // DAY_MS})"
    came = f"select profile, {day} as day from visit where start < {WEEK.end} group by all"
    returned = f"""
        with came as ({came}), new as (select profile from came group by 1 having min(day) = 0)
        select day, count(*) from came join new using (profile) group by 1 order by 1
    """
    assert asked(con, returned) == [(at, many) for at, many in enumerate(cohort.returned) if many]
    for channel in week.channels:
        only = filtered(warehouse, {"channel": channel.channel})
        narrowed = overview(only, "default", WEEK, "EUR")
        assert (narrowed.sessions, paths(only, "default", WEEK).visits) == (
            channel.sessions,
            channel.sessions,
        )


def test_what_came_before_a_goal(both: tuple[Warehouse, Hand]) -> None:
    """In a visit without the goal everything is before it; in one with it, what came before the first time."""
    warehouse, con = both
    goal = parse_step("event:Order Completed")
    by_hand = """
        with goal as (select session, min(place) as reached from deed where name = 'Order Completed' group by 1),
        before as (
            select distinct session, reached is not null as done,
                   case when type = 'track' then 'event:' || name else 'page:' || path end as name
            from deed join visit using (session) left join goal using (session)
            where begins and name <> 'Order Completed' and (reached is null or place < reached))
        select name, count(*) filter (done) as reached, count(*) from before group by 1
        having count(*) filter (done) > 0 order by 2 desc, 3, 1
    """
    for span in (WEEK, DAYS[2]):
        found = reverse_funnel(warehouse, "default", goal, span)
        assert asked(con, by_hand, span) == [(each.name, each.reached, each.visits) for each in found.steps]
        (reached,) = goals(warehouse, "default", [goal], span)
        assert found.reached == reached.visits
        assert found.visits == overview(warehouse, "default", span, "EUR").sessions
        assert all(each.share == each.reached / found.reached for each in found.steps)
    assert found.reached


def test_who_is_here_now(both: tuple[Warehouse, Hand]) -> None:
    warehouse, con = both
    for hour in range(0, 9 * 24, 7):
        since = NOON - 4 * DAY_MS + hour * HOUR_MS
        now = live(warehouse, "default", since, 1000)
        here = f"select count(distinct profile), count(distinct session) from deed where ts >= {since}"
        assert asked(con, here) == [(now.visitors, now.sessions)]
        assert sum(page.visitors for page in now.pages) == now.visitors
