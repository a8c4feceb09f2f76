"""The documents of ``docs/`` as pages: they come with the wheel, so that help is there wherever the desk is."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

from flask import Response
from markdown_it import MarkdownIt
from markupsafe import Markup

from ingest.enrich.countries import Source
from web.desk.pages import Pages
from web.http.problem import Problem
from web.http.routes import Routes, get
from web.language import lazy_gettext as _l

FOLDER = Path(__file__).parent.parent / "docs"
TITLES = {
    "GLOSSARY": (_l("Glossary"), _l("The words of the desk and of this documentation")),
    "attribution": (
        _l("Attribution"),
        _l("Models, journeys, and what advertising cost and returned"),
    ),
    "backup": (
        _l("Backup and restore"),
        _l("What a backup contains, how to restore it, and how erasures are kept"),
    ),
    "collecting": (
        _l("Tracking"),
        _l("The snippet, the clients of other trackers, your own domain, limits"),
    ),
    "catalogue": (_l("The catalogue"), _l("Items, variants and feeds")),
    "counting": (_l("How metrics are calculated"), _l("The rules behind the figures in the reports")),
    "damage": (_l("Damage on disk"), _l("How damage is found and repaired, and what reports leave out")),
    "files": (_l("The shop's files"), _l("Imports of orders, items, contacts, calls and costs")),
    "licences": (_l("Licences"), _l("The packages that Dangol needs, and their licences")),
    "mails": (_l("Mails"), _l("Templates, placeholders, sending, bounces and complaints")),
    "offers": (_l("Offers"), _l("Campaigns, segments, frequency caps, holdouts and results")),
    "permission": (_l("Permission"), _l("Who may be written to: consent, unsubscribing, the law by country")),
    "shops": (_l("Hosted shops"), _l("Orders from Shopify, WooCommerce and Cafe24")),
}
"""The documents in the desk's language: a test lists those that are missing here."""
_BESIDE = re.compile(r'href="(?:docs/)?([\w-]+)\.md(#[^"]*)?"')
_UNSAID = re.compile(r"[^\w\- ]")
_HEADING = re.compile(r"^# (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HelpPages:
    pages: Pages
    countries: Callable[[], Source]

    def routes(self) -> Routes:
        return (
            get("/desk/help", self.contents),
            get("/desk/help/<name>", self.document),
        )

    def contents(self) -> Response:
        listed = [(name, *TITLES.get(name, (heading(name), ""))) for name in documents()]
        return self.pages.show(
            "desk/help.html", "help", self.pages.site(), listed=listed, countries=self.countries()
        )

    def document(self, name: str) -> Response:
        if name not in documents():
            raise Problem(404, "There is no such document", "name")
        title = TITLES[name][0] if name in TITLES else heading(name)
        return self.pages.show(
            "desk/document.html", "help", self.pages.site(), title=title, text=rendered(name)
        )


@cache
def documents() -> tuple[str, ...]:
    """Their names, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.md")))


@cache
def heading(name: str) -> str:
    found = _HEADING.search(_text(name))
    return found[1] if found else name


@cache
def rendered(name: str) -> Markup:
    """One document as HTML; a link to another one leads to its page."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(_text(name))
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(inline.content))
    html = markdown.renderer.render(tokens, markdown.options, {})
    return Markup(_BESIDE.sub(r'href="/desk/help/\1\2"', html))  # noqa: S704  our own text, without HTML in it


def anchor(title: str) -> str:
    """Where a link to a heading leads: as on GitHub, so that the documents' links hold in both places."""
    return _UNSAID.sub("", title.lower()).replace(" ", "-")


def _text(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")
