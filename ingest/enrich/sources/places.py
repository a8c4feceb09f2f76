"""What kind of place a referrer or a named source is, by the data file ``sources.tsv``."""

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from ingest.enrich.sources.domains import registered
from tracker.fields.channel_rules import matches

# Labels before a domain that say how a page looks, not which it is.
_NEUTRAL = frozenset({*("www", *(f"www{n}" for n in range(10))), "m", "mobile", "mobil", "wap", "touch"})
# Countries before a domain; left out are those whose codes usually mean something else, such as tv and my.
_COUNTRIES = (
    " ae ar at au be bg bo br by ca ch cl cn co cr cz de dk do ec ee eg en es fi fr gr gt hk hn hr hu ie il in is "
    " it jp ke kr kw kz lk lt lu lv ma mx ng ni nl no nz om pa pe ph pk pl pt py ro rs ru se sg si sk sv th tn tr "
    " tw ua ug uk us uy uz ve vn za "
)
_MAIL_LABELS = frozenset({"mail", "webmail", "email", "roundcube", "zimbra", "horde", "owa"})
_MASTODON_LABELS = frozenset({"mastodon", "mstdn", "lemmy", "misskey", "pixelfed"})
_THREE_D_SECURE = re.compile(r"(?:acs|3ds|3-?d-?secure|emv-?3ds|vbv)[0-9]{0,2}(?:-[a-z0-9]{1,12})?")
"""First names of banks' hosts that ask for a password of 3-D Secure: acs2.bank.example, 3ds.bank.example."""
APP = "app/"
"""Stands before the name of an app, such as com.google.android.gm."""


class Place(NamedTuple):
    """``kind`` is search, social, video, shopping, e-mail, AI assistant, display, affiliate, passing, spam or referral;
    ``words``: the parameters of its addresses that hold what was searched for."""

    kind: str
    name: str
    words: tuple[str, ...] = ()


class Click(NamedTuple):
    """A parameter that an ad network, shop or mail tool appends to links. ``pattern``: what its value must look like,
    "" for any. ``channel`` "" follows from source and medium."""

    parameter: str
    pattern: str
    source: str
    medium: str
    channel: str

    def fits(self, value: str) -> bool:
        return bool(value) and (not self.pattern or matches(self.pattern, value))


class Places(NamedTuple):
    """The data file. ``exact`` hosts count alone, ``below`` with all hosts below them; of both, the suffix may be
    ``*``. ``paths``: by the name of a place and the first part of a path. ``names``: by a source's name."""

    exact: dict[str, Place]
    below: dict[str, Place]
    paths: dict[str, Place]
    names: dict[str, Place]
    clicks: list[Click]


def read(lines: Iterator[str]) -> Places:
    """The data file's lines: kind, pattern, name, words. A pattern is a host (``google.*``), ``.host`` with all
    hosts below it, ``name/path``, ``app/id``, or ``=name`` of a source. A click's is a parameter, with ``=value`` where
    only some values count; its words are medium and channel."""
    found = Places({}, {}, {}, {}, [])
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        kind, pattern, name, words = (*line.rstrip("\n").split("\t"), "", "")[:4]
        if kind == "click":
            parameter, _, value = pattern.partition("=")
            medium, _, channel = words.partition(",")
            found.clicks.append(Click(parameter.lower(), value, name, medium, channel))
            continue
        place = Place(kind, name or pattern.lstrip("=."), tuple(words.split(",")) if words else ())
        if pattern.startswith("="):
            found.names[plain_name(pattern[1:])] = place
            continue
        if pattern.startswith("."):
            found.below[pattern[1:]] = place
        elif "/" in pattern and not pattern.startswith(APP):
            found.paths[pattern] = place
        else:
            found.exact[pattern] = place
    return found


def plain_name(text: str) -> str:
    """With a space for the marks that stand between words: google_ads, google-ads."""
    return " ".join(text.replace("_", " ").replace("-", " ").split())


@lru_cache(maxsize=1)
def places() -> Places:
    with (files(__package__) / "sources.tsv").open(encoding="utf-8") as lines:
        return read(lines)


@lru_cache(maxsize=1 << 16)
def place_of(host: str) -> Place:
    """The place of a host or of an app (``app/`` and its id); one that nobody knows is a referral of its own name."""
    known = places()
    if host.startswith(APP):
        return known.exact.get(host) or Place("referral", host.removeprefix(APP))
    return _known_place(host, known) or _likely_place(host) or Place("referral", host)


def _known_place(host: str, known: Places) -> Place | None:
    domain, starred = registered(host)
    if not domain:
        return known.exact.get(host)
    given = [label for label in host[: -len(domain) - 1].split(".") if label]
    labels = [label for label in given if label not in _NEUTRAL]
    for form in (*_forms(given, domain, starred), *_forms(labels, domain, starred)):
        if found := known.exact.get(form):
            return found
    for start in range(len(given) + 1):
        for form in _forms(given[start:], domain, starred):
            if found := known.below.get(form):
                return found
    if labels and f" {labels[0]} " in _COUNTRIES:
        found = next(filter(None, map(known.exact.get, _forms(labels[1:], domain, starred))), None)
        if found and found.kind == "search":
            return found
    return None


def _forms(labels: list[str], domain: str, starred: str) -> Iterator[str]:
    yield ".".join((*labels, domain))
    if starred:
        yield ".".join((*labels, starred))


def _likely_place(host: str) -> Place | None:
    """What the first name of an unknown host says of it."""
    first = host.partition(".")[0]
    if first in _MAIL_LABELS:
        return Place("e-mail", host)
    if first in _MASTODON_LABELS:
        return Place("social", first)
    if _THREE_D_SECURE.fullmatch(first) and host != registered(host)[0]:
        return Place("passing", host)
    return None


@lru_cache(maxsize=1 << 14)
def named(source: str) -> Place | None:
    """What a tagged link calls its source, in lower case: a name that is known, or a known host."""
    known = places().names
    plain = plain_name(source)
    if found := known.get(plain) or known.get(plain.removesuffix(" ads").removesuffix(" ad")):
        return found
    if "." in source and len(source) <= 253:
        found = place_of(source.removeprefix("https://").removeprefix("http://").strip("/"))
        return found if found.name != source and found.kind not in ("referral", "passing") else None
    return None
