"""Reports over 10 million events of 500,000 visitors: funnel, overview, paths, retention, a person's history, beside
plain SQL over the same files.

``--rows N`` takes N events of N / 20 visitors. The warehouse is made once and kept in the system's folder of
temporary files, or in ``--keep FOLDER``. With ``--writing`` 2,000 events a second arrive meanwhile. Where PyPI's chdb
is installed, its windowFunnel is timed on the same events.
"""

import argparse
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import duckdb
import pyarrow as pa

from bench.results import percentiles, record
from tracker.durations import DAY_MS, WEEK_MS
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.feeds.history import history
from warehouse.funnel.funnel import funnel, parse_step
from warehouse.question.span import Span
from warehouse.reports.filtered import filtered
from warehouse.reports.goals import goals
from warehouse.reports.overview import overview
from warehouse.reports.paths import paths
from warehouse.reports.retention import retention
from warehouse.tables.schema import EVENTS

SITE = Site(id="default", write_key="w", secret_key="s")
DAYS = 30
SPAN = Span.parse(SITE, "2026-11-01", "2026-11-30")
STEPS = ("page:/", "event:Product Viewed", "event:Product Added", "event:Order Completed")
WINDOW = WEEK_MS
RUNS = 7
ARRIVING = 2_000
"""Events a second with ``--writing``, in a commit each second."""

# Visits of 1 to 12 events some seconds apart; a few visitors come much more often than most.
DAY_OF_EVENTS = """
with visits as (
    select i, hash(i * 7 + {day} * 1000003) as h, {start} + i * 86400000 // {visits} as begin
    from range({visits}) t(i)
), each as (
    select i, cast(power((h % 1000003) / 1000003.0, 1.5) * {visitors} as bigint) as v, begin,
           unnest(range(cast(1 + (h >> 40) % 12 as bigint))) as j
    from visits
), rolled as (
    select i, v, j, begin + j * 40000 + hash(i + j) % 20000 as ts, hash(i * 31 + j * 17 + {day}) as h from each
), drawn as (
    select i, v, j, ts, (h >> 20) % 100 as k, (h >> 30) % 500 as p, substr(md5('v' || v), 1, 24) as visitor from rolled
), told as (
    select *, case when j = 0 or k < 55 then 'page' else 'track' end as type,
           case when j = 0 or k < 55 then '' when k < 85 then 'Product Viewed' when k < 95 then 'Product Added'
                when k < 98 then 'Checkout Started' else 'Order Completed' end as name,
           case when k < 10 or (j = 0 and k < 50) then '/' when k < 25 then '/c/' || (p % 8)
                when k < 50 or k >= 55 then '/p/' || p when k < 52 then '/cart' else '/checkout' end as path
    from drawn
)
select date '1970-01-01' + cast(ts // 86400000 as int) as day, 'default' as site, md5(i || '-{day}-' || j) as id,
       type, name, 'v:' || visitor as profile, visitor, cast(null as varchar) as "user",
       visitor || '-' || (ts // 3600000) as session, ts, ts as received, 'https://shop.example' || path as url, path,
       'Title of ' || path as title, '' as referrer,
       ['direct', 'organic', 'paid', 'email', 'social'][1 + v % 5] as channel,
       ['', 'google', 'naver', 'newsletter', 'instagram'][1 + v % 5] as origin, '' as medium, '' as campaign,
       '' as keyword, ['desktop', 'phone', 'tablet'][1 + v % 3] as device, 'Chrome' as browser, 'Android' as os,
       'KR' as country, 'ko' as lang, v % 50 = 49 as bot, false as demo, 'snippet' as source,
       case when k >= 55 then 'p' || p end as product, case when k >= 70 then 'c' || (p % 8) end as category,
       cast(1 as double) as quantity, cast(p as double) as price,
       case when name = 'Order Completed' then 'o{day}-' || i || '-' || j end as "order",
       case when name = 'Order Completed' then cast(p as double) end as revenue, 'EUR' as currency,
       cast([] as struct(product varchar, category varchar, quantity double, price double)[]) as items,
       '{{}}' as props, '{{}}' as traits
from told order by ts
"""

# What any funnel has to do: read the steps' events and group them by visitor. It neither follows chains nor
# knows a window.
FLOOR = """
select count(first), count(second), count(third), count(fourth) from (
    select profile, min(ts) filter (type = 'page' and path = '/') as first,
           max(ts) filter (name = 'Product Viewed') as second, max(ts) filter (name = 'Product Added') as third,
           max(ts) filter (name = 'Order Completed') as fourth
    from read_parquet($files) where site = 'default' and not bot and ts < $end and (type = 'page' and path = '/'
         or type = 'track' and name in ('Product Viewed', 'Product Added', 'Order Completed')) group by profile)
"""

# The same question as ours, in SQL alone: each step asks for the latest start strictly before it.
IN_SQL = """
with hits as (
    select profile, ts, type = 'page' and path = '/' as a, name = 'Product Viewed' as b, name = 'Product Added' as c,
           name = 'Order Completed' as d
    from read_parquet($files) where site = 'default' and not bot and ts < $end and (type = 'page' and path = '/'
         or type = 'track' and name in ('Product Viewed', 'Product Added', 'Order Completed'))
), two as (select *, case when b then max(case when a then ts end) over before end as s2 from hits
    window before as (partition by profile order by ts range between unbounded preceding and 1 preceding)
), three as (select *, case when c then max(case when ts - s2 <= 604800000 then s2 end) over before end as s3 from two
    window before as (partition by profile order by ts range between unbounded preceding and 1 preceding)
), four as (select *, case when d then max(case when ts - s3 <= 604800000 then s3 end) over before end as s4 from three
    window before as (partition by profile order by ts range between unbounded preceding and 1 preceding)
)
select count(distinct profile) filter (a), count(distinct profile) filter (ts - s2 <= 604800000),
       count(distinct profile) filter (ts - s3 <= 604800000), count(distinct profile) filter (ts - s4 <= 604800000)
from four
"""


def fill(warehouse: Warehouse, events: int, visitors: int) -> None:
    """One commit for each day."""
    con = duckdb.connect()
    for day in range(DAYS):
        sql = DAY_OF_EVENTS.format(
            day=day,
            start=SPAN.start + day * DAY_MS,
            visits=int(events / DAYS / 6.5),
            visitors=visitors,
        )
        warehouse.events.append(rows_of(con, sql), ())


def rows_of(con: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    """The answer as rows of the warehouse; columns that it does not know are null."""
    con.register("every_column", EVENTS.empty_table())
    return con.sql(f"from every_column union all by name ({sql})").to_arrow_table().cast(EVENTS)


def timed(call: Callable[[], object], runs: int = RUNS) -> tuple[float, float, object]:
    """Least and median seconds, and the answer."""
    seconds = []
    answer: object = None
    for _ in range(runs):
        begin = time.perf_counter()
        answer = call()
        seconds.append(time.perf_counter() - begin)
    return min(seconds), percentiles(seconds, 50)[0], answer


def window_funnel(files: list[str]) -> Callable[[], object] | None:
    """chdb's windowFunnel over the same files. Its ``strict_increase`` is our "strictly later", but it follows one
    chain greedily, so that its counts may be lower."""
    try:
        import chdb
    except ImportError:
        return None
    sql = f"""
        select countIf(level >= 1), countIf(level >= 2), countIf(level >= 3), countIf(level >= 4) from (
            select profile, windowFunnel(604800000, 'strict_increase')(toUInt64(ts), type = 'page' and path = '/',
                   name = 'Product Viewed', name = 'Product Added', name = 'Order Completed') as level
            from file('{Path(files[0]).parent.parent}/*/*.parquet', Parquet)
            where site = 'default' and not bot and ts < {SPAN.end} group by profile)
    """
    return lambda: chdb.query(sql, "CSV").bytes()


def measure(warehouse: Warehouse, arriving: bool) -> list[list[object]]:
    files = [file.uri for file in warehouse.events.files()[1]]
    con = duckdb.connect(config={"threads": 2})
    given = {"files": files, "end": SPAN.end}
    steps = [parse_step(text) for text in STEPS]
    organic = filtered(warehouse, {"channel": "organic"})
    seen = filtered(warehouse, {}, parse_step("page:/c/*"))
    begin = time.perf_counter()
    scan = warehouse.scan("default", SPAN.start, SPAN.end)
    made = time.perf_counter() - begin
    latest = "select profile from events group by profile order by max(ts) desc limit 1"
    ((someone,),) = con.sql(
        latest.replace("events", "read_parquet($files)"), params={"files": files}
    ).fetchall()
    subjects: list[tuple[str, Callable[[], object], int]] = [
        ("plain SQL, no chains (floor)", lambda: con.sql(FLOOR, params=given).fetchall(), RUNS),
        ("funnel of four steps", lambda: funnel(warehouse, "default", steps, WINDOW, SPAN), RUNS),
        ("the same by window functions", lambda: con.sql(IN_SQL, params=given).fetchall(), 1),
        ("overview of 30 days", lambda: overview(warehouse, "default", SPAN, "EUR"), RUNS),
        ("paths of four steps from the entry", lambda: paths(warehouse, "default", SPAN), RUNS),
        ("retention by week", lambda: retention(warehouse, "default", SPAN, "EUR"), RUNS),
        ("overview of one channel", lambda: overview(organic, "default", SPAN, "EUR"), RUNS),
        ("funnel of who saw some pages", lambda: funnel(seen, "default", steps, WINDOW, SPAN), RUNS),
        ("three goals", lambda: goals(warehouse, "default", steps[1:], SPAN), RUNS),
        ("a person's history", lambda: history(warehouse, "default", someone, SPAN.start, 200), RUNS),
    ]
    other = window_funnel(files)
    if other:
        subjects.append(("chdb windowFunnel", other, 3))
    rows: list[list[object]] = [
        [f"the first scan: blocks of {len(scan.blocks)} files", f"{made:.2f} s", "", ""]
    ]
    floor = 0.0
    answers: dict[str, object] = {}
    for name, call, runs in subjects:
        least, middle, answers[name] = timed(call, runs)
        floor = floor or least
        rows.append([name, f"{least:.2f} s", f"{middle:.2f} s", f"{least / floor:.1f} ×"])
    ours = tuple(step.visitors for step in answers["funnel of four steps"].steps)  # type: ignore[attr-defined]
    assert arriving or [ours] == answers["the same by window functions"], "the funnel and its SQL disagree"
    return rows


@contextmanager
def writing(warehouse: Warehouse) -> Iterator[None]:
    """Events of the span's last day arrive meanwhile, from another process' Warehouse."""
    stop, con, own = threading.Event(), duckdb.connect(config={"threads": 1}), Warehouse(warehouse.path)
    sql = DAY_OF_EVENTS.format(day=97, start=SPAN.end - DAY_MS, visits=20_000, visitors=50_000)
    rows = rows_of(con, sql)

    def arrive() -> None:
        at = 0
        while not stop.wait(1.0):
            own.events.append(rows.slice(at % (len(rows) - ARRIVING), ARRIVING), ())
            at += ARRIVING

    thread = threading.Thread(target=arrive, name="writing")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--writing", action="store_true")
    given = parser.parse_args()
    events, visitors = given.rows, given.rows // 20
    folder = given.keep or Path(tempfile.gettempdir()) / f"dangol-bench-reports-{events}"
    if not (folder / "whole").exists():
        shutil.rmtree(folder, ignore_errors=True)
        fill(Warehouse(str(folder)), events, visitors)
        (folder / "whole").touch()
    with tempfile.TemporaryDirectory(prefix="dangol-bench-", dir=folder.parent) as name:
        # What arrives meanwhile stays out of what is kept.
        copy = Path(name) / "warehouse"
        shutil.copytree(folder, copy, copy_function=os.link)
        warehouse = Warehouse(str(copy))
        load = os.getloadavg()[0]
        with writing(warehouse) if given.writing else nullcontext():
            rows = measure(warehouse, given.writing)

    meanwhile = f", {ARRIVING:,} events/s arriving" if given.writing else ""
    notes = (
        f"Least and median of up to {RUNS} runs in one process; no answer is kept, but the scan is until something "
        f"arrives. Load before: {load:.1f}."
    )
    title = f"Reports, {events / 1e6:.0f}M events, {visitors:,} visitors{meanwhile}"
    command = " ".join(
        ["python -m bench.reports", *([f"--rows {events}"] if events != 10_000_000 else [])]
        + (["--writing"] if given.writing else [])
    )
    record(title, command, ["what", "least", "median", "of the floor"], rows, notes)


if __name__ == "__main__":
    main()
