"""Paths, retention, entries, exits and bounces of real clicks against counts in plain Python."""

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ingest.access_log.format import named
from ingest.access_log.importer import Importer
from ingest.access_log.page_views import ImportOptions
from tests.support.warehouse_rows import row
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope
from warehouse.question.span import Span
from warehouse.question.steps import parse_step
from warehouse.reports.filtered import filtered
from warehouse.reports.overview import Overview, overview
from warehouse.reports.paths import END, Flow, paths
from warehouse.reports.retention import retention

ZONE = ZoneInfo("Asia/Seoul")


@dataclass(frozen=True)
class Click:
    session: str
    profile: str
    ts: int
    id: str
    path: str
    device: str


@dataclass(frozen=True)
class Real:
    warehouse: Warehouse
    clicks: list[Click]
    span: Span


def whole(clicks: Iterable[Click]) -> Span:
    times = [click.ts for click in clicks]
    return Span(min(times), max(times) + 1, ZONE)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Real:
    """Each click on an item as a page view of its own page; who clicked is known by session only."""
    clicks = []
    with (real_data / "yoochoose-100k-train.tsv").open() as file:
        for at, line in enumerate(csv.DictReader(file, delimiter="\t")):
            session, ts = line["SessionId"], round(float(line["Time"]) * 1000)
            device = ("desktop", "phone")[int(session) % 2]
            clicks.append(
                Click(session, f"v:{int(session) % 5000}", ts, f"{at:06}", f"/item/{line['ItemId']}", device)
            )
    warehouse = Warehouse(str(tmp_path_factory.mktemp("shop")))
    fields = ("session", "profile", "ts", "id", "path", "device")
    rows = [row(**{name: getattr(click, name) for name in fields}, type="page") for click in clicks]
    warehouse.append(rows, [], {})
    return Real(warehouse, clicks, whole(clicks))


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory, real_data: Path) -> Real:
    """The access log as the importer stores it; only its rows are believed, not what queries say of them."""
    warehouse = Warehouse(str(tmp_path_factory.mktemp("log")))
    site = Site(id="default", name="default", write_key="wk", secret_key="sk")
    Importer(warehouse, ImportOptions(named("combined", ""), site, b"key")).file(
        str(real_data / "access-combined.log")
    )
    found = warehouse.rows("select session, profile, ts, id, path, device from events", Scope("default"))
    clicks = [Click(**each) for each in found]
    assert len(clicks) > 1000
    return Real(warehouse, clicks, whole(clicks))


@pytest.fixture(scope="module")
def real_data() -> Path:
    import os

    from tests.support.machine import ROOT

    folder = Path(os.environ.get("DANGOL_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real data sets are absent: set DANGOL_TEST_DATA (looked in {folder})")
    return folder


@pytest.fixture(params=["shop", "log"])
def real(request: pytest.FixtureRequest) -> Real:
    return request.getfixturevalue(request.param)


def visits_of(clicks: Iterable[Click]) -> dict[str, list[Click]]:
    visits = defaultdict(list)
    for click in sorted(clicks, key=lambda click: (click.ts, click.id)):
        visits[click.session].append(click)
    return visits


def check_ends(found: Overview, clicks: list[Click], most: int) -> None:
    """Several clicks may share the first (or last) instant of a visit: then any of them is its end."""
    visits = visits_of(clicks)
    for groups, end in ((found.entries, 0), (found.exits, -1)):
        surely, maybe = Counter(), Counter()
        for visit in visits.values():
            candidates = {click.path for click in visit if click.ts == visit[end].ts}
            maybe.update(candidates)
            if len(candidates) == 1:
                surely.update(candidates)
        for group in groups:
            assert surely[group.name] <= group.sessions <= maybe[group.name]
        if len(groups) < most:
            assert sum(group.sessions for group in groups) == len(visits)


def test_figures_entries_exits_and_bounces(real: Real) -> None:
    found = overview(real.warehouse, "default", real.span, "EUR", 20_000)
    visits = visits_of(real.clicks)
    assert (found.pageviews, found.sessions) == (len(real.clicks), len(visits))
    assert found.visitors == len({click.profile for click in real.clicks})
    assert found.bounce_rate == pytest.approx(sum(len(visit) == 1 for visit in visits.values()) / len(visits))
    assert {page.path: page.pageviews for page in found.pages} == Counter(click.path for click in real.clicks)
    check_ends(found, real.clicks, 20_000)
    days = Counter(datetime.fromtimestamp(visit[0].ts / 1000, ZONE).date() for visit in visits.values())
    assert {day.day: day.sessions for day in found.series if day.sessions} == days


def test_the_same_of_one_device(real: Real) -> None:
    device = Counter(click.device for click in real.clicks).most_common(1)[0][0]
    clicks = [click for click in real.clicks if click.device == device]
    events = filtered(real.warehouse, {"device": device})
    found = overview(events, "default", real.span, "EUR", 20_000)
    visits = visits_of(clicks)
    assert (found.pageviews, found.sessions) == (len(clicks), len(visits))
    assert found.bounce_rate == pytest.approx(sum(len(visit) == 1 for visit in visits.values()) / len(visits))
    check_ends(found, clicks, 20_000)


def test_visits_that_saw_a_page_count_whole(real: Real) -> None:
    page = Counter(click.path for click in real.clicks).most_common(1)[0][0]
    visits = {
        name: visit
        for name, visit in visits_of(real.clicks).items()
        if any(click.path == page for click in visit)
    }
    events = filtered(real.warehouse, {}, page=parse_step(f"page:{page}"))
    found = overview(events, "default", real.span, "EUR", 1)
    assert (found.sessions, found.pageviews) == (len(visits), sum(map(len, visits.values())))
    people = {visit[0].profile for visit in visits.values()}
    theirs = filtered(real.warehouse, {}, people=people)
    clicks = [click for click in real.clicks if click.profile in people]
    assert overview(theirs, "default", real.span, "EUR", 1).pageviews == len(clicks)


@pytest.mark.parametrize("direction", ["from", "to"])
@pytest.mark.parametrize("anchored", [False, True])
def test_paths(real: Real, direction: str, anchored: bool) -> None:
    depth = 3
    anchor = f"page:{Counter(click.path for click in real.clicks).most_common(1)[0][0]}" if anchored else ""
    expected: Counter[tuple[int, str, str]] = Counter()
    begun = 0
    for visit in visits_of(real.clicks).values():
        names = [f"page:{click.path}" for click in visit]
        way = [name for at, name in enumerate(names) if at == 0 or name != names[at - 1]]
        way = way[::-1] if direction == "to" else way
        if anchor:
            way = way[way.index(anchor) :] if anchor in way else []
        begun += bool(way)
        for at in range(min(len(way), depth)):
            expected[at, way[at], way[at + 1] if at + 1 < len(way) else END] += 1
    step = parse_step(anchor) if anchor else None
    found = paths(real.warehouse, "default", real.span, step, direction, depth, most=100_000)
    assert found.visits == begun
    assert {(flow.depth, flow.source, flow.target): flow.visits for flow in found.flows} == expected
    assert all(isinstance(flow, Flow) for flow in found.flows)


@pytest.mark.parametrize("unit", ["day", "week"])
def test_retention(real: Real, unit: str) -> None:
    def start(ts: int) -> date:
        day = datetime.fromtimestamp(ts / 1000, ZONE).date()
        return day if unit == "day" else date.fromordinal(day.toordinal() - day.weekday())

    came: dict[str, set[date]] = defaultdict(set)
    began: dict[str, int] = {}
    for click in real.clicks:
        began[click.session] = min(click.ts, began.get(click.session, click.ts))
    for click in real.clicks:
        came[click.profile].add(start(began[click.session]))
    expected = Counter((min(days), day) for days in came.values() for day in days)
    found = retention(real.warehouse, "default", real.span, "EUR", unit)
    step = 1 if unit == "day" else 7
    told = {
        (cohort.start, date.fromordinal(cohort.start.toordinal() + step * later)): visitors
        for cohort in found.cohorts
        for later, visitors in enumerate(cohort.returned)
        if visitors
    }
    assert told == expected
