"""The tables of a desk page and the files that they are offered as."""

import re
from html import unescape

from flask.testing import FlaskClient


def check_tables(desk: FlaskClient, page: str, path: str) -> None:
    """Each table stands in a section with links to files of its own, and they lead somewhere."""
    for section in sections(page):
        tables, found = section.count("<table"), links(section)
        files = [link for link in found if taken(desk, link) == "text/csv"]
        assert len(found) == 2 * len(files) and len(set(files)) >= tables, (path, section[:200])


def sections(page: str) -> list[str]:
    """The page cut at its sections: they do not hold each other. Parts of a page have none, or one."""
    assert not re.search(r"<section(?:(?!</section>).)*<section", page, re.DOTALL)
    return re.split(r"<section|</section>", page)


def taken(desk: FlaskClient, link: str) -> str:
    answer = desk.get(link)
    assert answer.status_code == 200, link
    return answer.headers["Content-Type"].partition(";")[0]


def links(page: str) -> list[str]:
    return [unescape(link) for link in re.findall(r'href="(/desk/reports/[^"]+)"', page)]
