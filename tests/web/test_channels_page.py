"""The desk's page about channels: hosts and rules are saved, what they change in history is shown and applied."""

from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dangol.jobs.channels import Channels
from dangol.settings import Settings
from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import PASSWORD, Stage, csrf_of, stage_of
from tracker.fields.channel_rules import ChannelRule
from tracker.sites import Site

PAGE = "/desk/channels"
FORM = {
    "rules": "source=partner* => affiliate\n\n host=forum.example => social, source=forum \n",
    "pass_through_hosts": "pay.bank.example",
    "own_hosts": "shop-two.example\nblog.example",
}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def saved(stage: Stage) -> Site:
    stage.stores.sites.refresh()
    site = stage.stores.sites.get("default")
    assert site is not None
    return site


def send(desk: FlaskClient, form: dict[str, str], path: str = PAGE) -> TestResponse:
    token = csrf_of(desk.get(PAGE).text)
    return desk.post(path, data=form | {"csrf": token})


def test_what_is_saved_is_the_site_s_and_stands_in_the_form_again(stage: Stage) -> None:
    desk = stage.desk()
    assert send(desk, FORM).status_code == 302
    site = saved(stage)
    assert site.own_hosts == ("shop-two.example", "blog.example")
    assert site.pass_through_hosts == ("pay.bank.example",)
    assert site.channel_rules == (
        ChannelRule(channel="affiliate", source="partner*"),
        ChannelRule(channel="social", host="forum.example", as_source="forum"),
    )
    page = desk.get(f"{PAGE}?saved=1").text
    assert "source=partner* =&gt; affiliate" in page and "pay.bank.example" in page and "Saved." in page
    assert send(desk, dict.fromkeys(FORM, "")).status_code == 302
    assert saved(stage).channel_rules == saved(stage).own_hosts == ()


@pytest.mark.parametrize(
    ("field", "text", "said"),
    [
        ("rules", "source=x", "is no rule"),
        ("rules", "source=x => nonsense", "is no channel"),
        ("rules", "=> social", ""),
        ("own_hosts", "http://", "is no host"),
        ("pass_through_hosts", "two words", "is no host"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_changed(stage: Stage, field: str, text: str, said: str) -> None:
    desk = stage.desk()
    before = saved(stage)
    answer = send(desk, FORM | {field: text})
    assert answer.status_code == 400 and said in answer.text
    assert "blog.example" in answer.text or field == "own_hosts"  # what was written is not lost
    assert saved(stage) == before


def test_history_is_shown_and_applied(stage: Stage, tmp_path: Path, redis_url: str) -> None:
    desk = stage.desk()
    came = {"url": "https://shop.example/", "referrer": "https://forum.example/t/1"}
    told = {"channel": "referral", "origin": "forum.example", "medium": "referral"}
    stage.warehouse.append([row(id="a", visitor="v1", profile="v:v1", **came, **told)], [], {})
    assert "Nothing would change" in desk.get(f"{PAGE}?preview=1").text
    send(desk, FORM)
    page = desk.get(f"{PAGE}?preview=1").text
    assert "Referral · forum.example" in page and "Social · forum" in page
    settings = Settings(data=str(tmp_path), profiles=redis_url, log=f"{redis_url}?stream=e")
    job = Channels(settings)
    assert not job.due(saved(stage))
    assert send(desk, {}, f"{PAGE}/apply").status_code == 302
    assert "being classified anew" in desk.get(PAGE).text
    assert job.due(saved(stage))
    assert job.run(saved(stage)).rows == 1
    assert not job.due(saved(stage))
    assert "Applied at" in desk.get(PAGE).text
    overview = stage.call("GET", "/v1/reports/overview?from=2026-11-01&to=2026-11-01&fresh=1").json
    assert [each["channel"] for each in overview["channels"]] == ["social"]
    assert "Nothing would change" in desk.get(f"{PAGE}?preview=1").text


def test_a_run_that_failed_says_why_and_one_that_was_killed_is_done_again(stage: Stage, clock: Clock) -> None:
    runs = stage.stores.reports.classifications
    runs.request("default")

    def broken() -> tuple[int, int]:
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        runs.run("default", broken)
    run = runs.read("default")
    assert run is not None and not run.due
    assert "no space left" in stage.desk().get(PAGE).text

    def killed() -> tuple[int, int]:
        found = runs.read("default")
        assert found is not None and found.state == "running" and found.due
        return 0, 0

    runs.run("default", killed)

    def asked_again() -> tuple[int, int]:
        clock.now += 1
        runs.request("default")
        return 1, 1

    runs.run("default", asked_again)
    again = runs.read("default")
    assert again is not None and again.state == "waiting"


def test_who_may_only_look_does_not_see_it(stage: Stage) -> None:
    stage.stores.access.users.put("eye", PASSWORD, "viewer")
    viewer = stage.desk("eye")
    assert viewer.get(PAGE).status_code == 403
    assert f'href="{PAGE}"' not in viewer.get("/desk/setup").text
