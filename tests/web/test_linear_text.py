"""Text of strangers costs what it is long: no expression in the tree takes four times as long for twice as much.

Every pattern of the stages is found by itself, and attacked with repetitions made from its own parts. A time is only
ever compared with another of the same run, and only where a few thousand characters took longer than any linear
expression does.
"""

import ast
import importlib
import re
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from typing import Any

import pytest

from ingest.enrich import channels
from ingest.enrich.sources import places
from offers.audience import grammar
from recommender.catalogue.from_events import host_of
from tests.support.machine import FOLDERS, ROOT
from tracker import values
from tracker.admission.privacy import REDACTED, scrub
from tracker.fields import channel_rules
from tracker.http.address import client, truncate
from tracker.http.request import GZIP, gunzip
from tracker.money import money
from tracker.protocols.json_bodies import embedded
from tracker.refusal import Refusal
from warehouse.question.refused import QueryRefused
from warehouse.question.steps import parse_step

parser: Any = importlib.import_module("re._parser")

METHODS = ("search", "fullmatch", "match", "sub", "finditer", "findall", "split")
CHARACTERS = " \t\na0A.-_@&=%/\\'\",:;{<[(#?+~!"
PAIRS = (
    "a.",
    "a ",
    " a",
    "a@",
    "a=",
    "&a",
    "; ",
    "{{",
    "''",
    '""',
    "\\x",
    "%4",
    "a,",
    "<a",
    "=a",
    "-a",
    "a:",
    "0.",
)
LENGTH = 4_000
SUSPECT_SECONDS = 0.004
"""Linear ones take a tenth of it for LENGTH characters, quadratic ones ten times as much."""


Found = tuple[str, re.Pattern[Any], frozenset[str]]


def patterns() -> Iterator[Found]:
    """Each pattern of the stages with where it stands, and how it is used: compiled ones by name, and those written
    where they are used. (One that is anchored by ``match`` need not be good at ``search``.)"""
    sources = {path: path.read_text() for stage in FOLDERS for path in sorted((ROOT / stage).rglob("*.py"))}
    everything = "\n".join(sources.values())
    for path, source in sources.items():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for name in re.findall(r"^(\w+)(?:: [^=\n]+)? = re\.compile", source, re.MULTILINE):
            pattern = getattr(importlib.import_module(module), name)
            users = source if name.startswith("_") else everything
            used = frozenset(re.findall(rf"\b{name}\.(\w+)\(", users)) & frozenset(METHODS)
            yield f"{module}.{name}", pattern, used or frozenset(METHODS)
        yield from written(module, source)


def written(module: str, source: str) -> Iterator[Found]:
    for node in ast.walk(ast.parse(source)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        owner, first = node.func.value, node.args[0]
        if not (isinstance(owner, ast.Name) and owner.id == "re" and node.func.attr in METHODS):
            continue
        if isinstance(first, ast.Constant):
            yield f"{module}:{node.lineno}", re.compile(first.value), frozenset({node.func.attr})


def example(parsed: Any) -> str:
    """A short text that the parsed expression (or a part of it) takes, roughly."""
    made = ""
    for operator, argument in parsed:
        name = str(operator)
        if name == "LITERAL":
            made += chr(argument)
        elif name == "IN":
            made += member(argument)
        elif name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            made += example(argument[2]) * max(argument[0], 1)
        elif name == "SUBPATTERN":
            made += example(argument[-1])
        elif name == "BRANCH":
            made += example(argument[1][0])
        elif name == "ATOMIC_GROUP":
            made += example(argument)
        elif name in ("ANY", "NOT_LITERAL"):
            made += "a"
    return made


def member(chosen: Any) -> str:
    for kind, argument in chosen:
        if str(kind) == "LITERAL":
            return chr(argument)
        if str(kind) == "RANGE":
            return chr(argument[0])
        if str(kind) == "CATEGORY":
            return {"CATEGORY_SPACE": " ", "CATEGORY_DIGIT": "0"}.get(str(argument), "a")
    return "a"


def parts(parsed: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """For each repetition in the expression: what stands before it, and what it repeats."""
    for at, (operator, argument) in enumerate(parsed):
        name, so_far = str(operator), before + example(parsed[:at])
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
            yield so_far, example(argument[2])
            yield from parts(argument[2], so_far)
        elif name == "SUBPATTERN":
            yield from parts(argument[-1], so_far)
        elif name == "BRANCH":
            for branch in argument[1]:
                yield from parts(branch, so_far)


def attacks(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str, str]]:
    """Beginning, what is repeated, and an end that does not fit."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    parsed = list(parser.parse(text, pattern.flags & ~re.UNICODE))
    found = list(dict.fromkeys(parts(parsed)))
    beginnings = list(dict.fromkeys(["", *(beginning for beginning, _ in found)]))[:12]
    repeated = list(dict.fromkeys([*CHARACTERS, *PAIRS, *(each for _, each in found), example(parsed)]))
    for beginning in beginnings:
        for each in filter(None, repeated):
            for end in ("", "\0"):
                yield beginning, each, end


class Attacked:
    """A pattern and the methods that it is used by."""

    def __init__(self, pattern: re.Pattern[Any], methods: Collection[str]) -> None:
        self.pattern = pattern
        self.empty: Any = "" if isinstance(pattern.pattern, str) else b""
        self.methods = [method for method in METHODS if method in methods]

    def seconds(self, attack: tuple[str, str, str], length: int, tries: int) -> float:
        beginning, each, end = attack
        text: Any = beginning + each * (length // len(each)) + end
        if isinstance(self.empty, bytes):
            text = text.encode("latin-1", "replace")
        best = 1e9
        for _ in range(tries):
            start = time.process_time()
            for method in self.methods:
                self._use(method, text)
            best = min(best, time.process_time() - start)
        return best

    def _use(self, method: str, text: Any) -> None:
        if method == "sub":
            self.pattern.sub(self.empty, text)
        elif method == "finditer":
            for _ in self.pattern.finditer(text):
                pass
        else:
            getattr(self.pattern, method)(text)

    def worst(self) -> tuple[float, tuple[str, str, str]]:
        """By how much the worst attack grows when it is twice as long; 1 where nothing takes any time."""
        found = (1.0, ("", "", ""))
        for attack in attacks(self.pattern):
            if any(self.seconds(attack, LENGTH, tries) < SUSPECT_SECONDS for tries in (1, 3)):
                continue
            once, twice = self.seconds(attack, LENGTH, 5), self.seconds(attack, 2 * LENGTH, 5)
            found = max(found, (twice / once, attack))
            if found[0] > 3:
                break
        return found


@pytest.mark.parametrize(
    ("where", "pattern", "methods"), [pytest.param(*each, id=each[0]) for each in patterns()]
)
def test_no_expression_is_worse_than_linear(
    where: str, pattern: re.Pattern[Any], methods: frozenset[str]
) -> None:
    ratio, (beginning, each, end) = Attacked(pattern, methods).worst()
    assert ratio <= 3, (
        f"{where} on {beginning!r} + {each!r} × {LENGTH} + {end!r}: × {ratio:.1f} for twice the text"
    )


@pytest.mark.parametrize(
    "expression", [r"[^\s@/?&#=:]+@[^\s@/?&#=:]+\.[A-Za-z]{2,}", r"\s+where\s+", r"\s*-\s*", r"x*y"]
)
def test_the_test_finds_what_is_worse(expression: str) -> None:
    assert Attacked(re.compile(expression), {"search"}).worst()[0] > 3


def test_all_patterns_are_found() -> None:
    names = [where for where, *_ in patterns()]
    assert len(names) > 60
    assert {
        "tracker.admission.privacy._FIELD",
        "warehouse.question.steps._BEGIN",
        "offers.campaign.placeholders.PLACEHOLDER",
    } <= set(names)


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://x/a?q=kim@shop.example", f"https://x/a?q={REDACTED}"),
        ("/kim@shop.example/orders", f"/{REDACTED}/orders"),
        ("/a@b.com@c.com", f"/{REDACTED}@c.com"),
        ("/kim.lee+x@mail.shop.co.kr.", f"/{REDACTED}."),
        ("/a@b", "/a@b"),
        ("/@b.com", "/@b.com"),
        ("/a@b.c", "/a@b.c"),
        ("/1@2.kr=3@4.kr", f"/{REDACTED}={REDACTED}"),
        ("/?to=kim%40shop.example&n=1", f"/?to={REDACTED}&n=1"),
    ],
)
def test_mail_addresses_are_found_as_before(address: str, kept: str) -> None:
    assert scrub(address) == kept


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("a = b", [("a", "=", "b")]),
        ("a = b and c >= 50", [("a", "=", "b"), ("c", ">=", "50")]),
        ("  a~ 'x and y'   and   b != \"z\" ", [("a", "~", "x and y"), ("b", "!=", "z")]),
        ("a = rock and roll", None),
        ("a = sand and b = 'it", [("a", "=", "sand"), ("b", "=", "'it")]),
        ("a =", None),
        ("a = 'b' c", [("a", "=", "'b' c")]),
    ],
)
def test_conditions_are_read_as_before(text: str, conditions: list[tuple[str, str, str]] | None) -> None:
    if conditions is None:
        with pytest.raises(QueryRefused):
            parse_step(f"event:E where {text}")
    else:
        step = parse_step(f"event:E  where   {text}")
        assert [(each.field, each.operator, each.value) for each in step.conditions] == conditions


def referred(host: str) -> None:
    places.place_of.cache_clear()
    channels._from_referrer.cache_clear()
    channels.arrival("https://shop.example/", f"https://{host}/?q=x")


SCANNERS: list[tuple[str, Callable[[str], object], str]] = [
    ("labels of a referrer", referred, "a."),
    ("labels like an engine's", referred, "google."),
    ("words of a search", lambda text: channels.keyword(f"https://google.com/?q={text}", ("q",)), "%ed+"),
    ("parameters of a campaign", lambda text: channels.arrival(f"https://x/?{text}", ""), "&utm_a=%"),
    (
        "parameters behind a number sign",
        lambda text: channels.arrival(f"https://x/#/{text}", ""),
        "?utm_a;=%",
    ),
    (
        "a source of a campaign",
        lambda text: channels.arrival(f"https://x/?utm_source={text}", ""),
        "a.b-_ads",
    ),
    ("escaped ampersands", lambda text: channels.arrival(f"https://x/?{text}utm_source=a", ""), "amp;"),
    ("an app that a visitor came from", lambda text: channels.arrival("/", f"android-app://{text}"), "a."),
    ("a pattern of a rule", lambda text: channel_rules.matches("*a*b*c", text), "ab"),
    ("a rule of channels", lambda text: channel_rules.parse_rule(f"{text} => push"), "host=a,"),
    ("at signs", scrub, "a@b."),
    ("colons of an address", truncate, "1:"),
    ("a list of proxies", lambda text: client("10.0.0.1", text, 2), "1.1.1.1,"),
    ("halves of surrogate pairs", lambda text: embedded(f'["{text}"]'.encode()), r"\ud800"),
    ("numbers too large", lambda text: embedded(f"[{text}1]".encode()), "1e999,"),
    ("one number", lambda text: embedded(f"[{text}]".encode()), "9"),
    ("long keys", lambda text: values.settled({f"{text}{n}": 1 for n in range(600)}), "k"),
    ("literals of an audience", lambda text: grammar.parse(f"a in ({text}1)"), "1,"),
    ("conditions of a step", lambda text: parse_step(f"event:E where a = {text}b"), "b and "),
    ("an amount", money, "1_"),
    ("an amount with marks", money, "1,"),
    ("labels of a product's address", lambda text: host_of(f"https://{text}/"), "a."),
]


@pytest.mark.parametrize(("scan", "part"), [pytest.param(*each, id=name) for name, *each in SCANNERS])
def test_no_scanner_is_worse_than_linear(scan: Callable[[str], object], part: str) -> None:
    """Where no expression reads a stranger's text but a loop of ours. As above: what takes no time is not compared."""

    def seconds(length: int, tries: int = 5) -> float:
        text, best = part * (length // len(part)), 1e9
        for _ in range(tries):
            start = time.process_time()
            with suppress(ValueError, QueryRefused):
                scan(text)
            best = min(best, time.process_time() - start)
        return best

    if seconds(LENGTH, 3) >= SUSPECT_SECONDS:
        assert seconds(2 * LENGTH) / seconds(LENGTH) <= 3


def test_a_gzip_body_of_many_parts_is_refused() -> None:
    import gzip

    part = gzip.compress(b"")
    assert part.startswith(GZIP)
    assert gunzip(gzip.compress(b"[1,") + gzip.compress(b"2]"), 100) == b"[1,2]"
    assert isinstance(gunzip(part * 20_000, 1_000), Refusal)
