"""The audit log names every change and every reading of a person, and keeps no id in clear."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from dangol.cli import main
from dangol.command_audit import UNAUDITED, leaves
from profiles.erasures import digest
from profiles.model import Profile, Session, Touch
from profiles.store.port import ABSENT, Write
from tests.support.machine import Clock
from tests.support.warehouse_rows import row
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site
from web.access.audit import ASKING, OFTEN, READ, Audit

pytestmark = pytest.mark.redis
WHO = "hush-77"
NOBODY = {
    # A mail's reader asks them, who is told nothing of anybody.
    *("mail.opened", "mail.click"),
    # endpoints that are asked (GET), and tell of nobody in particular
    *("root", "health.alive", "health.ready", "health.scrape", "openapi.described_api", "assets.static_file"),
    *("sign_in.login", "desk_password.ask", "desk_help.contents", "desk_help.document", "desk_setup.setup"),
    *("waiting.stopped", "desk_users.access", "desk_users.edit", "desk_users.report"),  # of staff
    *("desk_overview.show", "desk_funnel.show", "desk_funnel.open_saved", "desk_funnel_parts.show"),
    *(
        "desk_goals.show",
        "desk_paths.show",
        "desk_products.show",
        *("desk_associations.show", "desk_reports.associations", "reports.associations"),
        "desk_retention.show",
        "desk_attribution.show",
        "desk_agents.show",
        *("desk_customers.show", "desk_score_card.progress"),
        "desk_engagement.show",
        "desk_models.show",
    ),
    *(
        "desk_campaigns.listed",
        "desk_campaign_results.one",
        "desk_campaign_editor.edit",
        "desk_segments.listed",
    ),
    *("desk_segments.edit", "campaigns.listed", "campaigns.one", "campaigns.versions", "segments.listed"),
    *(
        "coupons.listed",
        "coupons.one",
        "costs.listed",
        *("scores.card", "scores.newest", "campaigns.ready_made"),
        "desk_imports.listed",
        "desk_quality.show",
    ),
    "desk_channels.show",
    *("segments.one", "items.listed", "items.one", "models.listed", "models.training"),
    *("gorse.one", "gorse.neighbors", "gorse.listed", "gorse.latest", "gorse.popular"),
    "gorse.recommend",  # what the shop shows them, all day, as /v1/personalize
    *(
        f"{kind}.{name}"
        for kind in ("reports", "desk_reports")
        for name in (
            *(
                "campaigns_report",
                "campaign_report",
                "expansion_report",
                "funnel",
                "funnel_trend",
            ),
            *(
                "attribution",
                "funnel_breakdown",
                "funnel_instead",
                "funnel_reverse",
                "goals",
                "models",
                "overview",
                "paths",
                "products",
                "agents",
                "engagement",
            ),
            *("retention", "customers", "segments", "vocabulary", "data_quality"),
        )
    ),
}
OWN = {
    "sign_in.enter",
    "sign_in.leave",
    "desk_password.change",
    "sign_in.speak",
    "sign_in.choose",
    "waiting.cancel",
}
"""They note themselves, or change nothing but what this browser shows."""


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    now = int(clock() * 1000) - 60_000
    touch = Touch(ts=now, channel="direct")
    person = Profile(
        id=f"u:{WHO}",
        user=WHO,
        visitors=["hush-cookie"],
        first_seen=now,
        last_seen=now,
        sessions=[Session("s", now, now, touch, events=1, pageviews=1)],
    )
    stage.profiles.save("default", [Write(person.id, ABSENT, person)])
    stage.warehouse.append([row(now, id="e1", profile=person.id, session="s", user=WHO)], [], {})
    return stage


def clear(folder: Path) -> bool:
    """Whether the person's id stands in the log in clear."""
    return any("hush" in path.read_text() for path in folder.glob("audit*.jsonl"))


def told_of(entry: Any) -> bool:
    return digest("default", f"u:{WHO}").hex() in entry.people


def test_each_route_is_known(stage: Stage) -> None:
    """A new one is either a reading of a person, or stands in NOBODY; what is no GET notes itself."""
    asked = {
        rule.endpoint
        for rule in stage.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.endpoint.startswith("static")
    }
    assert asked - READ - NOBODY == set() == (READ | NOBODY) - asked
    assert OFTEN <= READ


READINGS = [
    ("GET", f"/v1/profiles/{WHO}"),
    ("GET", f"/v1/profiles/u:{WHO}"),
    ("GET", f"/api/user/{WHO}"),
    ("GET", f"/api/user/{WHO}/feedback"),
    ("GET", f"/v1/reports/visitor?id={WHO}"),
    ("GET", f"/v1/reports/audience?audience=visits+%3E+0&visitor={WHO}"),
]


@pytest.mark.parametrize(("method", "path"), READINGS)
def test_who_read_of_a_person_by_http_is_noted(stage: Stage, tmp_path: Path, method: str, path: str) -> None:
    assert stage.call(method, path).status_code == 200
    [entry] = stage.audit.readings(9)
    assert entry.who == "secret key" and entry.site == "default" and told_of(entry)
    assert not clear(tmp_path) and stage.audit.latest(9) == []


def test_asking_whether_a_person_is_in_an_audience_reads_of_them(stage: Stage, tmp_path: Path) -> None:
    asked = {"audience": "visits > 0", "visitor": WHO}
    assert stage.call("POST", "/v1/audiences/preview", json=asked).status_code == 200
    [entry] = stage.audit.readings(9)
    assert told_of(entry) and not clear(tmp_path) and stage.audit.latest(9) == []


@pytest.mark.parametrize(
    "path", [f"/desk/visitors/u:{WHO}", f"/desk/dossier/u:{WHO}", f"/desk/reports/visitor?id={WHO}"]
)
def test_who_read_of_a_person_in_the_desk_is_noted(stage: Stage, tmp_path: Path, path: str) -> None:
    assert stage.desk().get(path).status_code == 200
    entry = stage.audit.readings(9)[0]
    assert entry.who == "admin" and told_of(entry) and not clear(tmp_path)


@pytest.mark.parametrize(
    "path",
    ["/desk/visitors", "/desk/reports/visitors", "/desk/live", "/v1/reports/visitors", "/v1/reports/live"],
)
def test_who_read_a_list_of_people_is_noted(stage: Stage, tmp_path: Path, path: str) -> None:
    desk = stage.desk()
    for _ in range(2):
        headers = {"Authorization": "Bearer sk_test"}
        query = {} if "live" in path else {"q": "hush-nobody"}
        assert desk.get(path, query_string=query, headers=headers).status_code == 200
    noted = [entry.what for entry in stage.audit.readings(9)]
    assert noted == [f"GET {path}"] * (1 if path == "/desk/live" else 2) and not clear(tmp_path)


def test_what_somebody_looks_at_of_themselves_is_noted(stage: Stage, tmp_path: Path) -> None:
    link = stage.call("POST", f"/v1/profiles/{WHO}/link").json["url"]
    [made] = stage.audit.latest(9)
    assert made.what == "POST /v1/profiles/<path:who>/link" and told_of(made)
    page = stage.client.get(link.removeprefix("http://127.0.0.1:8000"))
    assert page.status_code == 200
    [read] = stage.audit.readings(9)
    assert (read.who, read.what) == ("the visitor", "GET /me") and told_of(read)
    import re

    form = re.findall(r'name="form" value="([^"]+)"', page.text)[0]
    for path, more in (("choices", {"purpose": "analytics"}), ("interests", {}), ("erase", {"sure": "yes"})):
        assert stage.client.post(f"/me/{path}", data={"form": form, **more}).status_code in (200, 302, 303)
        newest = stage.audit.latest(1)[0]
        assert newest.what == f"POST /me/{path}" and told_of(newest) and newest.detail == ""
    assert not clear(tmp_path)


def test_whoever_erases_a_person_is_noted_without_their_name(stage: Stage, tmp_path: Path) -> None:
    assert stage.call("DELETE", f"/v1/profiles/{WHO}").status_code == 202
    [entry] = stage.audit.latest(9)
    assert told_of(entry) and digest("default", "v:hush-cookie").hex() in entry.people and not clear(tmp_path)


def test_gorses_erasure_is_a_change_too(stage: Stage, tmp_path: Path) -> None:
    assert stage.call("DELETE", f"/api/user/{WHO}").status_code == 200
    [entry] = stage.audit.latest(9)
    assert entry.what == "DELETE /api/user/<user>" and told_of(entry) and not clear(tmp_path)


def test_every_other_change_by_http_is_noted(stage: Stage) -> None:
    """All routes that are no GET, by whatever they answer to an empty request: none is left out by its address."""
    unheard = []
    for rule in stage.app.url_map.iter_rules():
        for method in (rule.methods or set()) & {"POST", "PUT", "PATCH", "DELETE"}:
            if rule.endpoint in ASKING | OWN or rule.endpoint.startswith(("personalize", "me.")):
                continue
            with stage.app.test_request_context(rule.rule, method=method):
                from flask import g, request

                g.acting = ("kim", "default")
                request.url_rule, request.view_args = rule, {"user": "x"} if "<user>" in rule.rule else {}
                before = stage.audit.latest(1000)
                stage.app.process_response(stage.app.response_class(status=200))
                if len(stage.audit.latest(1000)) != len(before) + 1:
                    unheard.append(f"{method} {rule.rule}")
    assert unheard == []


def test_a_feed_does_not_push_out_what_was_decided(stage: Stage) -> None:
    item = {"name": "Tea", "price": 1.0}
    for n in range(5):
        assert stage.call("PUT", f"/v1/items/tea-{n}", json=item).status_code == 200
    assert stage.call("DELETE", "/v1/items/tea-1").status_code in (200, 204)
    assert [entry.what for entry in stage.audit.latest(9)] == [
        "DELETE /v1/items/tea-1",
        "PUT /v1/items/<id:item_id>",
    ]


# Commands


def test_each_command_is_noted_or_known_to_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its work is left out here: what is tried is that none gets by."""
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
    names = {name for name, _ in leaves(main)}
    assert names > UNAUDITED
    for name, command in leaves(main):
        inner: Any = command.callback
        assert inner.__name__ and hasattr(inner, "__wrapped__"), name
        noted = Audit(tmp_path / "audit.jsonl")
        before = len(noted.latest(1000)) + len(noted.readings(1000))
        ran = replaced(inner, monkeypatch)
        words = name.split() + arguments(name, command, tmp_path)
        done = CliRunner().invoke(main, words)
        monkeypatch.undo()
        monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
        assert done.exit_code == 0 and ran, (name, done.output)
        after = len(noted.latest(1000)) + len(noted.readings(1000))
        assert after - before == (name not in UNAUDITED), name
    assert not clear(tmp_path)
    about = [entry for entry in noted.latest(1000) if entry.what == "erase"]
    assert [told_of(entry) for entry in about] == [True]
    assert [told_of(entry) for entry in noted.readings(1000) if entry.what == "export"] == [True]


def replaced(noting: Any, monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """The command itself does nothing for now, but say what it was given."""
    ran: list[Mapping[str, Any]] = []
    for cell in noting.__closure__:
        if callable(cell.cell_contents) and cell.cell_contents is noting.__wrapped__:
            monkeypatch.setattr(cell, "cell_contents", lambda *_, **given: ran.append(given) or True)
    return ran


def arguments(name: str, command: Any, folder: Path) -> list[str]:
    file = folder / "file"
    file.write_text("")
    values = {"person": WHO, "role": "ingest", "user_id": "x", "shop": "shopify", "language": "python"}
    given = [
        str(folder) if "folder" in (each.name or "") or each.name == "source"
        else str(file) if "file" in (each.name or "")
        else values.get(each.name or "", "x")
        for each in command.params
        if each.param_type_name == "argument" and each.required
    ]  # fmt: skip
    more = {
        "coupons make": ["--count", "1"],
        "sites connect": ["--secret", "s", "--token", "t"],
        "export": ["--user", WHO],
        "sites set": ["--identity", "proof"],
        "audit": ["--person", WHO],
    }
    return given + more.get(name, [])


def test_a_command_that_refuses_notes_nothing_and_audit_finds_a_person(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
    run = CliRunner()
    assert run.invoke(main, ["users", "remove", "nobody"]).exit_code == 1
    log = Audit(tmp_path / "audit.jsonl")
    assert log.latest(9) == []
    log.note("kim", "default", "GET /v1/profiles/<path:who>", about=[f"u:{WHO}"], reading=True)
    log.note("kim", "default", "PUT /v1/campaigns/hero")
    found = run.invoke(main, ["audit", "--person", WHO]).output
    assert "GET /v1/profiles" in found and "campaigns/hero" not in found and "hush" not in found
    assert "campaigns/hero" in run.invoke(main, ["audit"]).output
    assert run.invoke(main, ["audit", "--person", "u:somebody"]).output == ""


def test_jobs_note_what_they_drop(tmp_path: Path, redis_url: str) -> None:
    from dangol.jobs.jobs import SCHEDULE, Jobs
    from dangol.settings import Settings

    work = Jobs(
        Settings(data=str(tmp_path), profiles=redis_url, log=f"{redis_url}?stream=e", retention_days=30)
    )
    work.retire()
    [entry] = work.audit.latest(9)
    assert (entry.who, entry.what) == (SCHEDULE, "retention") and "0 events" in entry.detail
