"""The funnel against a naive count in Python: ties, repeats, windows, several visitors, late rows."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from warehouse_rows import NOON, row

from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.funnel import funnel, parse_step, parse_window
from warehouse.refused import QueryRefused
from warehouse.schema import EventRow
from warehouse.span import Span

MINUTE = 60_000


def stored(folder: Path, rows: Sequence[EventRow]) -> Warehouse:
    warehouse = Warehouse(str(folder / "warehouse"))
    warehouse.append(rows, [], {})
    return warehouse


def whole(site: Site) -> Span:
    return Span.parse(site, "2026-10-01", "2026-12-01")


def naive(rows: Sequence[EventRow], names: Sequence[str], window: int) -> list[int]:
    """Every chain of every visitor, tried one after another."""
    counts = [0] * len(names)
    for profile in {each.profile for each in rows}:
        events = [(each.ts, each.name) for each in rows if each.profile == profile]

        def deepest(step: int, start: int, last: int, events=events) -> int:
            reached = step
            if step == len(names):
                return reached
            for ts, name in events:
                if name == names[step] and ts > last and (step == 0 or ts - start <= window):
                    reached = max(reached, deepest(step + 1, ts if step == 0 else start, ts))
            return reached

        for step in range(deepest(0, 0, -1)):
            counts[step] += 1
    return counts


@pytest.mark.parametrize("seed", range(25))
def test_the_funnel_equals_a_naive_count(tmp_path: Path, site: Site, seed: int) -> None:
    chance = random.Random(seed)
    names = ["A", "B", "C", "D"]
    rows = [
        row(
            NOON + chance.randrange(40) * MINUTE,
            id=f"e{number}",
            type="track",
            name=chance.choice(names),
            profile=f"p{chance.randrange(12)}",
        )
        for number in range(chance.randrange(1, 160))
    ]
    chance.shuffle(rows)
    steps = [chance.choice(names) for _ in range(chance.randrange(1, 5))]
    minutes = chance.choice([1, 3, 10, 60])
    found = funnel(
        stored(tmp_path, rows), "default", [f"event:{name}" for name in steps], f"{minutes}m", whole(site)
    )
    assert [step.visitors for step in found.steps] == naive(rows, steps, minutes * MINUTE)


def test_a_later_start_may_succeed_where_the_first_is_too_old(tmp_path: Path, site: Site) -> None:
    day = 24 * 60 * MINUTE
    rows = [
        row(NOON, id="1", path="/"),
        row(NOON + 9 * day, id="2", path="/"),
        row(NOON + 10 * day, id="3", type="track", name="Order Completed"),
    ]
    steps = ["page:/", "event:Order Completed"]
    found = funnel(stored(tmp_path, rows), "default", steps, "7d", whole(site))
    assert [(s.visitors, s.conversion, s.total, s.drop) for s in found.steps] == [
        (1, 1.0, 1.0, 0),
        (1, 1.0, 1.0, 0),
    ]


def test_the_same_instant_is_not_later(tmp_path: Path, site: Site) -> None:
    rows = [row(NOON, id="1", path="/"), row(NOON, id="2", type="track", name="Signed Up")]
    found = funnel(stored(tmp_path, rows), "default", ["page:/", "event:Signed Up"], "7d", whole(site))
    assert [step.visitors for step in found.steps] == [1, 0]


@pytest.mark.parametrize(
    ("glob", "visitors"),
    [
        ("/shoes/*", 1),
        ("/*", 3),
        ("*", 3),
        ("/shoes", 0),
        ("/100%_off", 1),
        ("/100*off", 2),
        ("https://a.example/shoes/*", 1),
    ],
)
def test_globs(tmp_path: Path, site: Site, glob: str, visitors: int) -> None:
    rows = [
        row(NOON, id="1", profile="p1", path="/shoes/7", url="https://a.example/shoes/7?x=1"),
        row(NOON, id="2", profile="p2", path="/100%_off"),
        row(NOON, id="3", profile="p3", path="/100 is off"),
    ]
    found = funnel(stored(tmp_path, rows), "default", [f"page:{glob}"], "1h", whole(site))
    assert found.steps[0].visitors == visitors


def test_drop_and_conversion(tmp_path: Path, site: Site) -> None:
    rows = [row(NOON + n, id=f"a{n}", profile=f"p{n}", path="/") for n in range(10)]
    rows += [row(NOON + MINUTE + n, id=f"b{n}", profile=f"p{n}", type="track", name="Seen") for n in range(4)]
    rows += [row(NOON + 2 * MINUTE, id="c", profile="p0", type="track", name="Bought")]
    steps = ["page:/", "event:Seen", "event:Bought"]
    found = funnel(stored(tmp_path, rows), "default", steps, "1h", whole(site))
    assert [(s.visitors, s.conversion, s.drop) for s in found.steps] == [
        (10, 1.0, 0),
        (4, 0.4, 6),
        (1, 0.25, 3),
    ]
    assert found.conversion == 0.1


def test_an_empty_warehouse_has_an_empty_funnel(tmp_path: Path, site: Site) -> None:
    found = funnel(Warehouse(str(tmp_path / "none")), "default", ["page:/", "event:A"], "7d", whole(site))
    assert [(s.visitors, s.conversion, s.drop) for s in found.steps] == [(0, 0.0, 0), (0, 0.0, 0)]


@pytest.mark.parametrize("text", ["", "page", "page:", "click:x", "event: ", "page:" + "x" * 501])
def test_a_bad_step_is_refused(text: str) -> None:
    with pytest.raises(QueryRefused) as refused:
        parse_step(text)
    assert refused.value.field == "step"


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "0m", "1.5h", "7w", "9999999d", "367d"])
def test_a_bad_window_is_refused(text: str) -> None:
    with pytest.raises(QueryRefused) as refused:
        parse_window(text)
    assert refused.value.field == "window"


def test_windows() -> None:
    assert [parse_window(text) for text in ("30m", "12h", "7d")] == [1_800_000, 43_200_000, 604_800_000]
