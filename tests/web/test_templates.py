"""The templates of web/: how long their lines may be, and that each is used."""

import re

from tests.support.machine import ROOT

TEMPLATES = ROOT / "web" / "templates"
LINE_LIMIT = 160
REFERENCE = re.compile(r'"((?:desk|me)/[\w/]+\.html)"')


def test_no_line_is_longer_than_the_limit() -> None:
    long = [
        f"{path.relative_to(TEMPLATES)}:{number}"
        for path in sorted(TEMPLATES.rglob("*.html"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > LINE_LIMIT
    ]
    assert not long


def test_every_template_is_named_by_code_or_by_another_template() -> None:
    sources = [*(ROOT / "web").rglob("*.py"), *TEMPLATES.rglob("*.html")]
    named = {name for source in sources for name in REFERENCE.findall(source.read_text(encoding="utf-8"))}
    assert named == {str(path.relative_to(TEMPLATES)) for path in TEMPLATES.rglob("*.html")}
