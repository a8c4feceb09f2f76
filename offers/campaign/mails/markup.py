"""MJML or HTML with Liquid in it → HTML with its styles inlined, and a text. Nothing is fetched or included.

Liquid stands in places where HTML has no text, such as between the rows of a table, and holds quotes and "<". Parsers
of HTML would move or escape it. So each of its tags is a word while they work, or a comment between elements.
"""

import re
from html.parser import HTMLParser
from itertools import count
from typing import NamedTuple

import css_inline
import mrml

from offers.campaign.mails.content import MailInvalid

LIQUID = re.compile(r"\{\{[^{}]*+\}\}|\{%(?:[^{}%]|%(?!\}))*+%\}")
"""A tag with braces inside is left to the parser of Liquid, which refuses it or prints it."""
DEPTH_LIMIT = 100
"""Elements inside each other: the parser of MJML is recursive, and would end the process."""
COMPILED_LIMIT = 512 * 1024
TAGS_LIMIT = 500
"""Each loop may be as long as all others."""
FORBIDDEN = re.compile(
    r"(?i)<\s*(script|iframe|frame|object|embed|form|input|base|svg|math|link|mj-include)\b|\s(on[a-z]+)\s*="
)
_PIECES = re.compile(
    r"(<!--.*?-->|<style\b.*?</style\s*>|<title\b.*?</title\s*>|<[^<>]*>)", re.DOTALL | re.IGNORECASE
)
_ADDRESS = re.compile(r"""(?i)\s(?:href|src|background)=("[^"]*"|'[^']*')""")
_TAG = re.compile(r"<(/?)([A-Za-z][\w-]*+)([^<>]*+)>")
LINK, SOURCE, END = "\ue000", "\ue001", "\ue002"
"""Characters for private use, around each address: a link's or that of what is loaded. Whoever fills the template reads
the addresses without searching the HTML of every mail for them. No value holds them."""
_LINKED = re.compile(r"(?i)(<[a-z][\w-]*+)([^<>]*+)")
_MARKED = re.compile(r'(?i)(\s)(href|src|background)="([^"]*)"')
_VOID = frozenset({"area", "br", "col", "hr", "img", "meta", "source", "wbr"})
_INLINER = css_inline.CSSInliner(load_remote_stylesheets=False, keep_style_tags=True, keep_at_rules=True)


class Compiled(NamedTuple):
    """HTML and text as templates of Liquid."""

    html: str
    text: str


def compiled(source: str, is_mjml: bool) -> Compiled:
    """Raises MailInvalid."""
    marked, tags, word = _marked(re.sub("[\ue000-\ue002]", "", source))
    if found := FORBIDDEN.search(marked):
        raise MailInvalid(f"a mail may not hold {'<' + found[1] + '>' if found[1] else found[2] + '='}")
    if deep(marked) > DEPTH_LIMIT:
        raise MailInvalid(f"elements stand more than {DEPTH_LIMIT} deep inside each other")
    html = _from_mjml(marked) if is_mjml else _document(marked)
    html = _INLINER.inline(_commented(html, tags, word))
    if lost := [each for index, each in enumerate(tags) if f"{word}{index}z" not in html]:
        raise MailInvalid(f"{lost[0][:60]} stands where nothing is shown")
    if len(html) > COMPILED_LIMIT:
        raise MailInvalid(f"its HTML is longer than {COMPILED_LIMIT:,} characters")
    html = _encoded_addresses(html, tags, word)
    plain = _restored(_text(html), tags, word)
    return Compiled(_restored(_LINKED.sub(_addresses_marked, html), tags, word), plain)


def _addresses_marked(found: re.Match[str]) -> str:
    """A start tag with its addresses between marks."""
    is_link = found[1].lower() in ("<a", "<area")

    def mark(attribute: re.Match[str]) -> str:
        kind = LINK if is_link and attribute[2].lower() == "href" else SOURCE
        return f'{attribute[1]}{attribute[2]}="{kind}{attribute[3]}{END}"'

    return found[1] + _MARKED.sub(mark, found[2])


def deep(source: str) -> int:
    """How deep elements stand inside each other, at most; an element that is not closed counts to the end."""
    depth = most = 0
    for found in _TAG.finditer(source):
        if found[3].endswith("/") or found[2].lower() in _VOID:
            continue
        depth += -1 if found[1] else 1
        most = max(most, depth)
    return most


def _marked(source: str) -> tuple[str, list[str], str]:
    """The source with the n-th Liquid tag as the word ``{word}{n}z``, the tags, and the word."""
    word = next(each for index in count() if (each := f"zq{index}x") not in source)
    tags: list[str] = []

    def mark(found: re.Match[str]) -> str:
        tags.append(found[0])
        return f"{word}{len(tags) - 1}z"

    marked = LIQUID.sub(mark, source)
    if len(tags) > TAGS_LIMIT:
        raise MailInvalid(f"more than {TAGS_LIMIT} tags of Liquid")
    return marked, tags, word


def _from_mjml(source: str) -> str:
    options = mrml.ParserOptions(include_loader=mrml.noop_loader())
    try:
        made = mrml.to_html(source, options, mrml.RenderOptions(disable_comments=False, fonts={}))
    except (OSError, ValueError) as error:
        raise MailInvalid(f"MJML: {error}") from error
    if made.warnings:
        first = made.warnings[0]
        raise MailInvalid(f"MJML: {first.kind} at character {first.start}")
    html = str(made.content)
    if unknown := re.search(r"<(mj-[\w-]+)", html):
        raise MailInvalid(f"MJML has no <{unknown[1]}> there")
    return html


def _document(source: str) -> str:
    if re.search(r"(?i)<html\b", source):
        return source
    return f'<!doctype html><html><head><meta charset="utf-8"></head><body>{source}</body></html>'


def _commented(html: str, tags: list[str], word: str) -> str:
    """Tags of Liquid between elements as comments, which a parser leaves where they are."""
    name = re.compile(word + r"(\d+)z")

    def comment(found: re.Match[str]) -> str:
        return f"<!--{found[0]}-->" if tags[int(found[1])].startswith("{%") else found[0]

    return "".join(
        piece if index % 2 else name.sub(comment, piece) for index, piece in enumerate(_PIECES.split(html))
    )


def _encoded_addresses(html: str, tags: list[str], word: str) -> str:
    """A value that stands inside an address is a part of it: ``R&B`` becomes ``R%26B``."""
    name = re.compile(word + r"(\d+)z")

    def encode(found: re.Match[str]) -> str:
        start = found.start(1) + 1

        def one(inner: re.Match[str]) -> str:
            tag = tags[int(inner[1])]
            if tag.startswith("{{") and inner.start() > 0 and "url_encode" not in tag and "links." not in tag:
                ended = "-}}" if tag.endswith("-}}") else "}}"
                tags.append(f"{tag[: -len(ended)]} | url_encode {ended}")
                return f"{word}{len(tags) - 1}z"
            return inner[0]

        address = name.sub(one, found[1][1:-1])
        return html[found.start() : start] + address + found[1][-1]

    return _ADDRESS.sub(encode, html)


def _restored(text: str, tags: list[str], word: str) -> str:
    return re.sub(rf"<!--{word}(\d+)z-->|{word}(\d+)z", lambda found: tags[int(found[1] or found[2])], text)


class _Text(HTMLParser):
    """Words, with a line for each block, and each link's address after its words."""

    BLOCKS = frozenset(
        {"p", "div", "tr", "table", "ul", "ol", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "section"}
    )
    SILENT = frozenset({"style", "title", "head", "script", "noscript"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent, self._links = 0, list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in self.SILENT:
            self._silent += 1
        elif tag == "br" or tag in self.BLOCKS:
            self.parts.append("\n")
        elif tag == "li":
            self.parts.append("\n- ")
        elif tag == "a":
            self._links.append(given.get("href") or "")
        elif tag == "img" and given.get("alt"):
            self.parts.append(f"[{given['alt']}]")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.SILENT:
            self._silent = max(0, self._silent - 1)
        elif tag in self.BLOCKS:
            self.parts.append("\n")
        elif tag == "a" and self._links and (link := self._links.pop()):
            self.parts.append(f" ({link}) ")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"[\s\u200b-\u200f\ufeff]+", " ", data))

    def handle_comment(self, data: str) -> None:
        if re.fullmatch(r"zq\d+x\d+z", data):
            self.parts.append(data)


def _text(html: str) -> str:
    parser = _Text()
    parser.feed(html)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
