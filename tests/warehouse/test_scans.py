"""Reports by scan equal the same reports in SQL, whatever happened to the files meanwhile."""

import random
from pathlib import Path
from typing import Any

import pytest

from tests.support.warehouse_reports import (
    SPANS,
    answers,
    equal_in_sql,
    filled,
    happened,
    small_thresholds,
    warehouse,
)
from warehouse.delta import AliasRow, Warehouse
from warehouse.feeds.history import history
from warehouse.funnel.funnel import parse_step
from warehouse.question.scope import Scope
from warehouse.reports.filtered import filtered
from warehouse.reports.overview import overview

__all__ = ["small_thresholds", "warehouse"]  # fixtures


@pytest.mark.parametrize("seed", range(3))
def test_scans_say_what_sql_says(tmp_path: Path, seed: int) -> None:
    for stored in filled(tmp_path, seed):
        for span in SPANS:
            equal_in_sql(stored, span)


FILTERS: list[dict[str, Any]] = [
    {"equal": {"channel": "e-mail"}},
    {"equal": {"device": "phone", "country": "KR"}},
    {"equal": {}, "page": parse_step("page:/b*")},
    {"equal": {}, "people": ["v:2", "u:0", "v:7", "nobody"]},
    {"equal": {"channel": "social"}, "page": parse_step("page:/a1"), "people": [f"v:{n}" for n in range(15)]},
    {"equal": {}, "page": parse_step("page:/nowhere")},
    {"equal": {}, "people": []},
]


@pytest.mark.parametrize("filters", FILTERS)
def test_filtered_reports_say_what_sql_says(warehouse: Warehouse, filters: dict[str, Any]) -> None:
    for span in SPANS:
        equal_in_sql(filtered(warehouse, **filters), span)


def test_pages_by_their_address_narrow_alike(warehouse: Warehouse) -> None:
    span = SPANS[2]
    page = parse_step("page:https://shop.example/b*")
    assert not page.indexed
    found = [
        overview(filtered(warehouse, {}, page=step), "default", span, "EUR")
        for step in (page, parse_step("page:/b*"))
    ]
    assert found[0] == found[1]
    assert found[0].sessions


def test_after_late_events_compaction_merges_and_erasure(warehouse: Warehouse, tmp_path: Path) -> None:
    span = SPANS[2]
    chance = random.Random(99)
    before = answers(warehouse, span)
    late = happened(chance, 60)
    warehouse.append([each._replace(id=f"late{each.id}") for each in late], [], {})
    equal_in_sql(warehouse, span)
    assert answers(warehouse, span) != before
    warehouse.append([], [AliasRow("default", "profile", "v:7", "v:8", 3)], {("log", 0): 1})
    equal_in_sql(warehouse, span)
    warehouse.compact()
    equal_in_sql(warehouse, span)
    warehouse.erase("default", ["v:8"])
    equal_in_sql(warehouse, span)
    mark = warehouse.table("select hash('v:8') as h, hash('v:7') as g", Scope("default"))
    marks = [mark[name][0].as_py().to_bytes(8, "little") for name in ("h", "g")]
    kept = [path for path in (tmp_path / "index").rglob("*") if path.is_file()]
    assert kept
    assert not [path for path in kept if any(each in path.read_bytes() for each in marks)]


def test_a_persons_history_is_found_in_every_file_that_holds_some_of_it(warehouse: Warehouse) -> None:
    moments = "select ts from events where profile = $profile order by ts desc"
    for who in ("v:2", "u:0", "v:24", "v:5", "nobody"):
        expected = warehouse.rows(moments, Scope("default", bots=True), {"profile": who})
        for _ in range(2):  # before the blocks are there, and after
            found = history(warehouse, "default", who, 0, 1000)
            assert [each.ts for each in found] == [each["ts"] for each in expected]
            overview(warehouse, "default", SPANS[2], "EUR")


@pytest.mark.parametrize("how", ["empty", "cut", "zeros", "flip"])
def test_damaged_encoded_events_are_made_again(warehouse: Warehouse, tmp_path: Path, how: str) -> None:
    equal_in_sql(warehouse, SPANS[2])
    blocks = sorted((tmp_path / "index").rglob("*.?"))
    assert blocks
    for path in blocks:
        content = bytearray(path.read_bytes())
        middle = len(content) // 2
        if how == "zeros":
            content[middle : middle + 400] = bytes(400)
        elif how == "flip":
            content[middle] ^= 8
        path.unlink()  # others may have it mapped
        path.write_bytes({"empty": b"", "cut": bytes(content[:middle])}.get(how, bytes(content)))
    equal_in_sql(Warehouse(str(tmp_path)), SPANS[2])
