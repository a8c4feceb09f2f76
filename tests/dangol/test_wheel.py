"""What is shipped: a wheel, made from the source archive as a builder makes it, in an environment far from the
checkout. What a test of the checkout cannot see is whether everything came along."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from tests.support.desk_pages import NARROWED, UNNARROWED
from tests.support.desk_reader import DeskReader
from tests.support.installation import WRITE, Installation, eventually
from tests.support.machine import FOLDERS, ROOT
from web.language import FOLDER


def run(*command: str | Path, cwd: Path) -> str:
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tracked() -> list[str]:
    """Every file that git knows or would; where the checkout has no git, this test has nothing to compare with."""
    if not (ROOT / ".git").exists() or not shutil.which("git"):
        pytest.skip("no git here: the wheel is compared with what git tracks")
    return run("git", "ls-files", "--cached", "--others", "--exclude-standard", cwd=ROOT).splitlines()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source archive, which is built from a copy of what git tracks."""
    folder = tmp_path_factory.mktemp("build")
    copy, out = folder / "copy", folder / "out"
    for name in tracked():
        source, target = ROOT / name, copy / name
        if source.is_symlink() or source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)
    out.mkdir()
    built = "import sys; from setuptools import build_meta as b; print(getattr(b, sys.argv[1])(sys.argv[2]))"
    archive = out / run(sys.executable, "-c", built, "build_sdist", out, cwd=copy).splitlines()[-1]
    with tarfile.open(archive) as packed:
        packed.extractall(folder / "unpacked", filter="data")
    (unpacked,) = (folder / "unpacked").iterdir()
    return out / run(sys.executable, "-c", built, "build_wheel", out, cwd=unpacked).splitlines()[-1]


@pytest.fixture(scope="module")
def bin_of_wheel(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The commands of an environment that holds the wheel; what it depends on is lent by this one's."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    place = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip()
    )
    options = (
        "--no-deps",
        "--no-index",
        "--quiet",
        "--disable-pip-version-check",
        "--no-warn-script-location",
    )
    run(sys.executable, "-m", "pip", "--python", python, "install", *options, wheel, cwd=folder)
    # A path line lends modules; the .pth files beside them, which lead to the checkout, are not read.
    (place / "lent.pth").write_text("\n".join({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}))
    yield python.parent


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        held = set(packed.namelist())
    wanted = {
        name.replace("docs/", "web/docs/", 1) if name.startswith("docs/") else name
        for name in tracked()
        if (name.split("/")[0] in FOLDERS and not (ROOT / name).is_symlink())
        or (name.startswith("docs/") and name.endswith(".md"))
    }
    assert {"web/translations/ko.po", "web/docs/counting.md", "web/templates/desk/base.html"} <= wanted
    assert wanted - held == set(), "left out of the wheel: see package_data in setup.cfg"
    strange = {name for name in held if name.split("/")[0] not in FOLDERS and ".dist-info/" not in name}
    assert strange == set()


class Shipped(Installation):
    """``dangol up`` of the wheel, started in a folder that has nothing to do with the checkout."""

    def __init__(self, commands: Path, folder: Path, *options: str) -> None:
        super().__init__(folder, *options)
        self.program, self.cwd = (str(commands / "dangol"),), folder


def words(page: str) -> set[str]:
    """The texts that a reader sees; not the documents, which say themselves that they are English."""
    page = re.sub(r"<(script|style|article|code|pre)\b.*?</\1>", "", page, flags=re.DOTALL)
    return {unescape(text).strip() for text in re.findall(r">([^<>]+)<", page)}


@pytest.mark.slow
@pytest.mark.redis
def test_what_is_installed_is_whole(bin_of_wheel: Path, tmp_path: Path) -> None:
    with (FOLDER / "ko.po").open("rb") as source:
        said = {each.id: each.string for each in read_po(source, locale="ko") if isinstance(each.id, str)}
    english = {text for text, korean in said.items() if text and text != korean and "%(" not in text}
    with Shipped(bin_of_wheel, tmp_path, "--demo") as installed:
        module = run(bin_of_wheel / "python", "-c", "import web; print(web.__file__)", cwd=tmp_path).strip()
        assert Path(module).is_relative_to(bin_of_wheel.parent), "the wheel's own code is tested"
        korean, other = (DeskReader(installed.url, language).crawl("/desk") for language in ("ko", "en"))
        assert {*NARROWED, *UNNARROWED} <= set(korean) == set(other)
        for path, page in korean.items():
            assert '<html lang="ko">' in page and re.search("[가-힣]", page), path
            assert words(page) & english == set(), f"{path} speaks English"
            assert '<html lang="en">' in other[path], path
        documents = {path.stem for path in (ROOT / "docs").glob("*.md")}
        assert {f"/desk/help/{name}" for name in documents} <= set(korean)
        assert "<table>" in other["/desk/help/collecting"]
        assets = set(re.findall(r'(?:href|src)="(/[^"#?]*\.(?:css|js|svg))["?]', "".join(other.values())))
        shop = installed.call("GET", "/shop/", key="")[1].decode()
        assets |= set(re.findall(r'(?:href|src)="(/[^"#?]*\.(?:css|js|svg))["?]', shop))
        assert len(assets) > 5
        for path in (
            *assets,
            "/dangol.js",
            "/dangol-slots.js",
            "/dangol-consent.js",
            "/dangol-events.js",
            "/dangol-debug.js",
            "/dangol-signup.js",
            "/matomo.js",
            "/v1/openapi.json",
            f"/t.gif?k={WRITE}",
        ):
            assert installed.call("GET", path, key="")[0] == 200, path
        event = {"event": "Hello", "anonymousId": "somebody", "writeKey": WRITE}
        assert installed.call("POST", "/v1/track", event, key="")[0] == 200
        eventually(lambda: installed.call("GET", "/v1/profiles/somebody")[0] == 200)
        for language, told in (("ko", "[가-힣]"), ("en", "What we know")):
            headers = {"Cookie": "dangol_v=somebody", "Accept-Language": language}
            status, page = installed.call("GET", "/me", key="", headers=headers)
            known = page.decode()
            assert status == 200 and f'<html lang="{language}">' in known and re.search(told, known)
            assert language == "en" or words(known) & english == set()
