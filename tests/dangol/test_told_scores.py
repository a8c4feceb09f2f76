"""The card from stored snapshots: what was told then against what the customers did since."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from customers.scoring.card_text import lines
from dangol.jobs.scoring import Scoring
from profiles.store.memory import MemoryProfiles
from tests.support.scored_shop import SITE, history, order, shop
from tests.support.warehouse_rows import NOON
from tracker.durations import DAY_MS
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope
from warehouse.tables.schema import SCORES, EventRow

HORIZON = 60


def run(warehouse: Warehouse, at: int) -> Scoring:
    scoring = Scoring(warehouse, MemoryProfiles(), risk_days=HORIZON, clock=lambda: at / 1000)
    scoring.run(SITE)
    return scoring


def day_of(ts: int) -> date:
    return datetime.fromtimestamp(ts / 1000, SITE.zone).date()


@pytest.fixture(scope="module")
def rows() -> list[EventRow]:
    return history(1000, 400)


def test_the_card_judges_what_was_told(tmp_path: Path, rows: list[EventRow]) -> None:
    warehouse, then = shop(tmp_path, rows), NOON - HORIZON * DAY_MS
    for back in (HORIZON + 9, HORIZON, 30):
        before = run(warehouse, NOON - back * DAY_MS).card
        assert before and before.risk and before.risk.source == "back-test", "no snapshot is that old"
    card = run(warehouse, NOON).card
    assert card and card.risk and card.risk.source == "snapshot" and card.risk.better
    told = warehouse.rows(
        "select profile, risk, risk_days, risk90 from scores where day = $day",
        Scope("default"), {"day": day_of(then)},
    )  # fmt: skip
    assert {row["risk_days"] for row in told} == {HORIZON} and {row["risk90"] for row in told} == {None}
    bought = {row.profile for row in rows if row.ts <= NOON and day_of(row.ts) > day_of(then)}
    said = {row["profile"] for row in told if row["risk"] > 0.5}
    assert (card.risk.said, card.risk.held) == (len(said), len(said - bought))
    assert card.risk.told_on == (day_of(then) - date(1970, 1, 1)).days
    assert card.risk.drift and card.risk.drift.said == pytest.approx(np.mean([row["risk"] for row in told]))
    text = "\n".join(lines(card, "EUR"))
    assert f"the stored scores of {day_of(then)}" in text and "drift:" in text


def test_what_was_told_wrongly_is_shown_no_more(tmp_path: Path, rows: list[EventRow]) -> None:
    """The stored risks are turned round: the back-test of today's model is right, what was said was not."""
    warehouse, then = shop(tmp_path, rows), NOON - HORIZON * DAY_MS
    told = Scoring(warehouse, MemoryProfiles(), risk_days=HORIZON, clock=lambda: then / 1000)
    store, warehouse.record_scores = (
        warehouse.record_scores,
        lambda site, day, rows: store(  # type: ignore[method-assign]
            site,
            day,
            rows.set_column(rows.schema.get_field_index("risk"), SCORES.field("risk"), turned(rows)),
        ),
    )
    told.run(SITE)
    warehouse.record_scores = store  # type: ignore[method-assign]
    card = run(warehouse, NOON).card
    assert card and card.risk and (card.risk.source, card.risk.better) == ("snapshot", False)
    assert card.risk_absent == "no better than the obvious rule"
    newest = warehouse.rows(
        "select max(risk) as risk from scores where ts = $at", Scope("default"), {"at": NOON}
    )
    assert newest == [{"risk": None}]


def turned(rows: object) -> object:
    import pyarrow as pa

    return pa.array(1 - np.asarray(rows["risk"].to_pylist(), float))  # type: ignore[index]


def test_a_snapshot_of_another_horizon_judges_nothing(tmp_path: Path, rows: list[EventRow]) -> None:
    warehouse, then = shop(tmp_path, rows), NOON - HORIZON * DAY_MS
    Scoring(warehouse, MemoryProfiles(), risk_days=30, clock=lambda: then / 1000).run(SITE)
    card = run(warehouse, NOON).card
    assert card and card.risk and card.risk.source == "back-test"


def test_a_year_later_the_value_is_judged_by_what_was_told(tmp_path: Path) -> None:
    rows = history(400, 800)
    rows += [order("v:erased", NOON - 500 * DAY_MS, 1e6, "e")]
    warehouse, then = shop(tmp_path, rows), NOON - 366 * DAY_MS
    run(warehouse, then)
    warehouse.erase("default", ["v:erased"])
    card = run(warehouse, NOON).card
    assert card and card.value and (card.value.source, card.value.days) == ("snapshot", 365)
    told = warehouse.rows(
        "select profile, clv, contribution, clv_low, clv_high from scores where ts = $at",
        Scope("default"),
        {"at": then},
    )
    now = {
        row["profile"]: row["contribution"]
        for row in warehouse.rows(
            "select profile, contribution from scores where ts = $at", Scope("default"), {"at": NOON}
        )
    }
    assert card.value.customers == len(told) < len(now)
    assert card.value.said == pytest.approx(sum(row["clv"] for row in told))
    came = {row["profile"]: now[row["profile"]] - row["contribution"] for row in told}
    assert card.value.happened == pytest.approx(sum(came.values())) and card.value.happened > 0
    within = np.mean([row["clv_low"] <= came[row["profile"]] <= row["clv_high"] for row in told])
    assert card.value.covered == pytest.approx(within) and within > 0.75
    assert datetime.fromtimestamp(then / 1000, UTC).date() - date(1970, 1, 1) == timedelta(
        days=card.value.told_on or 0
    )
