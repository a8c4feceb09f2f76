"""Settings: defaults, environment, file, errors that name the setting; and the README tells them all."""

import json
import logging
import sys
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from dangol.log_output import JsonLines
from dangol.settings import SOCKET_PATH_LIMIT, SettingsInvalid, load, table
from tests.support.machine import ROOT


def test_defaults_are_embedded(tmp_path: Path) -> None:
    settings = load({"DANGOL_DATA": str(tmp_path)})
    assert settings.embedded_redis
    assert settings.log_uri == f"unix://{tmp_path}/redis/redis.sock?stream=events"
    assert settings.warehouse_uri == str(tmp_path / "warehouse")
    assert settings.url == "http://127.0.0.1:8000"


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "dangol.toml"
    file.write_text('port = 9000\ntimezone = "Asia/Seoul"\ntrust_proxy = 2\n')
    settings = load({"DANGOL_PORT": "9001"}, file)
    assert (settings.port, settings.timezone, settings.trust_proxy) == (9001, "Asia/Seoul", 2)


@pytest.mark.parametrize(
    ("environ", "complaint"),
    [
        ({"DANGOL_PORT": "http"}, "DANGOL_PORT"),
        ({"DANGOL_PORT": "70000"}, "DANGOL_PORT"),
        ({"DANGOL_TIMEZONE": "Seoul/Asia"}, "DANGOL_TIMEZONE"),
        ({"DANGOL_CURRENCY": "euro"}, "DANGOL_CURRENCY"),
        ({"DANGOL_TRUST_PROXY": "perhaps"}, "DANGOL_TRUST_PROXY"),
    ],
)
def test_a_bad_setting_is_named(environ: dict[str, str], complaint: str) -> None:
    with pytest.raises(SettingsInvalid, match=complaint):
        load(environ, Path("/nonexistent"))


@pytest.mark.parametrize("number", ["[" * 3_000, "9" * 5_000])
def test_a_file_that_breaks_its_reader_is_refused_in_one_line(tmp_path: Path, number: str) -> None:
    file = tmp_path / "dangol.toml"
    file.write_text(f"port = {number}")
    with pytest.raises(SettingsInvalid, match=r"dangol\.toml"):
        load({}, file)


def test_an_unknown_setting_in_the_file_is_named(tmp_path: Path) -> None:
    file = tmp_path / "dangol.toml"
    file.write_text("prot = 9000\n")
    with pytest.raises(SettingsInvalid, match="no setting 'prot'"):
        load({}, file)


def test_a_long_data_path_gets_a_short_socket() -> None:
    settings = load({"DANGOL_DATA": "/tmp/" + "x" * 150})
    assert len(str(settings.socket)) < SOCKET_PATH_LIMIT


@pytest.mark.parametrize("name", ["what?now", "shop #1", "100% 단골"])
def test_the_address_of_redis_holds_whatever_the_data_folder_is_called(name: str) -> None:
    settings = load({"DANGOL_DATA": f"/tmp/{name}"})
    for address in (settings.log_uri, settings.profiles_uri):
        parts = urlsplit(address)
        assert (unquote(parts.path), parts.fragment) == (str(settings.socket), "")
    assert parse_qs(urlsplit(settings.log_uri).query) == {"stream": ["events"]}


@pytest.mark.parametrize("name,default,reason", table())
def test_every_setting_has_a_reason_and_a_row_in_the_readme(name: str, default: str, reason: str) -> None:
    assert reason
    row = next(
        (line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith(f"| `{name}`")), ""
    )
    assert row, f"{name} is not in the README's table of settings"
    assert f"`{default}`" in row or not default, f"{name}: the README tells another default than {default}"


def test_json_lines_are_json_with_the_error() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        record = logging.LogRecord("dangol", logging.ERROR, __file__, 1, "it is %s", ("so",), sys.exc_info())
    entry = json.loads(JsonLines().format(record))
    assert (entry["level"], entry["logger"], entry["message"]) == ("ERROR", "dangol", "it is so")
    assert "ValueError: broken" in entry["error"]
