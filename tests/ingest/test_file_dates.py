"""Dates as shops write them: the column decides the order of day and month, and nothing becomes 1970."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.files.dates import Dates
from ingest.files.rows import FileInvalid
from ingest.files.table import open_table
from tests.support.spreadsheet import write_xlsx

SEOUL = ZoneInfo("Asia/Seoul")


def column_dates(values: Iterable[Any], zone: tzinfo, order: str, column: str) -> Dates:
    dates = Dates(zone, order)
    for value in values:
        dates.observe(value)
    dates.settle(column)
    return dates


def moment(value: Any, zone: Any = UTC, order: str = "") -> datetime:
    ms = column_dates([value], zone, order, "date").milliseconds(value)
    return datetime.fromtimestamp(ms / 1000, zone)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-20", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("2026-11-20 15:05", datetime(2026, 11, 20, 15, 5)),  # noqa: DTZ001
        ("2026-11-20T15:05:30.250", datetime(2026, 11, 20, 15, 5, 30, 250_000)),  # noqa: DTZ001
        ("2026.11.20", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("2026. 11. 20.", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("2026. 11. 20. 오후 3:05", datetime(2026, 11, 20, 15, 5)),  # noqa: DTZ001
        ("2026. 11. 20. 오전 12:05:07", datetime(2026, 11, 20, 0, 5, 7)),  # noqa: DTZ001
        ("2026년 11월 20일 15시 5분", datetime(2026, 11, 20, 15, 5)),  # noqa: DTZ001
        ("2026-11-20 (금) 15:05", datetime(2026, 11, 20, 15, 5)),  # noqa: DTZ001
        ("2026/11/20 3:05 PM", datetime(2026, 11, 20, 15, 5)),  # noqa: DTZ001
        ("11/20/2026", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("20.11.2026", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("20.11.2026, 15:05", datetime(2026, 11, 20, 15, 5)),  # noqa: DTZ001
        ("1.2.2026 8:05", datetime(2026, 2, 1, 8, 5)),  # noqa: DTZ001
        ("20/11/2026", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("20 Nov 2026", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("20-Nov-26 8:05", datetime(2026, 11, 20, 8, 5)),  # noqa: DTZ001
        ("November 20, 2026 8:05 am", datetime(2026, 11, 20, 8, 5)),  # noqa: DTZ001
        ("Fri, 20 Nov 2026 15:05:30", datetime(2026, 11, 20, 15, 5, 30)),  # noqa: DTZ001
        ("20261120", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("202611201530", datetime(2026, 11, 20, 15, 30)),  # noqa: DTZ001
        ("20261120153000", datetime(2026, 11, 20, 15, 30)),  # noqa: DTZ001
        ("46346", datetime(2026, 11, 20)),  # noqa: DTZ001
        ("46346.4", datetime(2026, 11, 20, 9, 36)),  # noqa: DTZ001
        ("46346,4", datetime(2026, 11, 20, 9, 36)),  # noqa: DTZ001
        (46346.4, datetime(2026, 11, 20, 9, 36)),  # noqa: DTZ001
        (46346, datetime(2026, 11, 20)),  # noqa: DTZ001
        (20261120, datetime(2026, 11, 20)),  # noqa: DTZ001
        (date(2026, 11, 20), datetime(2026, 11, 20)),  # noqa: DTZ001
        (datetime(2026, 11, 20, 8), datetime(2026, 11, 20, 8)),  # noqa: DTZ001
    ],
)
def test_a_time_without_a_zone_is_the_sites(written: Any, expected: datetime) -> None:
    for zone in (UTC, SEOUL):
        assert moment(written, zone) == expected.replace(tzinfo=zone)


NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
SECONDS = int(NOON.timestamp())


@pytest.mark.parametrize(
    "written",
    [
        *(
            "2026-11-20T12:00Z",
            "2026-11-20T12:00:00+00:00",
            "2026-11-20 21:00:00 +0900",
            "2026-11-20T07:00-05",
        ),
        *(
            "20261120T120000Z",
            "2026-11-20 12:00:00 UTC",
            "2026-11-20 21:00 KST",
            "Fri, 20 Nov 2026 12:00:00 GMT",
        ),
        *(SECONDS, str(SECONDS), f"{SECONDS}.000", float(SECONDS)),
        *(SECONDS * 1000, SECONDS * 10**6, SECONDS * 10**9, float(SECONDS * 10**6), f"{SECONDS * 1000}"),
        datetime(2026, 11, 20, 21, tzinfo=timezone(timedelta(hours=9))),
    ],
)
def test_a_moment_is_the_same_in_every_zone(written: Any) -> None:
    assert moment(written, SEOUL) == moment(written, UTC) == NOON


@pytest.mark.parametrize(
    "written",
    [
        *(
            "",
            None,
            "noon",
            "0",
            "1",
            "1000",
            "-5",
            "0000-00-00 00:00:00",
            "1970-01-01",
            "1970-01-01T00:00:00Z",
        ),
        *(
            "1969-12-31",
            "2096-10-03",
            "20261399",
            "2026-13-01",
            "2026-02-30",
            "30/02/2026",
            "31.31.2026",
            "25569",
        ),
        *(
            "2026-11-20 25:00",
            "2026-11-20 12:00 Mars",
            "99/99/99",
            "1e400",
            "9" * 5000,
            "nan",
            float("nan"),
            0,
        ),
        *("2026-11-20 12:00:00 +99:99", "9999-12-31", 12345678901234567890, "20 Foo 2026", "2026-11-20x"),
        *(date(1969, 12, 31), datetime(9999, 12, 31), [], {"a": 1}, b"\xff"),  # noqa: DTZ001
    ],
)
def test_what_is_no_time_of_a_shop_is_refused(written: Any) -> None:
    dates = Dates(SEOUL)
    dates.observe(written)
    with pytest.raises(ValueError, match=r"no time|is no time"):
        dates.milliseconds(written)


def test_the_column_decides_and_never_the_row() -> None:
    american = ["12/1/10 8:26", "12/9/10 10:00", "12/13/10 9:00"]
    dates = column_dates(american, UTC, "", "InvoiceDate")
    assert datetime.fromtimestamp(dates.milliseconds(american[0]) / 1000, UTC).month == 12
    british = ["3/4/2026", "13/4/2026"]
    dates = column_dates(british, UTC, "mdy", "date")  # the column knows better
    assert datetime.fromtimestamp(dates.milliseconds("3/4/2026") / 1000, UTC).month == 4
    korean = [f"26.11.{day:02}" for day in range(1, 29)]
    dates = column_dates(korean, UTC, "", "date")
    assert datetime.fromtimestamp(dates.milliseconds("26.11.05") / 1000, UTC) == datetime(
        2026, 11, 5, tzinfo=UTC
    )


def test_a_column_that_does_not_show_it_is_refused_or_told() -> None:
    values = ["3/4/2026", "5/6/2026"]
    with pytest.raises(FileInvalid, match=r"'when' do not show .* '3/4/2026': say --dates dmy, mdy or ymd"):
        column_dates(values, UTC, "", "when")
    assert moment("3/4/2026", order="dmy").month == 4
    assert moment("3/4/2026", order="mdy").month == 3
    with pytest.raises(FileInvalid, match="not all in one order"):
        column_dates(["13/4/2026", "4/13/2026"], UTC, "", "when")


def test_one_stray_date_does_not_turn_the_others() -> None:
    values = [*(f"{day}/4/2026" for day in range(13, 31)), *["5/4/2026", "6/4/2026"] * 100, "4/13/2026"]
    dates = column_dates(values, UTC, "", "when")
    assert datetime.fromtimestamp(dates.milliseconds("3/4/2026") / 1000, UTC).month == 4
    with pytest.raises(ValueError, match="4/13/2026"):
        dates.milliseconds("4/13/2026")


FORMS = {
    "dmy": ("%d/%m/%Y", "%d.%m.%Y %H:%M", "%d-%m-%Y", "%d/%m/%y %H:%M:%S"),
    "mdy": ("%m/%d/%Y", "%m-%d-%Y %I:%M %p", "%m/%d/%y %H:%M"),
    "ymd": ("%Y-%m-%d", "%Y.%m.%d %H:%M", "%Y%m%d", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S"),
}


@given(
    st.sampled_from([(order, form) for order, forms in FORMS.items() for form in forms]),
    st.lists(
        st.datetimes(datetime(2020, 1, 1), datetime(2026, 12, 31)),  # noqa: DTZ001
        min_size=1,
        max_size=30,
    ),
)
def test_any_column_is_read_as_written_or_refused(choice: tuple[str, str], moments: list[datetime]) -> None:
    order, form = choice
    texts = [each.strftime(form) for each in moments]
    meant = [datetime.strptime(text, form).replace(tzinfo=UTC) for text in texts]
    for told in ("", order):
        try:
            dates = column_dates(texts, UTC, told, "when")
        except FileInvalid:
            assert told == ""
            continue
        assert [datetime.fromtimestamp(dates.milliseconds(text) / 1000, UTC) for text in texts] == meant


def test_dates_of_a_spreadsheet(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="no python-calamine here: install what setup.cfg names")
    path = tmp_path / "orders.xlsx"
    rows = [
        ["Orders of November"],
        ["id", "date", "serial", "total"],
        [10001, datetime(2026, 11, 20, 9, 36), 46346.4, 12.5],  # noqa: DTZ001
        [None],
        [10002, "20.11.2026", None, "1.234,56"],
    ]
    write_xlsx(path, rows)
    table = open_table(path)
    assert table.names == ["id", "date", "serial", "total"]
    first, second = table.rows()
    assert (first.line, second.line) == (3, 5)
    dates = Dates(SEOUL)
    assert dates.milliseconds(first.values[1]) == dates.milliseconds(first.values[2])
    assert second.values[3] == "1.234,56"
