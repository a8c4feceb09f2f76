"""Products, goals, customers: the pages beyond funnel and overview, on data that is known."""

import time
from pathlib import Path

import pytest

from profiles.model import Profile, Session, Touch
from profiles.store.port import Write
from tests.support.desk_rows import HOSTILE, at, fill, visit
from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tracker.sites import Site
from warehouse.feeds.dossier import dossier
from warehouse.tables.schema import AliasRow
from web.reports.cache import ReportCache, StillCounting


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    fill(stage.warehouse, clock())
    return stage


def people(stage: Stage, *profiles: Profile) -> None:
    stage.profiles.save("default", [Write(each.id, b"", each) for each in profiles])


def test_products_are_told_by_name_and_hostile_ones_as_text(stage: Stage, clock: Clock) -> None:
    stage.call("PUT", "/v1/items/p1", json={"name": "Trail Runner", "category": "shoes"})
    now = at(clock(), 1)
    rows = [
        row(
            now,
            id="a",
            type="track",
            name="Product Viewed",
            profile="v:a",
            session="s",
            product="p1",
            category="shoes",
        ),
        row(
            now,
            id="b",
            type="track",
            name="Product Added",
            profile="v:a",
            session="s",
            product=HOSTILE,
            price=5.0,
        ),
        row(
            now,
            id="c",
            type="track",
            name="Products Searched",
            props='{"query": "<script>alert(1)", "results": 0}',
        ),
    ]
    stage.warehouse.append(rows, [], {})
    page = stage.desk().get("/desk/products").text
    assert "Trail Runner" in page and "€5.00" in page and "shoes" in page
    assert HOSTILE not in page and "<script>alert" not in page
    found = stage.call("GET", "/v1/reports/products").json
    assert found["abandoned"] == 1 and found["searches"][0]["without"] == 1


def test_goals_are_chosen_counted_and_dropped(stage: Stage) -> None:
    desk = stage.desk()
    page = desk.get("/desk/goals").text
    assert (
        "Product Added" in page and "not enough yet: 2 of 4 visits" in page
    )  # the usual ones: two of four visits
    form = {"csrf": csrf_of(page), "what": "/checkout", "name": HOSTILE}
    assert desk.post("/desk/goals", data=form).status_code == 302
    page = desk.get("/desk/goals?part=1").text
    assert (
        "not enough yet: 1 of 4 visits" in page
        and 'title="event:Product Added"' not in page
        and HOSTILE not in page
        and "<html" not in page
    )
    saved = stage.stores.reports.goals.all("default")
    assert [each.query for each in saved] == ["page:/checkout"]
    assert desk.post("/desk/goals", data={**form, "what": "/x where y"}).status_code == 400
    desk.post("/desk/goals/delete", data={**form, "id": saved[0].id})
    assert stage.stores.reports.goals.all("default") == []
    rows = stage.call("GET", "/v1/reports/goals?goal=page:/checkout&goal=event:Order+Completed").json["rows"]
    assert [(each["times"], each["visits"], each["visitors"], each["share"]) for each in rows] == [
        (1, 1, 1, 0.25)
    ] * 2


def test_customers_are_found_by_name_and_e_mail(stage: Stage) -> None:
    people(
        stage,
        Profile(id="u:c1", user="c1", traits={"name": "Kim Minji", "email": "minji@example.com"}),
        Profile(id="u:c2", user="c2", traits={"name": "김민지", "email": "KIM@example.com"}),
        Profile(id="v:x", visitors=["x"]),
    )
    desk = stage.desk()

    def found(query: str) -> str:
        answer = desk.get("/desk/visitors", query_string={"q": query})
        return answer.headers["Location"] if answer.status_code == 302 else answer.text

    assert found("minji@EXAMPLE.com") == "/desk/visitors/u%3Ac1" and found("김민") == "/desk/visitors/u%3Ac2"
    both = found("kim")
    assert "/desk/visitors/u%3Ac1" in both and "/desk/visitors/u%3Ac2" in both and "Results for “kim”" in both
    assert "No results for" in found("nobody") and HOSTILE not in found(HOSTILE)


def test_the_page_of_a_person_has_visits_orders_and_ids(stage: Stage, clock: Clock) -> None:
    start = at(clock(), 2)
    touch = Touch(start, "organic search", "google", "organic", "", HOSTILE, "/")
    person = Profile(
        id="u:c7",
        visitors=["a", "b"],
        user="c7",
        first_seen=start,
        sessions=[Session("s", start, start, touch)],
    )
    people(stage, person)
    aliases = [AliasRow("default", "profile", old, "u:c7", start) for old in ("v:a", "v:b")]
    stage.warehouse.append(visit("v:a", start - 1000, (("page", "/"),), visitor="a"), aliases, {})
    stage.call("PUT", "/v1/segments/full-carts", json={"name": "Full carts", "audience": "orders = 0"})
    desk = stage.desk()
    page = desk.get("/desk/visitors/u%3Ac7").text
    assert "Organic search · google" in page and HOSTILE not in page
    assert "Full carts" in page and "Full carts, " not in page
    part = desk.get("/desk/dossier/u%3Ac7?part=1").text
    assert "€50.00" in part and "o-v:a-" in part and "<html" not in part
    assert desk.get("/desk/dossier/nobody").status_code == 404
    found = dossier(stage.warehouse, "default", "u:c7", 0, "EUR")
    assert [(each.revenue, each.pieces) for each in found.orders] == [(50.0, None)]
    assert sum(each.events for each in found.ids) == 9


def test_a_long_count_says_so_and_can_be_stopped(
    tmp_path: Path, redis_url: str, site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = stage_of(tmp_path, redis_url, site, clock, patience_seconds=0.05)
    endless = (
        "select count(*) as visitors from range(100000000000) a, range(1000) b where a.range + b.range = 7"
    )
    monkeypatch.setattr("web.reports.catalogue.overview", lambda events, *_: events.rows(endless, scope()))
    stage.users.put("vera", PASSWORD, "viewer")
    desk = stage.desk("vera")
    waiting = desk.get("/desk?metric=orders")
    assert waiting.status_code == 200 and waiting.headers["Refresh"] == "1" and "Calculating" in waiting.text
    job = waiting.text.partition('name="job" value="')[2].partition('"')[0]
    form = {"csrf": csrf_of(waiting.text), "job": job, "again": "/desk?metric=orders"}
    assert desk.post("/desk/cancel", data={**form, "csrf": ""}).status_code == 403
    stopped = desk.post("/desk/cancel", data=form, follow_redirects=True)
    assert "The calculation was cancelled" in stopped.text and 'href="/desk?metric=orders"' in stopped.text
    assert stage.audit.latest(5)[0].what == "signed in"  # stopping changes nothing


def scope():
    from warehouse.question.scope import Scope

    return Scope("default")


def test_who_asks_the_same_waits_for_the_same(clock: Clock) -> None:
    cache, made = ReportCache(clock), []

    def make() -> int:
        made.append(1)
        clock.advance(30)
        return len(made)

    assert [cache.answer("q", make, 60)[0] for _ in range(3)] == [1, 1, 1]
    clock.advance(61)
    before = cache.answer("q", make, 60, stale=120)[0]
    assert (
        before in (1, 2) and cache.answer("q", make, 60)[0] == 2
    )  # the old one at once, or the new one already
    assert cache.answer("other", make, 60)[0] == 3


def test_what_is_quick_is_never_old_and_what_is_slow_is_kept_for_longer(clock: Clock) -> None:
    cache, made = ReportCache(clock), []

    def make(seconds: float) -> int:
        made.append(1)
        clock.advance(seconds)
        return len(made)

    assert [cache.answer("quick", lambda: make(0), 60)[0] for _ in range(3)] == [1, 2, 3]
    assert [cache.answer("slow", lambda: make(2), 60)[0] for _ in range(2)] == [4, 4]
    clock.advance(5)
    assert cache.answer("slow", lambda: make(2), 60)[0] == 4
    clock.advance(2)
    assert cache.answer("slow", lambda: make(2), 60)[0] == 5


def test_a_failed_count_is_tried_again(clock: Clock) -> None:
    cache, tries = ReportCache(clock), []

    def make() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise ValueError("once")
        return "done"

    with pytest.raises(ValueError, match="once"):
        cache.answer("q", make, 60)
    assert cache.answer("q", make, 60)[0] == "done"
    with pytest.raises(StillCounting):
        import threading

        gate = threading.Event()
        try:
            cache.answer("slow", gate.wait, 60, 0.01)
        finally:
            gate.set()


def test_an_old_answer_is_given_only_so_long(clock: Clock) -> None:
    cache, made = ReportCache(clock), []

    def make() -> int:
        made.append(1)
        time.sleep(0.1)  # long enough to answer with the one before
        clock.advance(30)
        return len(made)

    assert cache.answer("q", make, 60, stale=120)[0] == 1
    clock.advance(61)
    assert cache.answer("q", make, 60, stale=120)[0] == 1
    assert cache.answer("q", make, 60)[0] == 2
    clock.advance(200)
    assert cache.answer("q", make, 60, stale=120)[0] == 3
