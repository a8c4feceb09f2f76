"""The attribution page: figures of the report, what can be chosen, and what it says where nothing is known."""

import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.desk_rows import FULL, at, fill, visit
from tests.support.machine import Clock
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site
from warehouse.attribution.cost import Cost

pytestmark = pytest.mark.redis
WEEK = "from=2026-11-12&to=2026-11-18"


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    fill(stage.warehouse, clock())
    stage.warehouse.append(visit("v:a", at(clock(), 5), (("page", "/"),), channel="social"), [], {})
    return stage


def rows(page: str) -> dict[str, list[str]]:
    """Cells by the first of each row."""
    found = re.findall(r"<tr>\s*<th scope=\"row\" class=\"wrap\">(.*?)</th>(.*?)</tr>", page, re.DOTALL)
    return {
        name: [cell.strip() for cell in re.findall(r"<td[^>]*>(.*?)</td>", cells)] for name, cells in found
    }


def shown(stage: Stage, query: str = "") -> str:
    answer = stage.desk().get(f"/desk/attribution?{WEEK}&{query}")
    assert answer.status_code == 200
    text: str = answer.text
    return text


def spend(stage: Stage, amount: str, currency: str = "EUR") -> None:
    day = date(2026, 11, 16)
    cost = Cost(
        day=day,
        source="google",
        campaign="x",
        channel="organic search",
        currency=currency,
        amount=Decimal(amount),
    )
    stage.stores.reports.costs.put("default", [cost])


def test_models_are_columns_and_channels_rows(stage: Stage) -> None:
    found = rows(shown(stage))
    assert found["Social"] == ["1", "1", "0", "0", "0.5", "0.5", "0.5", "0.5", "0.5"] or found["Social"][
        1:5
    ] == [
        "1",
        "0",
        "0",
        "0.5",
    ]
    assert found["Organic search"][:4] == ["1", "0", "1", "1"]
    assert found["All"] == ["5", *["1"] * 8]
    assert rows(shown(stage, "show=revenue"))["Social"][4] == "€25.00"


def test_costs_and_returns_are_shown_where_they_are_known(stage: Stage) -> None:
    assert "No costs are known" in shown(stage) and "Return (ROAS)" not in shown(stage)
    spend(stage, "20")
    page = shown(stage, "show=roas")
    assert "No costs are known" not in page
    assert rows(page)["Organic search"][:5] == ["1", "€20.00", "0%", "250%", "250%"]
    assert rows(shown(stage, "show=contribution"))["All"][:3] == ["5", "€20.00", "€30.00"]
    assert rows(shown(stage, "show=cost_per_conversion"))["Organic search"][4] == "€20.00"
    spend(stage, "9", "SEK")
    assert "9.00" in shown(stage) and "SEK" in shown(stage)


def test_filters_hide_costs_and_say_so(stage: Stage) -> None:
    spend(stage, "20")
    page = shown(stage, "device=desktop&show=roas")
    assert "Costs are shown without filters only" in page and "Return (ROAS)" not in page


def test_goals_can_be_chosen(stage: Stage) -> None:
    stage.stores.reports.goals.put("default", "Carts", "event:Product Added")
    page = shown(stage, "goal=event:Product+Added&show=revenue")
    assert '<option value="event:Product Added" selected>' in page
    assert rows(page)["E-mail"][:3] == ["1", "1", "1"]
    assert "Cost per order" not in page and "€" not in page
    other = shown(stage, "goal=page:/p/*")
    assert '<option value="page:/p/*" selected>' in other


def test_by_campaign_and_source(stage: Stage) -> None:
    assert "No campaign" in rows(shown(stage, "by=campaign"))
    assert {"No source", "google"} <= rows(shown(stage, "by=origin")).keys()


@pytest.mark.parametrize(
    "query", ["lookback=soon", "half_life=0d", "by=age", "goal=x", "show=best", "model=no"]
)
def test_what_cannot_be_read_is_said_and_the_usual_shown(stage: Stage, query: str) -> None:
    page = shown(stage, query)
    assert 'role="alert"' in page and "Organic search" in rows(page)


def test_orders_without_a_visit_have_a_row(stage: Stage, clock: Clock) -> None:
    order = visit("v:s", at(clock(), 1), FULL, channel="")[-1]
    stage.warehouse.append([order._replace(session="")], [], {})
    assert rows(shown(stage))["No known visit"] == ["", *["1"] * 8]


def test_an_empty_period_says_what_to_do(stage: Stage) -> None:
    page = stage.desk().get("/desk/attribution?from=2020-01-01&to=2020-01-07").text
    assert "No visits or conversions in this period" in page and "What the models say" in page


def test_it_speaks_korean(stage: Stage) -> None:
    client = stage.desk()
    page = client.get(f"/desk/attribution?{WEEK}", headers={"Accept-Language": "ko"}).text
    english = client.get(f"/desk/attribution?{WEEK}&lookback=soon").text
    assert "A time is a number" in english or "with m, h or d" in english
    assert page
