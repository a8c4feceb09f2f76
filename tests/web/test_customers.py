"""Customers with their scores: the report and the lists, from snapshots in a real warehouse and live profiles."""

import csv
import html
import io
import math
import re
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.groups.groups import Difference, Group, Groups
from customers.scoring.card import RiskCard, ScoreCard
from customers.scoring.card_store import CardStore
from profiles.model import Profile
from profiles.store.port import ABSENT, Write
from tests.support.consents import answers
from tests.support.machine import Clock
from tests.support.score_rows import noon, snapshot
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tracker.sites import Site
from web.desk.customers.card import card_view
from web.reports.customers.distribution import MOST_PARTS, amount_bins, risk_bins

pytestmark = pytest.mark.redis
OLD, NEW = date(2026, 9, 1), date(2026, 9, 20)
SPAN = "from=2026-08-25&to=2026-09-21"


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site) -> Stage:
    clock = Clock(noon(NEW) / 1000 + 3600)
    made = stage_of(tmp_path, redis_url, site, clock)
    before = [
        snapshot(OLD, "u:a", m=5, contribution=100.0, cell="loyal", stage="regular"),
        snapshot(OLD, "u:b", m=5, contribution=90.0, cell="loyal", stage="regular"),
        snapshot(OLD, "u:c", m=1, contribution=5.0, cell="new", stage="customer"),
    ]
    one = {"quadrant": "one-to-one", "group": "1", "clv": 80.0, "risk90": 0.1}
    two = {"quadrant": "preferred customer", "group": "2", "clv": 20.0, "risk90": 0.9}
    three = {"quadrant": "not worth personalizing", "group": "2", "clv": 2.0, "risk90": 0.6}
    now = [
        snapshot(NEW, "u:a", r=5, f=5, m=5, contribution=150.0, cell="champions", stage="advocate", **one),
        snapshot(NEW, "u:b", r=1, f=5, m=5, contribution=90.0, cell="can't lose", stage="at-risk", **two),
        snapshot(
            NEW, "u:c", r=3, f=2, m=1, contribution=5.0, cell="about to sleep", stage="customer", **three
        ),
        snapshot(NEW, "u:d", r=5, f=2, m=4, contribution=-45.0, cell="new", stage="customer"),
    ]
    for rows in (before, now):
        table = pa.concat_tables(rows)
        assert made.warehouse.record_scores("default", table["day"][0].as_py(), table)
    people = [
        Profile("u:a", user="a", traits={"email": "a@example.org"}, consents=answers({"marketing": True}, 1)),
        Profile("u:b", user="b", consents=answers({"marketing": False}, 1)),
        Profile("u:c", user="=c", consents=answers({"analytics": True}, 1)),
    ]
    made.profiles.save("default", [Write(each.id, ABSENT, each) for each in people])
    return made


def test_the_report_says_how_customers_stand_and_moved(stage: Stage) -> None:
    told = stage.call("GET", f"/v1/reports/customers?{SPAN}").json
    assert (told["day"], told["before"], told["customers"]) == (str(NEW), str(OLD), 4)
    cells = {each["name"]: each for each in told["cells"]}
    assert cells["champions"] == {
        "name": "champions", "customers": 1, "contribution": 150.0, "clv": 80.0, "risk": 0.1,
    }  # fmt: skip
    assert cells["new"]["clv"] is None
    assert {each["name"]: each["customers"] for each in told["groups"]} == {"1": 1, "2": 2, "": 1}
    assert sum(each["customers"] for each in told["quadrants"]) == 4
    assert {(each["recency"], each["cell"]): each["customers"] for each in told["grid"]} == {
        (5, "champions"): 1, (1, "can't lose"): 1, (3, "about to sleep"): 1, (5, "new"): 1,
    }  # fmt: skip
    stages = {
        (each["source"], each["target"]): each["customers"]
        for each in told["moves"]
        if each["kind"] == "stage"
    }
    assert stages == {
        ("regular", "advocate"): 1, ("regular", "at-risk"): 1, ("customer", "customer"): 1, ("", "customer"): 1,
    }  # fmt: skip
    assert told["kept"] == [
        {"fifth": 5, "customers": 2, "ordered": 1, "contribution": 50.0},
        {"fifth": 1, "customers": 1, "ordered": 0, "contribution": 0.0},
    ]
    profit = told["profit"]
    assert (profit["total"], profit["peak"], profit["losing"], profit["lost"]) == (200.0, 245.0, 1, 45.0)
    assert profit["best_fifth"] == pytest.approx(0.8 * 150 / 200)
    assert told["curve"][-1] == {"share": 1.0, "contribution": 200.0}


def test_a_period_with_one_day_has_no_moves_and_one_without_says_nothing(stage: Stage) -> None:
    one = stage.call("GET", "/v1/reports/customers?from=2026-09-10&to=2026-09-21").json
    assert (one["day"], one["before"], one["moves"], one["kept"]) == (str(NEW), str(NEW), [], [])
    none = stage.call("GET", "/v1/reports/customers?from=2026-07-01&to=2026-07-31").json
    assert (none["day"], none["customers"], none["profit"], none["curve"]) == (None, 0, None, [])


@pytest.mark.parametrize(
    "table", ["cells", "grid", "stages", "groups", "quadrants", "moves", "kept", "curve", "spread"]
)
def test_each_table_comes_as_a_file(stage: Stage, table: str) -> None:
    answer = stage.call("GET", f"/v1/reports/customers?{SPAN}&format=csv&table={table}")
    assert answer.status_code == 200
    assert len(answer.text.splitlines()) > 2


def page_of(stage: Stage, address: str) -> str:
    return stage.desk().get(address).text


def ids(stage: Stage, query: str) -> list[str]:
    return [each["id"] for each in stage.call("GET", f"/v1/customers?{query}").json["customers"]]


def test_who_refuses_marketing_is_left_out_unless_asked_for(stage: Stage) -> None:
    told = stage.call("GET", "/v1/customers").json
    assert (told["day"], told["total"], told["left_out"]) == (str(NEW), 4, 1)
    assert [(each["id"], each["marketing"]) for each in told["customers"]] == [
        ("u:a", True), ("u:c", None), ("u:d", None),
    ]  # fmt: skip
    assert told["customers"][0]["email"] == "a@example.org"
    assert told["customers"][0]["clv"] == 80.0
    assert ids(stage, "refusals=include") == ["u:a", "u:b", "u:c", "u:d"], "by value; not known comes last"


def test_lists_are_filtered_sorted_and_paged(stage: Stage) -> None:
    every = "refusals=include"
    assert ids(stage, f"{every}&sort=contribution&order=asc") == ["u:d", "u:c", "u:b", "u:a"]
    assert ids(stage, f"{every}&sort=risk90") == ["u:b", "u:c", "u:a", "u:d"]
    assert ids(stage, f"{every}&cell=can%27t%20lose") == ["u:b"]
    assert ids(stage, f"{every}&group=2&stage=customer") == ["u:c"]
    assert ids(stage, f"{every}&r=5&f=2") == ["u:d"]
    assert ids(stage, f"{every}&cell=%27%20or%201%3D1%20--") == []
    assert [ids(stage, f"{every}&limit=3&offset={at}") for at in (0, 3, 6)] == [
        ["u:a", "u:b", "u:c"],
        ["u:d"],
        [],
    ]
    refused = stage.call("GET", "/v1/customers?sort=profile%3B%20drop%20table%20x")
    assert refused.status_code == 400
    for query in ("limit=1001", "offset=-1", "limit=x", "order=up", "refusals=no"):
        assert stage.call("GET", f"/v1/customers?{query}").status_code == 400, query


def test_the_file_has_a_consent_column_and_no_formulas(stage: Stage) -> None:
    text = stage.call("GET", "/v1/customers?format=csv").text.lstrip("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(each["id"], each["marketing"]) for each in rows] == [("u:a", "True"), ("u:c", ""), ("u:d", "")]
    assert rows[1]["customer"] == "'=c"
    desk = stage.desk().get("/desk/customers/list.csv?format=csv")
    assert desk.text.lstrip("\ufeff") == text


def test_an_erased_customer_is_in_no_list_and_no_figure(stage: Stage) -> None:
    stage.warehouse.erase("default", ["u:a"])
    assert "u:a" not in ids(stage, "refusals=include")
    told = stage.call("GET", f"/v1/reports/customers?{SPAN}").json
    assert (told["customers"], told["profit"]["total"]) == (3, 50.0)


def test_a_write_key_reads_no_customers(stage: Stage) -> None:
    assert stage.call("GET", "/v1/customers", "wk_test").status_code == 403
    assert stage.call("GET", "/v1/customers", None).status_code == 401


def test_before_the_first_run_there_is_nobody(stage: Stage) -> None:
    stage.warehouse.retire(noon(NEW + timedelta(days=2)))
    told = stage.call("GET", "/v1/customers").json
    assert (told["day"], told["total"], told["customers"]) == (None, 0, [])


def test_the_page_shows_the_grid_the_moves_and_the_curve(stage: Stage) -> None:
    page = stage.desk().get(f"/desk/customers?{SPAN}").text
    for words in (
        "Champions",
        "Can&#39;t lose them",
        "Open the suggested campaign",
        "Moves between stages",
        "Retention by value",
    ):
        assert words in page, words
    assert "No groups yet" in page
    assert '<path class="curve curve0" d="M0 ' in page
    none = stage.desk().get("/desk/customers?from=2026-07-01&to=2026-07-31").text
    assert "No scores in this period" in none


def test_groups_are_told_and_their_absence_too(stage: Stage) -> None:
    apart = [Difference("orders", 9.0, 1.0)]
    group = Group(2, "orders >= 5 and affinity('a<b') > 0.3", 0.9, 0.8, 0.5, apart)
    stage.stores.reports.groups.save("default", Groups(20_000, 4, [group]))
    page = stage.desk().get(f"/desk/customers?{SPAN}").text
    assert "orders &gt;= 5 and affinity(&#39;a&lt;b&#39;) &gt; 0.3" in page
    assert "80% of the group fulfil it" in page
    assert "orders: 9, others 1" in page
    assert "/desk/customers/list?group=2" in page
    stage.stores.reports.groups.save("default", Groups(20_000, 4))
    assert "No stable groups" in stage.desk().get(f"/desk/customers?{SPAN}").text


def links(page: str) -> list[str]:
    return [html.unescape(each) for each in re.findall(r'href="([^"]+)"', page)]


def test_from_a_cell_a_campaign_is_two_clicks(stage: Stage) -> None:
    """Grid → list → campaign, for the cell whose name has a quote."""
    desk = stage.desk()
    cell = next(
        each for each in links(desk.get(f"/desk/customers?{SPAN}").text) if "lose" in each and "r=1" in each
    )
    listed = desk.get(f"{cell}&refusals=include").text
    assert ">b</a>" in listed
    assert ">a</a>" not in listed
    campaign = next(each for each in links(listed) if each.startswith("/desk/campaigns/edit"))
    segment = next(each for each in links(listed) if each.startswith("/desk/segments/edit"))
    answer = desk.get(campaign)
    assert "rfm = 'can''t lose' and score('recency') = 1" in html.unescape(answer.text)
    answer = desk.get(segment)
    assert answer.status_code == 200
    assert "can't lose" in html.unescape(answer.text)


def test_each_quadrant_opens_its_campaign(stage: Stage) -> None:
    desk = stage.desk()
    found = [each for each in links(desk.get(f"/desk/customers?{SPAN}").text) if "treatment=" in each]
    assert len(found) == 4
    for address in found:
        answer = desk.get(address)
        assert answer.status_code == 200
        assert "quadrant = " in answer.text


def test_the_list_pages_sorts_and_says_who_is_left_out(stage: Stage) -> None:
    desk = stage.desk()
    page = desk.get("/desk/customers/list").text
    assert "1 customer refuses marketing and is left out." in page
    assert "not asked" in page
    first = desk.get("/desk/customers/list?limit=2&refusals=include").text
    onward = next(each for each in links(first) if "offset=2" in each)
    assert ">u:d<" not in first
    assert desk.get(f"{onward}&limit=2").status_code == 200
    assert desk.get("/desk/customers/list?sort=x").status_code == 400
    assert desk.get("/desk/customers/list?cell=nobody").status_code == 200


def test_a_page_is_full_whoever_refuses_and_no_page_repeats_or_skips_anybody(stage: Stage) -> None:
    """Every second of 30 had refused by the day of the scores, every third of the others has since."""
    day = NEW + timedelta(days=1)
    refused = {f"u:{n:02}" for n in range(0, 30, 2)}
    since = {f"u:{n:02}" for n in range(1, 30, 6)}
    rows = [
        snapshot(day, f"u:{n:02}", clv=float(100 - n), refuses=f"u:{n:02}" in refused, ts=noon(NEW) + 1)
        for n in range(30)
    ]
    assert stage.warehouse.record_scores("default", day, pa.concat_tables(rows))
    no = answers({"marketing": False}, 1)
    for each in refused | since:
        stage.profiles.save("default", [Write(each, ABSENT, Profile(each, user=each[2:], consents=no))])
    found: list[str] = []
    sizes, query = [], "limit=4"
    while query:
        told = stage.call("GET", f"/v1/customers?{query}").json
        assert told["total"] == 15 and told["left_out"] >= 15
        found += [each["id"] for each in told["customers"]]
        sizes.append(len(told["customers"]))
        query = f"limit=4&offset={told['next']}" if told["next"] is not None else ""
    assert found == [name for n in range(30) if (name := f"u:{n:02}") not in refused | since]
    assert sizes == [4, 4, 2]
    assert stage.call("GET", "/v1/customers?refusals=include&limit=40").json["total"] == 30
    beyond = stage.call("GET", "/v1/customers?limit=4&offset=40").json
    assert (beyond["total"], beyond["customers"], beyond["next"]) == (15, [], None)


def test_the_distributions_count_each_customer_once(stage: Stage) -> None:
    spread = stage.call("GET", f"/v1/reports/customers?{SPAN}").json["spread"]
    told = {"risk": [0.1, 0.9, 0.6], "clv": [80.0, 20.0, 2.0]}
    for score, values in told.items():
        bins = [each for each in spread if each["score"] == score]
        for each in bins:
            low = -math.inf if each["low"] is None else each["low"]
            high = math.inf if each["high"] is None else each["high"]
            assert each["customers"] == sum(low <= value < high for value in values)
        assert sum(each["customers"] for each in bins) == len(values)
    page = page_of(stage, f"/desk/customers?{SPAN}")
    assert "<title>90% to 100%: 1</title>" in page and "<title>€0 to " in page


@given(st.lists(st.floats(-1e6, 1e9), max_size=50))
def test_any_amounts_fall_into_bins_with_round_ends(amounts: list[float]) -> None:
    bins = amount_bins(np.array(amounts, float))
    assert sum(each.customers for each in bins) == len(amounts)
    assert len(bins) <= MOST_PARTS + 2
    for one, after in pairwise(bins):
        assert one.high == after.low
    for each in bins:
        low, high = (
            end if end is not None else sign * math.inf for end, sign in ((each.low, -1), (each.high, 1))
        )
        assert each.customers == sum(low <= amount < high for amount in amounts)


@given(st.lists(st.floats(0, 1), max_size=50))
def test_any_risks_fall_into_tenths(risks: list[float]) -> None:
    bins = risk_bins(np.array(risks, float))
    assert [each.customers for each in bins] == [
        sum(low / 10 <= risk < (low + 1) / 10 or (low == 9 and risk == 1) for risk in risks)
        for low in range(10 if risks else 0)
    ]


RISK = RiskCard("Pareto/NBD", 90, 1000, 0.77, 0.76, 0.117, 0.14, 0.018, 412, 398, "snapshot")


def test_the_card_says_in_words_how_right_the_scores_were(stage: Stage, redis_url: str) -> None:
    card = ScoreCard(
        20_000, 1000, 90, RISK, value_absent="history too short", value_needs="84 days are needed"
    )
    CardStore(redis_url).save("default", card)
    page = html.unescape(page_of(stage, "/desk/customers"))
    assert "90 days ago we said that 412 customers would not buy again in that time; 398 did not." in page
    assert "77 of 100 pairs; days since the last order in 76 of 100" in page
    assert "off by 1.8 percentage points" in page
    assert (
        "Not shown: the history of orders is too short to test it." in page and "84 days are needed" in page
    )


def test_a_risk_that_is_no_better_than_recency_is_not_shown(site: Site, stage: Stage) -> None:
    worse = msgspec.structs.replace(RISK, auc=0.714)
    card = ScoreCard(20_000, 1000, 90, worse, "no better than the obvious rule", value_absent="no amounts")
    with stage.app.test_request_context():
        risk, value = card_view(card, "EUR").scores
    assert not risk.shown and "no better than the obvious rule" in risk.verdict
    assert "412 customers" in risk.details[0], "what it said is told all the same"
    assert not value.shown


def test_the_button_asks_for_one_run_and_the_page_tells_of_it(stage: Stage) -> None:
    assert "Score now" in page_of(stage, "/desk/customers")
    desk = stage.desk()
    form = {"csrf": csrf_of(desk.get("/desk/customers").text)}
    assert stage.desk().post("/desk/customers/score", data={}).status_code == 403, "without the token"
    assert desk.post("/desk/customers/score", data=form).status_code == 302
    assert "Scores requested" in page_of(stage, "/desk/customers/scoring")
    assert re.search(r'<button class="primary" disabled>\s*Score now', page_of(stage, "/desk/customers"))
    assert desk.post("/desk/customers/score", data=form).status_code == 409
    assert stage.call("GET", "/v1/scores/run").json["state"] == "waiting"


def test_a_viewer_starts_no_run(stage: Stage) -> None:
    stage.users.put("vera", PASSWORD, "viewer")
    desk = stage.desk("vera")
    page = desk.get("/desk/customers").text
    assert "Score now" not in page and "How right the scores were" in page
    assert (
        desk.post(
            "/desk/customers/score", data={"csrf": csrf_of(desk.get("/desk/password").text)}
        ).status_code
        == 403
    )
    assert stage.call("GET", "/v1/scores/run").status_code == 404
