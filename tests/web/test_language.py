"""The desk's languages: every text has its Korean, and each request speaks the language it asks for."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from tests.support.desk_rows import fill
from tests.support.machine import ROOT, Clock
from tests.support.web_stage import Stage, csrf_of, stage_of
from tracker.sites import Site
from web.language import FOLDER

KEYWORDS = {"_": None, "_l": None, "gettext": None, "ngettext": (1, 2)}
PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")
METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
OPTIONS = {"templates/**.html": {"extensions": "jinja2.ext.i18n", "trimmed": "true", "encoding": "utf-8"}}


def texts() -> Iterator[tuple[str, str | tuple[str, ...]]]:
    """(file, English) of every text that the desk shows."""
    found = extract_from_dir(str(ROOT / "web"), METHODS, OPTIONS, KEYWORDS)
    for file, _line, message, _comments, _context in found:
        yield file, message


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def test_every_text_has_its_korean() -> None:
    with (FOLDER / "ko.po").open("rb") as source:
        catalog = read_po(source, locale="ko")
    korean = {message.id: message.string for message in catalog if message.id}
    wanted = {message if isinstance(message, str) else tuple(message): file for file, message in texts()}
    missing = [
        f"{file}: {english!r}" for english, file in wanted.items() if not "".join(korean.get(english, ""))
    ]
    assert not missing, "translate in web/translations/ko.po:\n" + "\n".join(missing)
    assert not [english for english in korean if english not in wanted], "nothing says this any more"


def test_korean_fills_in_the_same_values() -> None:
    with (FOLDER / "ko.po").open("rb") as source:
        catalog = read_po(source, locale="ko")
    for message in catalog:
        english = message.id if isinstance(message.id, str) else message.id[-1]
        korean = message.string if isinstance(message.string, str) else message.string[0]
        assert sorted(PLACEHOLDER.findall(english)) == sorted(PLACEHOLDER.findall(korean)), english


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("ko-KR,ko;q=0.9,en;q=0.8", "ko"), ("en-US", "en"), ("fr, ko;q=0.5", "ko"), ("fr", "en"), ("", "en")],
)
def test_a_browser_gets_the_language_it_asks_for(stage: Stage, asked: str, spoken: str) -> None:
    page = stage.client.get("/desk/login", headers={"Accept-Language": asked}).text
    assert f'<html lang="{spoken}">' in page
    assert ("로그인" in page) == (spoken == "ko")


def test_the_switch_is_kept_and_leads_back(stage: Stage, clock: Clock) -> None:
    fill(stage.warehouse, clock())
    desk = stage.desk()
    page = desk.get("/desk/funnel?step=page:*&step=event:Order+Completed").text
    form = {"csrf": csrf_of(page), "language": "ko", "next": "/desk/funnel?step=page:*"}
    answer = desk.post("/desk/language", data=form)
    assert answer.headers["Location"] == "/desk/funnel?step=page:*"
    page = desk.get("/desk").text
    assert '<html lang="ko">' in page and "방문자" in page and "Visitors" not in page
    assert "2026년" in page and "대한민국" not in page
    form = {"csrf": csrf_of(page), "language": "xx"}
    assert desk.post("/desk/language", data=form).status_code == 404
    assert desk.post("/desk/language", data={"language": "en"}).status_code == 403


def test_a_mistake_is_explained_in_korean(stage: Stage) -> None:
    desk = stage.desk()
    korean = {"Accept-Language": "ko"}
    page = desk.get("/desk/funnel?step=page:/&step=event:A+where+x", headers=korean).text
    assert "단계를 읽을 수 없습니다" in page
    page = desk.get("/desk/funnel?step=page:/&step=event:A+where+x").text
    assert "after where: PROPERTY = VALUE" in page
