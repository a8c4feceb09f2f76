"""Secrets are whole or not there, never guessable, and nobody else's."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from dangol.doctor import doctor
from dangol.secrets import SecretUnusable, ensure_default_site, kept, signing_key
from dangol.settings import SIGNING_KEY_LEAST, Settings, SettingsInvalid, load
from tests.support.machine import ROOT
from tracker import disk
from tracker.admission.privacy import DailySalt
from tracker.sites import Site, Sites, SitesInvalid

FRESH = "k" * 40


def test_a_secret_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "new" / "signing.key"
    assert kept(path, FRESH) == FRESH == kept(path, "another" * 9)
    assert path.stat().st_mode & 0o777 == 0o600


def test_many_who_start_together_agree(tmp_path: Path) -> None:
    found: list[str] = []
    makers = [
        threading.Thread(target=lambda n=n: found.append(kept(tmp_path / "signing.key", FRESH + str(n))))
        for n in range(16)
    ]
    for maker in makers:
        maker.start()
    for maker in makers:
        maker.join()
    assert len(found) == 16 and len(set(found)) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["signing.key"]


@pytest.mark.parametrize("step", ["write", "fsync", "link"])
def test_a_crash_leaves_a_whole_secret_or_none(
    tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it happens, the next start makes a secret; an empty one is never taken."""

    def crash(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "signing.key"
    with monkeypatch.context() as patch:
        if step == "write":
            patch.setattr(disk.os, "write", crash)
        else:
            patch.setattr(disk.os, step, crash)
        with pytest.raises(KeyboardInterrupt):
            kept(path, FRESH)
    assert not path.exists()
    assert kept(path, FRESH) == FRESH


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"   ", b"short", b"k" * (SIGNING_KEY_LEAST - 1), b"\xff" * 40]
)
def test_what_is_no_secret_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "signing.key").write_bytes(content)
    with pytest.raises(SecretUnusable, match=r"signing\.key"):
        signing_key(Settings(data=str(tmp_path)))


@pytest.mark.parametrize("command", ["up", "web", "tracker", "scheduler"])
def test_nothing_starts_with_an_empty_signing_key(tmp_path: Path, command: str) -> None:
    (tmp_path / "signing.key").touch()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DANGOL_")}
    done = subprocess.run(
        [sys.executable, "-m", "dangol", command],
        env={**environ, "DANGOL_DATA": str(tmp_path), "DANGOL_PORT": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert "signing.key" in line and "restore it from a backup" in line


@pytest.mark.parametrize(
    "environ",
    [
        {"DANGOL_SIGNING_KEY": "   "},
        {"DANGOL_SIGNING_KEY": "guess"},
        {"DANGOL_SECRET_KEY": " "},
        {"DANGOL_WRITE_KEY": "\t"},
        {"DANGOL_ADMIN_PASSWORD": "  "},
        {"DANGOL_WRITE_KEY": "one", "DANGOL_SECRET_KEY": "one"},
    ],
)
def test_settings_that_are_no_secrets_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match="DANGOL_"):
        load(environ)


def test_the_doctor_looks_at_the_secrets(tmp_path: Path) -> None:
    def found(**environ: str) -> doctor.Finding:
        examined = doctor.examine(load({"DANGOL_DATA": str(tmp_path), **environ}))
        return next(each for each in examined if each.what == "secrets")

    assert (found().ok, found().weak) == (True, False)
    short = found(DANGOL_SECRET_KEY="sk_42")
    assert (short.ok, short.weak) == (True, True) and "default" in short.says and "sk_42" not in short.says
    (tmp_path / "signing.key").write_text(" \n")
    assert not found().ok and "signing.key" in found().says


@pytest.mark.parametrize(("write", "secret"), [("", "sk"), ("wk", ""), ("wk", " "), ("same", "same")])
def test_a_site_with_an_empty_key_lets_nobody_in(tmp_path: Path, write: str, secret: str) -> None:
    path = tmp_path / "sites.json"
    good = Site(id="good", write_key="wk_good", secret_key="sk_good")
    bad = Site(id="bad", write_key=write, secret_key=secret)
    with pytest.raises(SitesInvalid, match="bad"):
        Sites(path).save(bad)
    path.write_bytes(msgspec.json.encode([good, bad]))  # by hand, then
    sites = Sites(path)
    assert sites.by_secret_key(secret) is None and sites.by_write_key(write) is None
    assert sites.by_secret_key("sk_good") == good


def test_a_salt_that_is_none_is_not_used(tmp_path: Path) -> None:
    """Whoever knows the salt can compute which address a visitor has."""
    (tmp_path / "salt-1").touch()
    salted = DailySalt(tmp_path, lambda: 86_400.0)
    assert salted.visitor("s", "203.0.113.0", "Mozilla") != DailySalt(None, lambda: 86_400.0).visitor(
        "s", "203.0.113.0", "Mozilla"
    )
    assert salted._salt and len(salted._salt) == 32


def test_what_a_command_makes_is_for_its_owner_alone(tmp_path: Path) -> None:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("DANGOL_")}
    data = tmp_path / "data"
    done = subprocess.run(
        [sys.executable, "-m", "dangol", "users", "add", "kim", "--role", "viewer"],
        env={**environ, "DANGOL_DATA": str(data)},
        cwd=ROOT,
        input="a long password\na long password\n",
        capture_output=True,
        text=True,
        umask=0o022,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    open_to_others = [path for path in [data, *data.rglob("*")] if path.stat().st_mode & 0o077]
    assert list(data.iterdir()) and open_to_others == []


def test_the_default_site_is_mended_by_the_settings_and_keeps_its_keys(tmp_path: Path) -> None:
    settings = Settings(data=str(tmp_path))
    site = ensure_default_site(settings)
    settings.sites_file.write_bytes(settings.sites_file.read_bytes().replace(b'"UTC"', b'"Mars/Phobos"'))
    assert ensure_default_site(settings) == site
    settings.sites_file.write_bytes(settings.sites_file.read_bytes().replace(b'"UTC"', b"5"))
    with pytest.raises(SitesInvalid, match="timezone"):  # never new keys for a shop that has some
        ensure_default_site(settings)
