"""Common ad blockers neither hide parts of the desk nor block what it loads.

Their default lists hide elements by generic names and block addresses by generic words. The patterns here stand for the
kinds of those names and addresses; a release is checked by hand against the whole lists.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.web_stage import stage_of
from tracker.sites import Site
from web.reports.catalogue import REPORTS

WEB = Path(__file__).parents[2] / "web"

HIDDEN = re.compile(
    r"(?:google[-_]?|text[-_]?|top[-_]?|side[-_]?|page[-_]?|header[-_]?|footer[-_]?)?(?:ads?|adv|advert\w*|adsense|sponsor\w*|promoted)"
    r"(?:[-_]?(?:s|banner|box|block|container|content|frame|image|link|slot|space|text|unit|wrapper|label|\d+))*"
    r"|(?:cookie|gdpr|consent)[-_]?(?:banner|bar|notice|popup)|banner[-_]?(?:ads?|top|bottom|container|\d+)|popup[-_]?ad\w*",
    re.IGNORECASE,
)
"""Names of elements that are hidden."""
BLOCKED = re.compile(
    r"/(?:ads?|adverts?|advertising|adserver|banners?|sponsors?|analytics|tracking|tracker|track|beacon|pixel|stats|telemetry|collect)"
    r"(?:[-_.]\w*)?(?:/|\.js|\.gif|\.png|\.php|\?|$)|[-_./](?:analytics|tracking|tracker|pixel|webstats|adserver)[-_.]"
    r"|[?&](?:ad|adid|ad_id|banner|utm_source|utm_campaign|gclid|fbclid)=|/(?:google|event|page|click|visit)[-_]?(?:track\w*|analytics)",
    re.IGNORECASE,
)
"""Addresses that are blocked, whichever site they are on."""


def names() -> Iterator[tuple[str, str]]:
    """Classes and ids of the desk, and where they stand."""
    for path in [*(WEB / "templates").rglob("*.html"), *(WEB / "static").glob("*.css")]:
        text = path.read_text()
        found = re.findall(r'\b(?:class|id)="([^"]*)"', text) if path.suffix == ".html" else []
        found += re.findall(r"[.#][A-Za-z][\w-]*", text) if path.suffix == ".css" else []
        for name in re.findall(r"[A-Za-z][\w-]*", " ".join(found)):
            yield name, path.name


def test_no_element_has_a_name_that_is_hidden() -> None:
    found = list(names())
    assert {"card", "notice", "offer-box"} <= {name for name, _ in found}
    assert [each for each in found if HIDDEN.fullmatch(each[0])] == []


def test_no_address_of_the_desk_is_blocked(tmp_path: Path, redis_url: str) -> None:
    stage = stage_of(tmp_path, redis_url, Site(id="default", write_key="w", secret_key="s"), time.time)
    rules = [str(rule) for rule in stage.app.url_map.iter_rules()]
    files = [f"/desk/static/{path.name}?v=1" for path in (WEB / "static").iterdir()]
    tables = [
        f"/desk/reports/{name}?format=csv&table={each}"
        for name, report in REPORTS.items()
        for each in report.tables
    ]
    mine = [each for each in [*rules, *files, *tables] if each.startswith("/desk")]
    assert len(mine) > 100
    assert [each for each in mine if BLOCKED.search(each)] == []


@pytest.mark.parametrize(
    "name", ["ad-banner", "ads", "sponsored", "cookie-banner", "banner-top", "adBox", "top-ads"]
)
def test_such_a_name_would_be_found(name: str) -> None:
    assert HIDDEN.fullmatch(name)


@pytest.mark.parametrize(
    "address",
    [
        "/desk/static/analytics.js?v=1",
        "/desk/tracking/x",
        "/desk?utm_source=x",
        "/desk/banner.png",
        "/desk/pixel.gif",
    ],
)
def test_such_an_address_would_be_found(address: str) -> None:
    assert BLOCKED.search(address)
