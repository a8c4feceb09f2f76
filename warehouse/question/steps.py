"""The steps of a funnel or path: what a marketer writes, as conditions on an event.

page:/shoes/*                            a page view whose path matches; * matches anything
page:https://shop.example/*              the same of the whole address
event:Product Viewed                     an event by its name, unless it was set apart as doubtful
event:Product Viewed where category = shoes and price >= 50
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from tracker.durations import DAY_MS, HOUR_MS, MINUTE_MS
from warehouse.definitions.conditions import PAGEVIEW
from warehouse.question.refused import QueryRefused

LENGTH_LIMIT = 1000
WINDOW_LIMIT = 366 * DAY_MS
UNITS = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}

Operator = Literal["=", "!=", ">=", "<=", ">", "<", "~"]
# Blanks are taken once, from the first of them on: people may send a thousand, and an expression that tries each
# division of them among its parts takes seconds.
_BEGIN = re.compile(r"\s*+([\w.$-]++)\s*+(!=|>=|<=|=|>|<|~)\s*+")
_QUOTED = re.compile(r"(\"[^\"]*+\"|'[^']*+')(?:\s++and\s++|\s*+$)")
_AND = re.compile(r"(?<!\s)\s++and\s++")
_WHERE = re.compile(r"(?<!\s)\s++where\s++")

TEXTS = frozenset(
    ("title", "referrer", "channel", "origin", "medium", "campaign", "keyword", "device", "browser")
)
TEXTS |= {"os", "country", "lang", "source", "url", "path"}
LINES = frozenset(("product", "category", "price", "quantity"))
"""Of the event itself or of any of its product lines."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A property against a value; ``~`` means contains. A property that the event lacks fulfils only ``!=``."""

    field: str
    operator: Operator
    value: str

    def sql(self, name: str) -> tuple[str, dict[str, Any]]:
        """The condition with its parameter $name. Numbers compare as numbers where both sides are."""
        if self.field in LINES:
            own, params = self._compare(self.field, name)
            line, _ = self._compare(f"line.{self.field}", name)
            among = f"len(list_filter(items, lambda line: coalesce({line}, false))) > 0"
            if self.operator == "!=":
                among = f"len(list_filter(items, lambda line: not coalesce({line}, true))) = 0"
                return f"(coalesce({own}, true) and coalesce({among}, true))", params
            return f"(coalesce({own}, false) or coalesce({among}, false))", params
        if self.field == "revenue":
            return self._compare("revenue", name)
        if self.field in TEXTS:
            return self._compare(self.field, name)
        text, params = self._compare(f"json_extract_string(props, ${name}_path)", name)
        path = ".".join(
            '"' + part.replace('"', "") + '"' for part in self.field.removeprefix("props.").split(".")
        )
        return text, {**params, f"{name}_path": f"$.{path}"}

    def _compare(self, column: str, name: str) -> tuple[str, dict[str, Any]]:
        numeric = column.rpartition(".")[2] in ("price", "quantity", "revenue")
        if self.operator == "~":
            return f"contains(lower({column}::varchar), lower(${name}))", {name: self.value}
        number = _number(self.value)
        if numeric or (number is not None and self.operator not in ("=", "!=")):
            if number is None:
                raise QueryRefused("step", f"{self.field} is a number: {self.value!r} is none")
            text = f"coalesce(try_cast({column} as double) {self.operator} ${name}, {self._absent})"
            return text, {name: number}
        return f"coalesce({column} {self.operator} ${name}, {self._absent})", {name: self.value}

    @property
    def _absent(self) -> str:
        return "true" if self.operator == "!=" else "false"


@dataclass(frozen=True, slots=True)
class Step:
    """``what`` is a glob of paths or addresses (page) or an event's name (event)."""

    kind: Literal["page", "event"]
    what: str
    conditions: tuple[Condition, ...] = ()

    @property
    def name(self) -> str:
        """As it is written."""
        said = " and ".join(f'{c.field} {c.operator} "{c.value}"' for c in self.conditions)
        return f"{self.kind}:{self.what}" + (f" where {said}" if said else "")

    @property
    def indexed(self) -> bool:
        """Whether type, name and path decide; else it takes more of an event than a block knows."""
        return not self.conditions and not self.what.startswith(("http:", "https:"))

    def sql(self, prefix: str) -> tuple[str, Mapping[str, Any]]:
        """The condition on an event, with parameters whose names begin with ``prefix``."""
        params: dict[str, Any] = {}
        parts = []
        if self.kind == "event":
            parts.append(f"type = 'track' and name = ${prefix} and doubtful is not true")
            params[prefix] = self.what
        else:
            parts.append(PAGEVIEW)
            column = "url" if self.what.startswith(("http:", "https:")) else "path"
            if "*" not in self.what:
                parts.append(f"{column} = ${prefix}")
                params[prefix] = self.what
            elif self.what.strip("*"):
                parts.append(f"{column} like ${prefix} escape '\\'")
                params[prefix] = _like(self.what)
        for number, condition in enumerate(self.conditions):
            text, more = condition.sql(f"{prefix}_{number}")
            parts.append(text)
            params |= more
        return "(" + " and ".join(f"({part})" for part in parts) + ")", params


def flags_of(steps: Sequence[Step]) -> tuple[str, dict[str, Any]]:
    """SQL of the steps that an event is of, as bits, and its parameters."""
    texts, params = ["0"], dict[str, Any]()
    for number, step in enumerate(steps):
        text, more = step.sql(f"step{number}")
        texts.append(f"(case when {text} then {1 << number} else 0 end)")
        params |= more
    return " | ".join(texts), params


def parse_step(text: str, field: str = "step") -> Step:
    """A step as written. Raises QueryRefused naming ``field``."""
    if len(text) > LENGTH_LIMIT:
        raise QueryRefused(field, f"a step has at most {LENGTH_LIMIT} characters")
    kind, colon, rest = text.partition(":")
    kind = kind.strip()
    if not colon or kind not in ("page", "event"):
        raise QueryRefused(field, "a step is page:PATH or event:NAME")
    found = _WHERE.split(rest, maxsplit=1)
    what = found[0].strip()
    if not what:
        raise QueryRefused(field, f"{kind}: of which {'path' if kind == 'page' else 'name'}?")
    conditions = _conditions(found[1], field) if len(found) > 1 else ()
    step = Step("page" if kind == "page" else "event", what, conditions)
    step.sql("s")  # a number that is none is refused here, not in the midst of a query
    return step


def parse_window(text: str, field: str = "window") -> int:
    """Milliseconds of a number with m, h or d. Raises QueryRefused naming ``field``."""
    found = re.fullmatch(r"\s*(\d{1,9})\s*([mhd])\s*", text, re.ASCII)
    window = int(found[1]) * UNITS[found[2]] if found else 0
    if not 0 < window <= WINDOW_LIMIT:
        raise QueryRefused(field, "a number with m, h or d, from 1m to 366d, such as 30m or 7d")
    return window


def _conditions(text: str, field: str) -> tuple[Condition, ...]:
    conditions = []
    at = 0
    while at < len(text):
        found = _BEGIN.match(text, at)
        if not found or found.end() == len(text) or not all(found[1].removeprefix("props.").split(".")):
            raise QueryRefused(field, f"after where: PROPERTY = VALUE, joined by and; not {text[at:]!r}")
        start = found.end()
        if quoted := _QUOTED.match(text, start):
            value, at = quoted[1][1:-1], quoted.end()
        else:
            stitch = _AND.search(text, start)
            value, at = (
                (text[start : stitch.start()], stitch.end()) if stitch else (text[start:].rstrip(), len(text))
            )
        conditions.append(Condition(found[1], cast(Operator, found[2]), value))
    return tuple(conditions)


def _like(glob: str) -> str:
    return re.sub(r"([\\%_])", r"\\\1", glob).replace("*", "%")


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if abs(number) < 1e300 else None
