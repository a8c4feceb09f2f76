"""What an owner may change of a site on the command line: whom it believes, and its keys."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dangol.cli import main
from dangol.secrets import ensure_default_site
from dangol.settings import load
from tracker.admission.proof import proof_of, valid
from tracker.sites import FORMER_KEY_MS, Site, Sites, rotated

NOW = 1_795_000_000_000


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
    for name in ("DANGOL_WRITE_KEY", "DANGOL_SECRET_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["sites", *arguments])


def site_of(site_id: str = "default") -> Site:
    found = Sites(load().sites_file).get(site_id)
    assert found is not None
    return found


def test_a_site_believes_proofs_until_its_owner_says_otherwise(folder: Path) -> None:
    assert run("add", "shop").exit_code == 0
    assert site_of("shop").identity == "proof"
    said = run("set", "shop", "--identity", "trusting")
    assert said.exit_code == 0 and "can now read" in said.output
    assert site_of("shop").identity == "trusting"
    assert run("set", "shop", "--identity", "proof").exit_code == 0
    assert site_of("shop").identity == "proof"
    assert run("set", "shop", "--identity", "anybody").exit_code != 0
    refused = run("set", "nowhere", "--identity", "proof")
    assert refused.exit_code == 1 and "there is no site 'nowhere'" in refused.output


def test_every_session_setting_is_set_by_the_command_and_documented(folder: Path) -> None:
    run("add", "shop")
    wanted = {
        "session_timeout_minutes": 60,
        "session_max_hours": 12,
        "session_split_campaign": False,
        "session_split_midnight": True,
    }
    assert {name for name in Site.__struct_fields__ if name.startswith("session_")} == set(wanted)
    documented = (Path(__file__).parents[2] / "docs" / "counting.md").read_text()
    for name, value in wanted.items():
        option = "--" + name.replace("_", "-")
        assert f"`{option}`" in documented
        off = option.replace("--", "--no-", 1)
        given = (option if value else off,) if isinstance(value, bool) else (option, str(value))
        done = run("set", "shop", *given)
        assert done.exit_code == 0 and done.output == f"shop: {name} = {value}\n"
    site = site_of("shop")
    assert {name: getattr(site, name) for name in wanted} == wanted
    assert run("set", "shop", "--timezone", "Asia/Seoul").exit_code == 0
    assert site_of("shop").timezone == "Asia/Seoul"


@pytest.mark.parametrize(
    "wrong",
    [
        ("--session-timeout-minutes", "0"),
        ("--session-timeout-minutes", "1441"),
        ("--session-max-hours", "0"),
        ("--session-max-hours", "169"),
        ("--timezone", "Mars/Phobos"),
        (),
    ],
)
def test_what_is_no_setting_changes_nothing(folder: Path, wrong: tuple[str, ...]) -> None:
    run("add", "shop")
    before = site_of("shop")
    assert run("set", "shop", *wrong).exit_code != 0
    assert site_of("shop") == before


def test_a_new_key_takes_the_proofs_of_the_one_before_for_a_week(folder: Path) -> None:
    run("list")
    before = site_of()
    said = run("rotate-key", "default")
    now = site_of()
    assert said.exit_code == 0 and now.secret_key in said.output and "count until" in said.output
    assert now.secret_key != before.secret_key and now.write_key == before.write_key
    old, until = proof_of(before.secret_key, "kim"), now.former_until
    assert valid(now, "kim", old, until - 1) and not valid(now, "kim", old, until)
    assert Sites(load().sites_file).by_secret_key(before.secret_key) is None, "the key itself opens nothing"
    run("rotate-key", "default", "--now")
    assert not valid(site_of(), "kim", proof_of(now.secret_key, "kim"), until - 1)
    run("rotate-key", "default", "--write")
    assert site_of().write_key != before.write_key


def test_a_key_of_the_settings_is_changed_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DANGOL_SECRET_KEY", "sk_first")
    refused = run("rotate-key", "default")
    assert refused.exit_code == 1 and "DANGOL_SECRET_KEY" in refused.output
    assert ensure_default_site(load()).secret_key == "sk_first"
    monkeypatch.setenv("DANGOL_SECRET_KEY", "sk_second")
    site = ensure_default_site(load())
    assert (site.secret_key, site.former_secret_key) == ("sk_second", "sk_first")
    assert ensure_default_site(load()) == site, "once"


def test_a_rotation_ends() -> None:
    site = Site(id="s", write_key="w", secret_key="one")
    new = rotated(site, "two", NOW)
    assert (new.former_secret_key, new.former_until) == ("one", NOW + FORMER_KEY_MS)
    assert rotated(new, "three", 0).former_secret_key == ""


def test_a_site_has_a_currency_a_locale_and_rates_of_its_own(folder: Path) -> None:
    run("add", "shop")
    done = run("set", "shop", "--currency", "KRW", "--locale", "ko-KR", "--rate", "USD", "2026-07-01", "1400")
    assert done.exit_code == 0 and 'rates = {"USD":[["2026-07-01",1400.0]]}' in done.output
    done = run("set", "shop", "--rate", "USD", "2026-01-01", "1300", "--rate", "EUR", "2026-01-01", "1500.5")
    assert done.exit_code == 0
    site = site_of("shop")
    assert (site.currency, site.locale, site.decimal_mark) == ("KRW", "ko-KR", ".")
    assert site.rates == {
        "USD": (("2026-01-01", 1300.0), ("2026-07-01", 1400.0)),
        "EUR": (("2026-01-01", 1500.5),),
    }
    assert run("set", "shop", "--rate", "EUR", "2026-01-01", "0").exit_code == 0
    assert set(site_of("shop").rates) == {"USD"}


@pytest.mark.parametrize(
    "wrong",
    [
        ("--currency", "WON"),
        ("--locale", "nowhere"),
        ("--rate", "EURO", "2026-01-01", "1"),
        ("--rate", "EUR", "2026-01-01", "1"),
        ("--rate", "USD", "1.1.2026", "1"),
        ("--rate", "USD", "2026-02-30", "1"),
        ("--rate", "USD", "2026-01-01", "-1"),
        ("--rate", "USD", "2026-01-01", "nan"),
        ("--rate", "USD", "2026-01-01", "inf"),
        ("--rate", "USD", "2026-01-01", "1,2"),
    ],
)
def test_what_is_no_rate_changes_nothing(folder: Path, wrong: tuple[str, ...]) -> None:
    run("add", "shop")
    before = site_of("shop")
    assert run("set", "shop", *wrong).exit_code != 0
    assert site_of("shop") == before
    assert run("set", "default", "--currency", "KRW").exit_code == 1, "DANGOL_CURRENCY says so"


def test_a_shop_is_connected_and_its_secrets_are_written_nowhere_else(folder: Path) -> None:
    run("add", "shop")
    given = ("--url", "https://x.myshopify.com/", "--token", "token-1")
    said = CliRunner().invoke(main, ["sites", "connect", "shop", "shopify", *given], input="secret-1\n")
    assert said.exit_code == 0, said.output
    assert "/integrations/shopify/shop" in said.output and "secret-1" not in said.output
    connection = site_of("shop").shops["shopify"]
    assert (connection.secret, connection.url, connection.token) == (
        "secret-1",
        "https://x.myshopify.com",
        "token-1",
    )
    audit = (folder / "audit.jsonl").read_text()
    assert "sites connect" in audit and "secret-1" not in audit and "token-1" not in audit
    assert (
        run("connect", "shop", "shopify", "--secret", "s", "--url", "http://x", "--token", "").exit_code == 1
    )
    assert run("connect", "shop", "shopify", "--secret", "", "--token", "").exit_code == 0
    assert site_of("shop").shops == {}
