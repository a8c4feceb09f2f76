"""Creatives: what a marketer may put into a page, made safe before a visitor sees it."""

import re
from html import unescape
from typing import Any

import nh3

HTML_LIMIT = 64 * 1024
DEPTH_LIMIT = 12
SIGNUP_VERSION, SIGNUP_CONSENT, SIGNUP_TOPICS = 64, 2_000, 20

TAGS = {
    "a", "abbr", "b", "br", "blockquote", "code", "del", "div", "em", "figcaption", "figure", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "i", "img", "ins", "li", "mark", "ol", "p", "picture", "q", "s", "section", "small",
    "source", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
}  # fmt: skip
"""No script, style, form, frame, object, svg or math: nothing that runs, submits or draws over the page."""

ATTRIBUTES = {
    "*": {"class", "dir", "lang", "title", "role"},
    "a": {"href", "target"},
    "img": {"src", "alt", "width", "height", "loading"},
    "source": {"srcset", "media", "type"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
"""No ``style`` and no ``on…``: a strict Content-Security-Policy refuses both, and so do we."""
ADDRESSES = {"href", "src"}
"""Which of them are an address; ``srcset`` is several."""

_HOSTILE_SCHEME = re.compile(r"(?i)(?:javascript|vbscript):|data:text/html")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\u2028-\u202f\ufeff]")
WEB = re.compile(r"(?i)(?:https?://|/(?!/)|[#?])")

SCHEMES = {"http", "https", "mailto", "tel"}
_SCHEME = re.compile(r"[^/?#]*:")
_CANDIDATE = re.compile(r"[^\s,]+")


def _harmless(address: str) -> bool:
    """Whether ``address`` has a scheme of SCHEMES or none. A browser skips what is invisible in a scheme."""
    scheme = _SCHEME.match(_INVISIBLE.sub("", address))
    return scheme is None or scheme[0].partition(":")[0].lower() in SCHEMES


def _attribute(_: str, name: str, value: str) -> str | None:
    """An attribute's value, or None: every candidate of a srcset is an address, which nh3 does not look at."""
    if name == "srcset":
        return value if all(map(_harmless, _CANDIDATE.findall(value))) else None
    return value if name not in ADDRESSES or _harmless(value) else None


_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    attribute_filter=_attribute,
    url_schemes=SCHEMES,
    link_rel="noopener noreferrer",
    strip_comments=True,
    clean_content_tags={"script", "style", "template", "noscript", "iframe", "object", "svg", "math"},
)

_bare = nh3.Cleaner(tags=set(), strip_comments=True, clean_content_tags={"script", "style", "template"})


def sanitise(source: str) -> str:
    """HTML with every tag and attribute that is not on the list taken out."""
    return _cleaner.clean(source)


def words(source: str) -> str:
    """The words of HTML, without its tags: what an agent reads out."""
    return " ".join(unescape(_bare.clean(source)).split())


def served(kind: str, content: Any) -> Any:
    """``content`` as it goes to the visitor. What is stored stays as the marketer wrote it."""
    return sanitise(content) if kind == "html" else content


def hostile(text: str) -> bool:
    """Whether ``text`` as an address would run code."""
    return _HOSTILE_SCHEME.match(_INVISIBLE.sub("", text)) is not None


def content_problem(kind: str, content: Any) -> str | None:
    """Why ``content`` is not a creative of this kind, or None."""
    if kind == "html":
        if not isinstance(content, str) or not content.strip():
            return "HTML is a text that is not empty"
        return f"longer than {HTML_LIMIT:,} characters" if len(content) > HTML_LIMIT else None
    if not isinstance(content, dict) or not content:
        return "an object that is not empty"
    if kind == "image":
        return _image_problem(content)
    return _signup_problem(content.get("signup")) or _json_problem(content, 0)


def _signup_problem(form: Any) -> str | None:
    """A form to sign up says what people agree to, and which version of the text that is: without it, no consent has a
    proof."""
    if form is None:
        return None
    if not isinstance(form, dict):
        return "signup is an object"
    for name in ("consent", "version"):
        if not isinstance(form.get(name), str) or not form[name].strip():
            return f"signup has {name}, a text that is not empty"
    if len(form["version"]) > SIGNUP_VERSION or len(form["consent"]) > SIGNUP_CONSENT:
        return f"signup's version has at most {SIGNUP_VERSION} characters, its consent {SIGNUP_CONSENT:,}"
    topics, popup = form.get("topics", []), form.get("popup")
    if (
        not isinstance(topics, list)
        or len(topics) > SIGNUP_TOPICS
        or not all(isinstance(t, str) for t in topics)
    ):
        return f"signup's topics are at most {SIGNUP_TOPICS} texts"
    if popup not in (None, False, "exit") and (
        isinstance(popup, bool) or not isinstance(popup, int) or popup <= 0
    ):
        return 'signup\'s popup is "exit" or a number of seconds'
    return None


def _image_problem(content: dict[Any, Any]) -> str | None:
    unknown = set(content) - {"src", "alt", "link", "width", "height"}
    if unknown:
        return f"an image has src, alt, link, width and height, not {sorted(map(str, unknown))[0]!r}"
    for key in ("src", "link"):
        value = content.get(key)
        if value is None and key == "link":
            continue
        if not isinstance(value, str) or not WEB.match(value):
            return f"{key} is an address that begins with https://, http:// or /"
    for key in ("width", "height"):
        value = content.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 10_000:
            return f"{key} is a number of pixels"
    return None if isinstance(content.get("alt", ""), str) else "alt is a text"


def _json_problem(value: Any, depth: int) -> str | None:
    """JSON is the page's own to render; still no value may be an address that runs code."""
    if depth > DEPTH_LIMIT:
        return f"nested deeper than {DEPTH_LIMIT}"
    if isinstance(value, str):
        return "holds an address that runs code" if hostile(value) else None
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            return "keys are texts"
        value = list(value.values())
    elif value is not None and not isinstance(value, bool | int | float | list):
        return f"holds a {type(value).__name__}, which JSON has not"
    for each in value if isinstance(value, list) else ():
        problem = _json_problem(each, depth + 1)
        if problem:
            return problem
    return None
