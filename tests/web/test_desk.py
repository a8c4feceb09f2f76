"""The desk: its door, its pages on known data, and what strangers write into them."""

import re
from datetime import datetime
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from offers.feedback.token import Token
from profiles.model import Affinity, CartLine, Counts, Exposure, ItemTouch, Profile, Session, Touch
from profiles.store.port import Write
from tests.support.consents import answers
from tests.support.desk_rows import HOSTILE, answer_row, at, fill, visit
from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tracker.sites import Site
from warehouse.tables.schema import AliasRow
from web.access.sign_in_limit import TRIES

PAGES = [
    "/desk",
    "/desk/funnel",
    "/desk/paths",
    "/desk/retention",
    "/desk/attribution",
    "/desk/visitors",
    "/desk/campaigns",
    "/desk/setup",
    "/desk/data-quality",
]


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


@pytest.fixture
def busy(stage: Stage, clock: Clock) -> Stage:
    fill(stage.warehouse, clock())
    return stage


def enter(client: FlaskClient, password: str = PASSWORD, user: str = "admin", **more: str) -> int:
    form = {"user": user, "password": password, "csrf": csrf_of(client.get("/desk/login").text), **more}
    return client.post("/desk/login", data=form).status_code


@pytest.mark.parametrize("path", [*PAGES, "/desk/funnel?step=event:A%26B", "/desk/nothing"])
def test_nothing_is_shown_before_the_login(stage: Stage, path: str) -> None:
    answer = stage.client.get(path)
    if path == "/desk/nothing":
        assert answer.status_code == 404
    else:
        assert answer.status_code == 302 and answer.headers["Location"].startswith("/desk/login")


def test_the_login_leads_to_where_one_wanted_to_go(stage: Stage) -> None:
    client = stage.client
    location = client.get("/desk/funnel?step=event:A%26B").headers["Location"]
    page = client.get(location).text
    target = re.findall(r'name="next" value="([^"]+)"', page)[0]
    form = {
        "user": "admin",
        "password": PASSWORD,
        "csrf": csrf_of(client.get("/desk/login").text),
        "next": target,
    }
    assert client.post("/desk/login", data=form).headers["Location"] == "/desk/funnel?step=event:A%26B"
    assert client.get("/desk/login").status_code == 302


def test_a_wrong_password_or_user_is_refused(stage: Stage) -> None:
    assert enter(stage.client, "wrong") == 401
    assert enter(stage.client, user="root") == 401
    assert enter(stage.client, user="\u00e9" * 200) == 401
    assert enter(stage.client) == 302


def test_guesses_are_limited(stage: Stage, clock: Clock) -> None:
    client = stage.client
    assert [enter(client, "wrong") for _ in range(TRIES)] == [401] * TRIES
    assert enter(client) == 429
    clock.advance(600)
    assert enter(client) == 302


@pytest.mark.parametrize(("first", "told"), [("2026-10-30", True), ("2026-11-05", False)])
def test_a_period_is_compared_with_one_that_was_recorded_whole(stage: Stage, first: str, told: bool) -> None:
    """The week before is told of where events were stored from its first day on."""
    days = [first, "2026-11-06", "2026-11-09", "2026-11-10"]
    moments = [int(datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp() * 1000) for day in days]
    stage.warehouse.append(
        [row(at, visitor=f"v{at}", profile=f"v:v{at}", session=f"s{at}") for at in moments], [], {}
    )
    page = stage.desk().get("/desk?from=2026-11-08&to=2026-11-14").text
    assert ('class="delta' in page) is told


def test_no_login_and_no_change_without_the_token(stage: Stage) -> None:
    client = stage.client
    for csrf in ({}, {"csrf": ""}, {"csrf": "made up"}):
        form = {"user": "admin", "password": PASSWORD, **csrf}
        assert client.post("/desk/login", data=form).status_code == 403
    desk = stage.desk()
    for path in ("/desk/logout", "/desk/site"):
        assert desk.post(path, data={"csrf": "made up", "site": "default"}).status_code == 403
    assert desk.get("/desk/setup").status_code == 200


def test_signing_out_ends_the_session(stage: Stage) -> None:
    desk = stage.desk()
    csrf = csrf_of(desk.get("/desk/setup").text)
    cookie = desk.get_cookie("dangol_desk", path="/desk")
    assert cookie
    elsewhere = stage.desk()  # the same user on another device
    assert desk.post("/desk/logout", data={"csrf": csrf}).status_code == 302
    assert desk.get("/desk/setup").status_code == 302
    desk.set_cookie("dangol_desk", cookie.value, path="/desk")  # somebody kept a copy
    assert desk.get("/desk/setup").status_code == 302
    assert elsewhere.get("/desk/setup").status_code == 302
    assert stage.desk().get("/desk/setup").status_code == 200


def test_the_session_cookie_is_guarded(stage: Stage) -> None:
    plain = stage.client.get("/desk/login").headers["Set-Cookie"]
    assert "HttpOnly" in plain and "SameSite=Lax" in plain and "Path=/desk" in plain and "Secure" not in plain
    secure = stage.app.test_client().get("/desk/login", base_url="https://d.example")
    assert "Secure" in secure.headers["Set-Cookie"] and "Strict-Transport-Security" in secure.headers


def test_a_new_password_ends_old_sessions(stage: Stage) -> None:
    desk = stage.desk()
    assert desk.get("/desk/setup").status_code == 200
    stage.users.set_password("admin", PASSWORD)
    assert desk.get("/desk/setup").status_code == 302


def test_a_site_that_is_not_there_cannot_be_chosen(stage: Stage) -> None:
    stage.stores.sites.save(Site(id="second", name="<i>2</i>", write_key="wk_2", secret_key="sk_2"))
    desk = stage.desk()
    csrf = csrf_of(desk.get("/desk/setup").text)
    assert desk.post("/desk/site", data={"csrf": csrf, "site": "third"}).status_code == 404
    assert desk.post("/desk/site", data={"csrf": csrf, "site": "second"}).status_code == 302
    page = desk.get("/desk/setup").text
    assert "wk_2" in page and "wk_test" not in page and "<i>2</i>" not in page


@pytest.mark.parametrize("path", PAGES)
def test_pages_run_nothing_but_our_own_script(busy: Stage, path: str) -> None:
    answer = busy.desk().get(path)
    assert answer.status_code == 200
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    page = answer.text
    assert re.findall(r"<script[^>]*>", page) == re.findall(r'<script src="/desk/static/[^"]+" defer>', page)
    assert not re.findall(r"\son[a-z]+=|\sstyle=|javascript:", re.sub(r"<pre.*?</pre>", "", page, flags=re.S))


@pytest.mark.parametrize("path", PAGES)
def test_pages_have_an_empty_state(stage: Stage, path: str) -> None:
    assert stage.desk().get(path).status_code == 200


def test_static_files_are_cached_for_good_and_zipped(stage: Stage) -> None:
    href = re.findall(r'href="(/desk/static/desk.css[^"]+)"', stage.client.get("/desk/login").text)[0]
    plain = stage.client.get(href)
    zipped = stage.client.get(href, headers={"Accept-Encoding": "gzip"})
    assert "immutable" in plain.headers["Cache-Control"] and zipped.headers["Content-Encoding"] == "gzip"
    assert len(zipped.data) < len(plain.data) / 2
    again = stage.client.get(href, headers={"If-None-Match": plain.headers["ETag"]})
    assert again.status_code == 304
    for name in ("../app.py", "..%2fapp.py", "nothing.js", "templates"):
        assert stage.client.get(f"/desk/static/{name}").status_code == 404


def test_the_overview_counts_the_week(busy: Stage) -> None:
    page = busy.desk().get("/desk").text
    figures = dict(re.findall(r'class="name">([^<]+)</span><span class="value">([^<]+)</span>', page))
    assert figures == {
        "Visitors": "4",
        "Visits": "4",
        "Page views": "5",
        "Orders": "1",
        "Revenue": "€50.00",
    }
    assert "not enough yet: 1 of 4 visits" in page and "95% interval: " in page
    assert "Organic search" in page and "Demo data" not in page


def test_the_overview_says_what_to_do_when_nobody_came(stage: Stage) -> None:
    page = stage.desk().get("/desk").text
    assert "No visitors yet" in page and 'href="/desk/setup"' in page


@pytest.mark.parametrize(
    "query", ["from=x&to=y", "metric=password", f"metric={HOSTILE}", "from=2026-11-01&to=2026-11-05"]
)
def test_the_overview_takes_any_query(busy: Stage, query: str) -> None:
    answer = busy.desk().get(f"/desk?{query}")
    assert answer.status_code == 200 and HOSTILE not in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_what_strangers_write_is_shown_as_text(busy: Stage, path: str) -> None:
    page = busy.desk().get(path).text
    assert HOSTILE not in page and "<script>alert" not in page


def test_unknown_pages_and_faults_are_pages(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = stage.desk().get("/desk/nothing")
    assert missing.status_code == 404 and "text/html" in missing.headers["Content-Type"]

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("web.desk.reports.overview.view_of", broken)
    fault = stage.desk().get("/desk")
    assert fault.status_code == 500 and "Something went wrong" in fault.text


def test_the_root_leads_to_the_desk(stage: Stage) -> None:
    assert stage.client.get("/").headers["Location"] == "/desk"


STEPS = "step=page:*&step=event:Product+Viewed&step=event:Product+Added&step=event:Order+Completed"


def counts(page: str) -> list[str]:
    return re.findall(r'<div class="count">\s*([^\s<]+)\s', page)


def test_the_funnel_counts_the_week(busy: Stage) -> None:
    page = busy.desk().get(f"/desk/funnel?{STEPS}&window=1d").text
    assert counts(page) == ["4", "3", "2", "1"]
    assert "not enough yet: 1 of 4 visitors" in page and "Any page" in page
    assert "dropped off after" in page


def test_the_funnel_suggests_what_occurs(busy: Stage) -> None:
    page = busy.desk().get("/desk/funnel").text
    assert re.findall(r'name="what" value="([^"]*)"', page) == [
        "*",
        "Product Viewed",
        "Product Added",
        "Order Completed",
    ]
    assert counts(page) == ["4", "3", "2", "1"]
    assert '<option value="Product Viewed">3 times</option>' in page and '<option value="/">' in page


def test_buttons_lead_to_an_address_that_can_be_shared(busy: Stage) -> None:
    desk = busy.desk()
    fields = "kind=page&what=%2F&kind=event&what=Product+Viewed&window=1h&from=2026-11-01&to=2026-11-18"
    kept = "window=1h&from=2026-11-01&to=2026-11-18"
    for button, steps in (
        ("show", "step=page%3A%2F&step=event%3AProduct+Viewed"),
        ("down:0", "step=event%3AProduct+Viewed&step=page%3A%2F"),
        ("remove:0", "step=event%3AProduct+Viewed"),
        ("add", "step=page%3A%2F&step=event%3AProduct+Viewed&step=event%3A"),
    ):
        answer = desk.get(f"/desk/funnel?{fields}&do={button}")
        assert answer.status_code == 302 and answer.headers["Location"] == f"/desk/funnel?{steps}&{kept}"
        assert desk.get(answer.headers["Location"]).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "step=x",
        "step=event:",
        "step=event:A&step=event:B&window=1y",
        f"step=page:{HOSTILE}&step=event:{HOSTILE}",
        "step=page:%25_%5C&step=page:*",
        "step=event:A&step=event:B&window=%3Cscript%3E",
        "do=up:1",
        "step=event:A&step=event:B&from=2026-11-18&to=2026-11-18",
    ],
)
def test_the_funnel_takes_any_query(busy: Stage, query: str) -> None:
    answer = busy.desk().get(f"/desk/funnel?{query}", follow_redirects=True)
    assert answer.status_code == 200
    assert HOSTILE not in answer.text and "<script>" not in answer.text


def test_an_empty_funnel_says_what_to_do(stage: Stage) -> None:
    page = stage.desk().get("/desk/funnel").text
    assert "No data in this period" in page and 'href="/desk/setup"' in page


def known(stage: Stage, clock: Clock) -> None:
    """The visitors of the week as profiles too; one is a customer with a hostile name."""
    now = at(clock(), 2, 9)
    kim = Profile(
        id="u:c7",
        visitors=["a"],
        user="c7",
        traits={"name": f"Kim {HOSTILE}", "email": "kim@example.com"},
        first_seen=at(clock(), 2),
        last_seen=now,
        last_touch=Touch(now, "organic search", "google", "organic", "", HOSTILE, "/"),
        counts=Counts(visits=1, views=1, orders=1, revenue=50.0),
        sessions=[Session("v:a-1", at(clock(), 2), now, Touch())],
        items=[ItemTouch("p1", "purchase", now, "shoes")],
        cart={"p1": CartLine(2, 25.0)},
        affinities={"shoes": Affinity(3.0, now), HOSTILE: Affinity(1.0, now)},
        exposure={"hero": Exposure(2, 1, now)},
        consents=answers({"marketing": False}),
        demo=True,
    )
    guest = Profile(id="v:b", visitors=["b"], last_seen=now - 1, last_touch=Touch(now, "e-mail"))
    stage.profiles.save("default", [Write("u:c7", b"", kim), Write("v:b", b"", guest)])
    alias = AliasRow("default", "profile", "v:a", "u:c7", now)
    stage.warehouse.append([], [alias], {})


def test_the_latest_visitors_are_listed(busy: Stage, clock: Clock) -> None:
    known(busy, clock)
    page = busy.desk().get("/desk/visitors").text
    links = re.findall(r'href="(/desk/visitors/[^"]+)"', page)
    assert links == ["/desk/visitors/u%3Ac7", "/desk/visitors/v%3Ab"]
    assert "Demo data" in page and "€50.00" in page and HOSTILE not in page


def test_how_a_customer_came_is_unknown_without_a_visit(busy: Stage, clock: Clock) -> None:
    now = at(clock(), 2, 9)
    told = Profile(id="u:c8", user="c8", last_seen=now, counts=Counts(orders=1, revenue=5.0))
    direct = Profile(id="v:d", visitors=["d"], last_seen=now, first_touch=Touch(now), counts=Counts(visits=1))
    busy.profiles.save("default", [Write("u:c8", b"", told), Write("v:d", b"", direct)])
    pages = [busy.desk().get(f"/desk/visitors/{name}").text for name in ("u%3Ac8", "v%3Ad")]
    assert ["First touchpoint" in page for page in pages] == [False, True]


def test_a_visitor_is_found_by_any_id(busy: Stage, clock: Clock) -> None:
    known(busy, clock)
    desk = busy.desk()
    for query in ("c7", "u:c7", " c7 "):
        answer = desk.get("/desk/visitors", query_string={"q": query})
        assert answer.headers["Location"] == "/desk/visitors/u%3Ac7"
    missing = desk.get("/desk/visitors", query_string={"q": f"zz{HOSTILE}"})
    assert missing.status_code == 200 and "No results for" in missing.text and HOSTILE not in missing.text


def test_one_visitor_is_shown_whole(busy: Stage, clock: Clock) -> None:
    known(busy, clock)
    page = busy.desk().get("/desk/visitors/u%3Ac7").text
    for text in (
        "kim@example.com",
        "shoes",
        "75%",
        "Order Completed",
        "€50.00",
        "denied",
        "Demo data",
        "hero",
    ):
        assert text in page, text
    assert page.index("Order Completed") < page.index("Product Added") < page.index("Product Viewed")
    assert HOSTILE not in page and "<script>alert" not in page


def test_a_browser_that_claims_to_be_a_customer_is_shown_as_them(busy: Stage, clock: Clock) -> None:
    known(busy, clock)
    store = busy.profiles

    def claimed(profile: Profile) -> Profile:
        profile.claims, profile.claimants = ["email"], ["guest-9"]
        return profile

    store.update("default", "u:c7", claimed)
    store.save("default", [Write("v:guest-9", b"", Profile("v:guest-9", visitors=["guest-9"], fed=["c7"]))])
    desk = busy.desk()
    answer = desk.get("/desk/visitors", query_string={"q": "guest-9"})
    assert answer.headers["Location"] == "/desk/visitors/u%3Ac7"
    for who in ("u%3Ac7", "guest-9"):
        page = desk.get(f"/desk/visitors/{who}").text
        assert "kim@example.com (unverified)" in page and "guest-9" in page and "€50.00" in page


def test_a_visitor_who_is_not_known_is_404(busy: Stage) -> None:
    desk = busy.desk()
    for who in ("nobody", "u:nobody", HOSTILE, "x" * 3000, "a/b"):
        answer = desk.get(f"/desk/visitors/{quote(who, safe='')}")
        assert answer.status_code == 404 and HOSTILE not in answer.text


def test_an_empty_list_of_visitors_says_what_to_do(stage: Stage) -> None:
    assert "No visitors yet" in stage.desk().get("/desk/visitors").text


def test_campaigns_are_listed_with_their_answers(stage: Stage, clock: Clock) -> None:
    creatives = [{"id": name, "kind": "html", "content": "<p>Hi</p>"} for name in "ab"]
    hero = {"name": f"Hero {HOSTILE}", "slots": ["hero"], "status": "live", "creatives": creatives}
    for name, more in (
        ("hero", {"audience": "orders = 0"}),
        ("aside", {"name": "Aside", "status": "paused"}),
    ):
        assert stage.call("PUT", f"/v1/campaigns/{name}", json={**hero, **more}).status_code == 200
    now = int(clock() * 1000)
    rows = [answer_row("forged", "Offer Clicked", now)]
    for number in range(4):
        token = Token("default", "hero", "a", "hero", 0.5, now, "", f"n{number}")
        signed = stage.stores.campaigns.signer.sign(token)
        rows.append(answer_row(signed, "Offer Viewed", now + number))
        if number == 0:
            rows += [answer_row(signed, "Offer Clicked", now + at) for at in (10, 11)]  # counts once
        if number < 2:
            rows.append(answer_row(signed, "Offer Dismissed", now + 20))
    stage.warehouse.append(rows, [], {})
    page = stage.desk().get("/desk/campaigns").text
    assert HOSTILE not in page and "orders = 0" in page and "everyone" in page
    assert page.index("Hero ") < page.index("Aside")
    assert re.findall(r'<td [^>]*class="number">([^<]+)<', page) == ["4", "1", "2", "0", "0", "0", "–"]
    assert "not enough yet: 1 of 1 person" in page
    report = stage.call("GET", "/v1/reports/campaigns").json["campaigns"]
    assert [(row["campaign"], row["impressions"], row["clicks"]) for row in report] == [("hero", 4, 1)]
    assert report[0]["variants"][0]["ctr"] == 0.25
    assert report[0]["click_rate"] == 1.0, "one person, who clicked once"
    assert (report[0]["click_rate_interval"]["whole"], report[0]["click_rate_interval"]["enough"]) == (
        1,
        False,
    )


def test_paths_are_drawn_and_told(busy: Stage) -> None:
    page = busy.desk().get("/desk/paths?anchor=page%3A/").text
    assert "3 visits" in page and "Product Viewed → Product Added" in page
    towards = busy.desk().get("/desk/paths?anchor=Order+Completed&direction=to&depth=2").text
    assert "/checkout → Order Completed" in towards


@pytest.mark.parametrize(
    "query", ["anchor=nonsense:x", f"anchor={HOSTILE}", "depth=99", "direction=up", "anchor=event:"]
)
def test_paths_take_any_query(busy: Stage, query: str) -> None:
    answer = busy.desk().get(f"/desk/paths?{query}")
    assert answer.status_code == 200 and HOSTILE not in answer.text


def test_retention_is_a_table_of_cohorts(busy: Stage) -> None:
    page = busy.desk().get("/desk/retention?unit=day&from=2026-11-10&to=2026-11-18").text
    assert "Returning visitors by cohort" in page and re.findall(r'scope="row">([^<]+)<', page) == [
        "15 Nov 2026",
        "16 Nov 2026",
        "All",
    ]
    bought = busy.desk().get("/desk/retention?deed=purchase&by=channel").text
    assert "Repeat purchases by cohort" in bought and "Organic search" in bought


@pytest.mark.parametrize("query", ["unit=year", "deed=steal", "by=whom", "unit=%3Cscript%3E"])
def test_retention_takes_any_query(busy: Stage, query: str) -> None:
    answer = busy.desk().get(f"/desk/retention?{query}")
    assert answer.status_code == 200 and 'role="alert"' in answer.text


@pytest.mark.parametrize("path", ["/desk", "/desk/funnel", "/desk/paths", "/desk/retention"])
def test_each_table_can_be_taken_along(busy: Stage, path: str) -> None:
    desk = busy.desk()
    links = re.findall(r'href="(/desk/reports/[^"]+)"', desk.get(path).text)
    assert links
    for link in links:
        answer = desk.get(unescape(link))
        kind = "text/csv" if "format=csv" in link else "application/json"
        assert answer.status_code == 200 and answer.headers["Content-Type"].startswith(kind), link
        assert busy.client.get(unescape(link)).status_code == 302


def test_the_live_view_is_fetched_in_part(stage: Stage, clock: Clock) -> None:
    now = int(clock() * 1000) - 60_000
    rows = visit("v:now12345678", now, (("page", "/"), ("Product Viewed", "/p")), title=HOSTILE)
    stage.warehouse.append(rows, [], {})
    desk = stage.desk()
    whole, part = desk.get("/desk/live").text, desk.get("/desk/live?part=1").text
    for page in (whole, part):
        assert "<b>1</b><span>visitor now" in page and "Product Viewed" in page and HOSTILE not in page
    assert "<html" in whole and "<html" not in part
