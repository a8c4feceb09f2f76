"""Templates of Liquid: values are escaped, loops and output are limited, nothing is loaded, and names are known.

A page's placeholder with what stands there otherwise, ``{{ trait.first_name | friend }}``, means the same here.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from liquid import Environment
from liquid.exceptions import LiquidError, ResourceLimitError

from offers.campaign.mails.blocks import escaped, mjml_of
from offers.campaign.mails.content import MailContent, MailInvalid, mail_content
from offers.campaign.mails.markup import LIQUID, compiled
from offers.campaign.placeholders import NAMES, PLACEHOLDER, TRAITS, plain

KNOWN = frozenset({"trait", "items", "coupon", "trigger", "site", "links", "lang", *NAMES})
OUTPUT_LIMIT = 512 * 1024
"""Bytes of one part of one mail."""
TEMPLATES_KEPT = 256
_UNSAFE = (
    "safe",
    "escapejs",
    "base64_decode",
    "base64_url_safe_decode",
    "base64_encode",
    "base64_url_safe_encode",
)


class _Sandbox(Environment):
    block_nesting_limit = 20
    context_depth_limit = 20
    loop_iteration_limit = 2_000
    local_namespace_limit = 64 * 1024
    output_stream_limit = OUTPUT_LIMIT


def _sandbox(autoescape: bool) -> Environment:
    made = _Sandbox(autoescape=autoescape, strict_filters=True)
    for name in _UNSAFE:
        made.filters.pop(name, None)
    for name in ("include", "render"):
        made.tags.pop(name, None)
    return made


_HTML, _TEXT = _sandbox(True), _sandbox(False)


class MailTemplate:
    """A mail to fill for many people: made once for each variant. ``names`` are the values that it asks for."""

    def __init__(self, content: MailContent) -> None:
        """Raises MailInvalid."""
        self.content = content
        source = content.mjml or content.html or mjml_of(content.blocks)
        made = compiled(source, is_mjml=not content.html)
        html = _with_preheader(made.html, content.preheader)
        parts = {
            "subject": (_TEXT, content.subject),
            "from_name": (_TEXT, content.from_name),
            "text": (_TEXT, content.text or made.text),
            "html": (_HTML, html),
        }
        self._parts = {name: _parsed(name, *part) for name, part in parts.items()}
        self.names = frozenset[str]().union(*(names for _, names in self._parts.values()))
        self.links_unsubscribe = "links.unsubscribe" in html

    def fill(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """``subject``, ``from_name``, ``text`` and ``html``. Raises MailInvalid."""
        try:
            return {name: str(part.render(**values)) for name, (part, _) in self._parts.items()}
        except ResourceLimitError as error:
            raise MailInvalid(f"it grows too large: {_told(error)}") from error
        except (LiquidError, ArithmeticError, RecursionError, TypeError, ValueError) as error:
            raise MailInvalid(f"it cannot be filled: {_told(error)}") from error


def mail_problem(content: Any, coupons: bool = False) -> str | None:
    """Why ``content`` is not a mail, or None. ``coupons``: whether there is a pool of codes."""
    try:
        template = template_of(content)
        template.fill({})
    except MailInvalid as error:
        return str(error)
    if "coupon" in template.names and not coupons:
        return "{{ coupon }} needs a pool of codes: name it under coupons"
    return None


def template_of(content: Any) -> MailTemplate:
    """Of a creative's content; kept, since all mails of a variant have the same. Raises MailInvalid."""
    try:
        return _template(msgspec.json.encode(content))
    except (TypeError, UnicodeError, RecursionError, msgspec.MsgspecError) as error:
        raise MailInvalid("is no JSON") from error


@lru_cache(TEMPLATES_KEPT)
def _template(document: bytes) -> MailTemplate:
    return MailTemplate(mail_content(msgspec.json.decode(document)))


def _parsed(part: str, environment: Environment, source: str) -> tuple[Any, frozenset[str]]:
    try:
        template = environment.from_string(
            PLACEHOLDER.sub(lambda found: _otherwise(found, environment), source)
        )
        used = template.analyze().globals
    except (LiquidError, RecursionError) as error:
        raise MailInvalid(f"{part}: {_told(error)}") from error
    names = frozenset(str(name) for name in used)
    if unknown := sorted(names - KNOWN):
        raise MailInvalid(f"{part}: no placeholder {unknown[0]!r}: one of {', '.join(sorted(KNOWN))}")
    for trait in re.findall(r"\btrait\.([\w-]+)", " ".join(LIQUID.findall(source))):
        if plain(trait) not in TRAITS:
            raise MailInvalid(
                f"{part}: trait.{trait} is not for mails; of a person's traits only {', '.join(sorted(TRAITS))}"
            )
    return template, names


def _told(error: Exception) -> str:
    """In one line, without the drawing of its place."""
    return str(getattr(error, "message", error)).partition("\n")[0]


def _otherwise(found: re.Match[str], environment: Environment) -> str:
    """A page's placeholder as Liquid."""
    told = (found[2] or "").strip()
    if not told or re.split(r"[\s:|]", told)[0] in environment.filters:
        return found[0]
    if "|" in told:
        base, _, rest = told.partition("|")
        return f"{{{{ {found[1]} | default: {json.dumps(base.strip(), ensure_ascii=False)} | {rest} }}}}"
    return f"{{{{ {found[1]} | default: {json.dumps(told, ensure_ascii=False)} }}}}"


def _with_preheader(html: str, preheader: str) -> str:
    """The line that a list of mails shows after the subject; the mail itself does not show it."""
    if not preheader:
        return html
    hidden = (
        '<div style="display:none;font-size:1px;line-height:1px;max-height:0;max-width:0;opacity:0;overflow:hidden">'
        f"{escaped(preheader)}</div>"
    )
    return re.sub(r"(?i)(<body\b[^>]*>)", lambda found: found[1] + hidden, html, count=1)
