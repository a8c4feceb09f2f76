"""Days and instants in the site's timezone, across changes of the clock."""

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.support.warehouse_rows import row
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.question.refused import QueryRefused
from warehouse.question.scope import Scope
from warehouse.question.span import Span, date_of


def site(zone: str = "UTC") -> Site:
    return Site(id="default", write_key="w", secret_key="s", timezone=zone)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("from_", "to", "zone", "start", "end"),
    [
        ("2026-11-01", "2026-11-01", "UTC", "2026-11-01T00:00+00:00", "2026-11-02T00:00+00:00"),
        ("2026-11-01", "2026-11-02", "Asia/Seoul", "2026-11-01T00:00+09:00", "2026-11-03T00:00+09:00"),
        ("2026-10-25", "2026-10-25", "Europe/Vienna", "2026-10-25T00:00+02:00", "2026-10-26T00:00+01:00"),
        ("2026-11-01T10:00", "2026-11-01T10:00", "UTC", "2026-11-01T10:00+00:00", "2026-11-01T10:00:00.001+00:00"),
        ("2026-11-01T10:00Z", "2026-11-02", "Asia/Seoul", "2026-11-01T10:00+00:00", "2026-11-03T00:00+09:00"),
        ("2026-11-01T10:00", "2026-11-01T12:00+02:00", "Asia/Seoul", "2026-11-01T10:00+09:00",
         "2026-11-01T10:00:00.001+00:00"),
    ],
)  # fmt: skip
def test_both_ends_are_inclusive(from_: str, to: str, zone: str, start: str, end: str) -> None:
    span = Span.parse(site(zone), from_, to)
    assert (span.start, span.end) == (ms(start), ms(end))


def test_without_ends_the_last_thirty_days() -> None:
    now = datetime(2026, 11, 21, 20, 0, tzinfo=UTC).timestamp()
    span = Span.parse(site("Asia/Seoul"), None, None, lambda: now)  # already the 22nd there
    assert (span.first, span.last) == (date(2026, 10, 24), date(2026, 11, 22))
    assert len(list(span.days())) == 30
    assert Span.parse(site(), None, "2026-11-10").first == date(2026, 10, 12)


@pytest.mark.parametrize(
    ("from_", "to", "field"),
    [
        ("yesterday", None, "from"),
        ("2026-11-01", "2026-13-01", "to"),
        ("2026-11-02", "2026-11-01", "to"),
        ("2026-11-01T10:00:00.001", "2026-11-01T10:00", "to"),
        ("1000-01-01", None, "from"),
        ("1990-01-01", "2026-01-01", "from"),
        ("٢٠٢٦-١١-٠١", None, "from"),
        ("0001-01-01T00:00+14:00", None, "from"),
    ],
)
def test_a_span_that_makes_no_sense_is_refused(from_: str, to: str | None, field: str) -> None:
    with pytest.raises(QueryRefused) as refused:
        Span.parse(site(), from_, to)
    assert refused.value.field == field


def test_the_period_before_is_as_long_and_ends_where_this_begins() -> None:
    span = Span.parse(site("Europe/Vienna"), "2026-10-25", "2026-10-31")
    before = span.before()
    assert (before.first, before.last, before.end) == (date(2026, 10, 18), date(2026, 10, 24), span.start)
    hour = Span.parse(site(), "2026-11-01T10:00", "2026-11-01T10:59:59.999")
    assert (hour.before().start, hour.before().end) == (ms("2026-11-01T09:00+00:00"), hour.start)


@pytest.mark.parametrize(
    "zone", ["UTC", "Asia/Seoul", "Europe/Vienna", "America/New_York", "Australia/Lord_Howe"]
)
def test_days_in_sql_are_those_of_the_calendar(tmp_path: Path, zone: str) -> None:
    span = Span.parse(site(zone), "2026-01-01", "2026-12-31")
    moments = range(span.start, span.end, 7_000_000)
    warehouse = Warehouse(str(tmp_path))
    warehouse.append([row(ts) for ts in moments], [], {})
    sql = f"select ts, {span.day('ts')} as day, {span.local('ts')} // 3600000 % 24 as hour from events"
    for found in warehouse.rows(sql, Scope("default", span.start, span.end)):
        local = datetime.fromtimestamp(found["ts"] / 1000, ZoneInfo(zone))
        assert (date_of(found["day"]), found["hour"]) == (local.date(), local.hour)
