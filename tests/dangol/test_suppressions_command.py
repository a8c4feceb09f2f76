"""``dangol suppressions``: what is exported can be imported, and an address is found however it is written."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dangol.cli import main

pytestmark = pytest.mark.redis


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str) -> Path:
    monkeypatch.setenv("DANGOL_DATA", str(tmp_path))
    monkeypatch.setenv("DANGOL_PROFILES", redis_url)
    monkeypatch.setenv("DANGOL_LOG", f"{redis_url}?stream=e")
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["suppressions", *arguments])


def test_a_list_is_imported_found_exported_and_released(folder: Path) -> None:
    (folder / "list.txt").write_text(
        "Kim@Shop.example\nmina@shop.example,complained\n\nno address\n", "utf-8"
    )
    done = run("import", str(folder / "list.txt"))
    assert done.exit_code == 0 and "2 of 2 entries are new; 1 lines could not be read" in done.output
    assert "line 4" in done.output
    assert run("find", "KIM@shop.example").output.startswith("manual\t")
    assert run("find", "mina@shop.example").output.startswith("complained\t")
    exported = run("export").output
    assert "@" not in exported and len(exported.splitlines()) == 2
    assert run("release", "kim@shop.example").exit_code == 0
    assert run("find", "kim@shop.example").output == "" and run("release", "kim@shop.example").exit_code == 1
    (folder / "export.txt").write_text(exported, "utf-8")
    again = run("import", str(folder / "export.txt"))
    assert "1 of 2 entries are new" in again.output
    assert run("find", "kim@shop.example").output.startswith("manual\t")
    assert sorted(run("export").output.splitlines()) == sorted(exported.splitlines())
