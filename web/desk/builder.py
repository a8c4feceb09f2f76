"""The funnel's form: steps and window from the address, and what each of its buttons makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from werkzeug.datastructures import MultiDict

from web.funnels import STEPS_LIMIT, USUAL_WINDOW
from web.language import lazy_gettext as _l

StepKind = Literal["page", "event"]


NAME_LIMIT = 500
WINDOWS = (
    ("30m", _l("30 minutes")),
    ("1h", _l("1 hour")),
    ("1d", _l("1 day")),
    ("7d", _l("7 days")),
    ("14d", _l("14 days")),
    ("30d", _l("30 days")),
    ("90d", _l("90 days")),
)

USUAL_EVENTS = ("Product Viewed", "Product Added", "Checkout Started", "Order Completed")


@dataclass(frozen=True, slots=True)
class Draft:
    """A step as the form holds it; ``name`` may be empty while the marketer still chooses."""

    kind: StepKind
    name: str

    @property
    def text(self) -> str:
        """As reports take it: ``page:GLOB`` or ``event:NAME``."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Form:
    """``said`` is False when the address names no step at all: then the page suggests some.

    ``by`` is visitor or visit, ``order`` is strict or any; ``without`` is an event that must not come in between.
    ``compare``: "", before, or segment:ID; ``group``: what it is broken down by; ``every``: day or week of its trend.
    """

    steps: tuple[Draft, ...]
    window: str
    said: bool
    by: str = "visitor"
    order: str = "strict"
    without: str = ""
    compare: str = ""
    group: str = "channel"
    every: str = "day"

    def by_every(self, every: str) -> "Form":
        """The same with the trend by day or week."""
        return replace(self, every=every)

    @property
    def asked(self) -> list[Draft]:
        return [step for step in self.steps if step.name]

    def query(self, period: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The address of this form: one ``step`` each, empty ones included."""
        query = [*(("step", step.text) for step in self.steps), ("window", self.window)]
        query += [("by", self.by)] if self.by != "visitor" else []
        query += [("order", self.order)] if self.order != "strict" else []
        query += [("without", self.without)] if self.without else []
        query += [("compare", self.compare)] if self.compare else []
        query += [("group", self.group)] if self.group != "channel" else []
        query += [("every", self.every)] if self.every != "day" else []
        return [*query, *period]


def form_of(args: "MultiDict[str, str]") -> Form:
    """The form as sent by its fields (``kind`` and ``what``), else as linked (``step``)."""
    window = args.get("window", USUAL_WINDOW)
    if args.getlist("what"):
        pairs = zip(args.getlist("kind"), args.getlist("what"), strict=False)
        steps = [draft_of(f"{kind}:{what}") for kind, what in pairs]
    else:
        steps = [draft_of(text) for text in args.getlist("step")]
    by = "visit" if args.get("by") == "visit" else "visitor"
    order = "any" if args.get("order") == "any" else "strict"
    without = args.get("without", "").strip()[: NAME_LIMIT + 6]
    if without:
        without = draft_of(without if without.startswith(("page:", "event:")) else f"event:{without}").text
    compare = args.get("compare", "")
    return Form(
        steps=tuple(steps[:STEPS_LIMIT]),
        window=window,
        said=bool(steps),
        by=by,
        order=order,
        without=without,
        compare=compare[:NAME_LIMIT] if compare == "before" or compare.startswith("segment:") else "",
        group=args.get("group", "channel")[:NAME_LIMIT],
        every="week" if args.get("every") == "week" else "day",
    )


def draft_of(text: str) -> Draft:
    """``page:/x*`` or ``event:Name``; a marketer who types the prefix, or a path for an event, is understood."""
    kind, _, name = text.partition(":")
    name = name.strip()[:NAME_LIMIT]
    for prefix in ("page:", "event:"):
        if name.startswith(prefix):
            kind, name = prefix[:-1], name[len(prefix) :].strip()
    if kind == "event" and name.startswith("/"):
        kind = "page"
    return Draft(cast(StepKind, kind) if kind in ("page", "event") else "event", name)


def pressed(form: Form, button: str) -> Form:
    """The form after ``add``, ``remove:N``, ``up:N`` or ``down:N``; anything else leaves it as it is."""
    action, _, text = button.partition(":")
    steps, at = list(form.steps), int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
    if action == "add" and len(steps) < STEPS_LIMIT:
        steps.append(Draft("event", ""))
    elif 0 <= at < len(steps):
        if action == "remove":
            steps.pop(at)
        elif action in ("up", "down"):
            to = at + (1 if action == "down" else -1)
            if 0 <= to < len(steps):
                steps[at], steps[to] = steps[to], steps[at]
    return replace(form, steps=tuple(steps), said=True)


def suggested(events: Sequence[str], pages: Sequence[str]) -> tuple[Draft, ...]:
    """The usual way through a shop, of what really occurs; else the two commonest pages."""
    found = [Draft("event", name) for name in USUAL_EVENTS if name in events]
    if found:
        return (Draft("page", "*"), *found) if pages else tuple(found)
    return tuple(Draft("page", name) for name in list(pages)[:2])
