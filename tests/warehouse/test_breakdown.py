"""Breakdown and people of a funnel against naive ones: the branches add up, the people are those counted."""

from pathlib import Path

import pytest

from tests.support.warehouse_funnel import ADD, BUY, SPAN, VIEW, stroll
from tracker.durations import HOUR_MS
from warehouse.delta import AliasRow, EventRow, Warehouse
from warehouse.funnel.breakdown import OTHER, FunnelGroup, breakdown
from warehouse.funnel.funnel import Rules, funnel, parse_step
from warehouse.funnel.visitors import funnel_visitors
from warehouse.question.refused import QueryRefused

STEPS = [parse_step(text) for text in (VIEW, ADD, BUY)]
RULES = Rules(window=HOUR_MS)


def stored(path: Path, seed: int = 3) -> tuple[Warehouse, list[EventRow]]:
    rows = [event._replace(channel=f"c{index % 5}") for index, event in enumerate(stroll(seed))]
    warehouse = Warehouse(str(path))
    warehouse.append(rows, [AliasRow("default", "profile", "p0", "p1", 1)], {})
    return warehouse, rows


@pytest.mark.parametrize("any_order", [False, True])
@pytest.mark.parametrize("most", [2, 12])
def test_branches_add_up_to_the_funnel(tmp_path: Path, any_order: bool, most: int) -> None:
    warehouse, _ = stored(tmp_path)
    rules = Rules(window=HOUR_MS, any_order=any_order)
    whole = [step.visitors for step in funnel(warehouse, "default", STEPS, rules, SPAN).steps]
    branches = breakdown(warehouse, "default", STEPS, rules, SPAN, "channel", most)
    assert [sum(branch.visitors[at] for branch in branches) for at in range(3)] == whole
    assert len(branches) == min(most, 5) + (most < 5)
    assert (branches[-1].value == OTHER) == (most < 5)


def test_a_branch_is_the_funnel_of_its_visitors(tmp_path: Path) -> None:
    warehouse, rows = stored(tmp_path)
    first: dict[str, EventRow] = {}
    for event in sorted(rows, key=lambda event: (event.ts, event.id)):
        if event.name == "Product Viewed" and not event.bot and SPAN.start <= event.ts < SPAN.end:
            first.setdefault("p1" if event.profile == "p0" else event.profile, event)
    for branch in breakdown(warehouse, "default", STEPS, RULES, SPAN, "channel"):
        theirs = {profile for profile, event in first.items() if event.channel == branch.value}
        reached = [
            set(funnel_visitors(warehouse, "default", STEPS, RULES, SPAN, step, None)) for step in range(3)
        ]
        assert branch == FunnelGroup.of(
            branch.value, tuple(len(theirs & people_there) for people_there in reached)
        )


@pytest.mark.parametrize("by_session", [False, True])
def test_who_dropped_out_and_who_went_on(tmp_path: Path, by_session: bool) -> None:
    warehouse, _ = stored(tmp_path)
    rules = Rules(window=HOUR_MS, by_session=by_session)
    counted = [step.visitors for step in funnel(warehouse, "default", STEPS, rules, SPAN).steps]
    for step in range(2):
        here, gone, on = (
            funnel_visitors(warehouse, "default", STEPS, rules, SPAN, step, b) for b in (None, False, True)
        )
        assert sorted({*gone, *on}) == here
        if not by_session:
            assert (len(here), len(on), len(gone)) == (
                counted[step],
                counted[step + 1],
                counted[step] - counted[step + 1],
            )
            assert not {*gone} & {*on}
    assert "p0" not in here
    assert len(funnel_visitors(warehouse, "default", STEPS, rules, SPAN, 0, None, most=3)) == 3


def test_nobody_and_nonsense(tmp_path: Path) -> None:
    warehouse = Warehouse(str(tmp_path))
    assert breakdown(warehouse, "default", STEPS, RULES, SPAN, "device") == []
    assert funnel_visitors(warehouse, "default", STEPS, RULES, SPAN, 0) == []
    for step in (-1, 2, 3):
        with pytest.raises(QueryRefused):
            funnel_visitors(warehouse, "default", STEPS, RULES, SPAN, step)
    with pytest.raises(QueryRefused):
        breakdown(warehouse, "default", STEPS, RULES, SPAN, "props; drop table")
