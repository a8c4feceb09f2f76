"""The desk's help: every document of docs/, as a page whose links lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.support.html import squeezed
from tests.support.machine import ROOT, Clock
from tests.support.web_stage import Stage, stage_of
from tracker.sites import Site
from web.desk.help import TITLES, documents

NAMES = sorted(path.stem for path in (ROOT / "docs").glob("*.md"))


@pytest.fixture
def stage(tmp_path: Path, redis_url: str, site: Site, clock: Clock) -> Stage:
    return stage_of(tmp_path, redis_url, site, clock)


def test_every_document_is_listed_with_its_title(stage: Stage) -> None:
    assert list(documents()) == NAMES and set(TITLES) == set(NAMES)
    page = stage.desk().get("/desk/help").text
    assert [name for name in NAMES if f'href="/desk/help/{name}"' not in page] == []
    korean = stage.desk().get("/desk/help", headers={"Accept-Language": "ko"}).text
    listed = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", squeezed(korean))
    told = [text for title, about in listed for text in (re.sub("<.*?>", "", title), about)]
    assert len(listed) == len(NAMES) + 1  # the API's description, too
    assert [text for text in told if not re.search("[가-힣]", text)] == ["HTTP API"]


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_shown_whole_and_its_links_lead_somewhere(stage: Stage, name: str) -> None:
    desk = stage.desk()
    article = re.findall(r"<article.*?</article>", desk.get(f"/desk/help/{name}").text, re.DOTALL)[0]
    source = (ROOT / "docs" / f"{name}.md").read_text()
    assert article.count("<h2 id=") == len(re.findall("^## ", source, re.MULTILINE))
    assert ("<table>" in article) == ("| --- |" in source) and "<script" not in article
    for link in re.findall(r'href="([^"]+)"', article):
        page, _, place = link.partition("#")
        shown = article if not page else "" if page.startswith("https://") else desk.get(page).text
        assert page.startswith("https://") or (shown and (not place or f'id="{place}"' in shown)), link


def test_what_is_no_document_is_not_found_and_nobody_reads_without_a_login(stage: Stage) -> None:
    for name in ("nothing", "..%2FREADME", "funnel.png"):
        assert stage.desk().get(f"/desk/help/{name}").status_code == 404
    assert stage.client.get("/desk/help/offers").status_code == 302
