"""The funnel's form: steps and window from the address, and what each of its buttons makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

from werkzeug.datastructures import MultiDict

from web.language import lazy_gettext as _l
from web.reports.parameters import EXCLUSIONS_LIMIT, STEPS_LIMIT, USUAL_WINDOW, gap_of

StepKind = Literal["page", "event"]


NAME_LIMIT = 500
WINDOWS = (
    ("5m", _l("5 minutes")),
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
class StepDraft:
    """A step as the form holds it; ``name`` may be empty while the marketer still chooses."""

    kind: StepKind
    name: str

    @property
    def text(self) -> str:
        """As reports take it: ``page:GLOB`` or ``event:NAME``."""
        return f"{self.kind}:{self.name}"


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What must not come between step ``gap`` (from 1) and the next; None: anywhere between first and last."""

    step: StepDraft
    gap: int | None = None

    @property
    def text(self) -> str:
        """As reports take it."""
        return self.step.text if self.gap is None else f"{self.gap}:{self.step.text}"

    @property
    def said(self) -> str:
        """As its field shows it."""
        return self.step.text if self.step.kind == "page" else self.step.name


@dataclass(frozen=True, slots=True)
class FunnelForm:
    """``said`` is False when the address names no step at all: then the page suggests some.

    ``by`` is visitor or visit, ``order`` is strict or any; ``without`` must not come in between.
    ``compare``: "", before, or segment:ID; ``group``: what it is broken down by; ``every``: day or week of its trend.
    """

    steps: tuple[StepDraft, ...]
    window: str
    said: bool
    by: str = "visitor"
    order: str = "strict"
    without: tuple[Exclusion, ...] = ()
    compare: str = ""
    group: str = "channel"
    every: str = "day"

    def by_every(self, every: str) -> "FunnelForm":
        """The same with the trend by day or week."""
        return replace(self, every=every)

    @property
    def unit(self) -> str:
        """What is counted."""
        return "visits" if self.by == "visit" else "visitors"

    @property
    def named_steps(self) -> list[StepDraft]:
        return [step for step in self.steps if step.name]

    @property
    def filled(self) -> "FunnelForm":
        """The same without what is not chosen yet."""
        form = replace(self, without=tuple(each for each in self.without if each.step.name))
        for at in reversed(range(len(self.steps))):
            if not self.steps[at].name:
                form = form.without_step(at)
        return form

    def without_step(self, at: int) -> "FunnelForm":
        """Step ``at`` (from 0) taken out: the gaps at its sides become one, and those after it move up."""
        steps = self.steps[:at] + self.steps[at + 1 :]
        moved = [
            replace(each, gap=each.gap - 1) if each.gap is not None and each.gap > at else each
            for each in self.without
        ]
        kept = tuple(each for each in moved if each.gap is None or 0 < each.gap < len(steps))
        return replace(self, steps=steps, without=kept)

    def query(self, period: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        """The address of this form: one ``step`` each, empty ones included."""
        query = [*(("step", step.text) for step in self.steps), ("window", self.window)]
        query += [("by", self.by)] if self.by != "visitor" else []
        query += [("order", self.order)] if self.order != "strict" else []
        query += [("without", each.text) for each in self.without]
        query += [("compare", self.compare)] if self.compare else []
        query += [("group", self.group)] if self.group != "channel" else []
        query += [("every", self.every)] if self.every != "day" else []
        return [*query, *period]


def form_of(args: "MultiDict[str, str]") -> FunnelForm:
    """The form as sent by its fields (``kind`` and ``what``), else as linked (``step``)."""
    window = args.get("window", USUAL_WINDOW)
    if args.getlist("what"):
        pairs = zip(args.getlist("kind"), args.getlist("what"), strict=False)
        steps = [draft_of(f"{kind}:{what}") for kind, what in pairs]
    else:
        steps = [draft_of(text) for text in args.getlist("step")]
    by = "visit" if args.get("by") == "visit" else "visitor"
    order = "any" if args.get("order") == "any" else "strict"
    compare = args.get("compare", "")
    return FunnelForm(
        steps=tuple(steps[:STEPS_LIMIT]),
        window=window,
        said=bool(steps),
        by=by,
        order=order,
        without=_exclusions(args),
        compare=compare[:NAME_LIMIT] if compare == "before" or compare.startswith("segment:") else "",
        group=args.get("group", "channel")[:NAME_LIMIT],
        every="week" if args.get("every") == "week" else "day",
    )


def _exclusions(args: "MultiDict[str, str]") -> tuple[Exclusion, ...]:
    """As sent by their fields (``gap`` and ``barred``), else as linked (``without``)."""
    if args.getlist("barred"):
        pairs = zip(args.getlist("gap"), args.getlist("barred"), strict=False)
        texts = [f"{gap}:event:{barred}" if gap else f"event:{barred}" for gap, barred in pairs]
    else:
        texts = [text for text in args.getlist("without") if text]
    found = []
    for gap, step in map(gap_of, texts[:EXCLUSIONS_LIMIT]):
        named = step if step.startswith(("page:", "event:")) else f"event:{step}"
        found.append(Exclusion(draft_of(named), gap))
    return tuple(found)


def draft_of(text: str) -> StepDraft:
    """``page:/x*`` or ``event:Name``; a marketer who types the prefix, or a path for an event, is understood."""
    kind, _, name = text.partition(":")
    name = name.strip()[:NAME_LIMIT]
    for prefix in ("page:", "event:"):
        if name.startswith(prefix):
            kind, name = prefix[:-1], name[len(prefix) :].strip()
    if kind == "event" and name.startswith("/"):
        kind = "page"
    return StepDraft(cast(StepKind, kind) if kind in ("page", "event") else "event", name)


def pressed(form: FunnelForm, button: str) -> FunnelForm:
    """The form after ``add``, ``remove:N``, ``up:N`` or ``down:N``, or, for what must not come in between, ``bar`` and
    ``unbar:N``; anything else leaves it as it is."""
    action, _, text = button.partition(":")
    steps, at = list(form.steps), int(text) if text.isascii() and text.isdigit() and len(text) < 4 else -1
    if action == "add" and len(steps) < STEPS_LIMIT:
        steps.append(StepDraft("event", ""))
    elif 0 <= at < len(steps):
        if action == "remove":
            return replace(form.without_step(at), said=True)
        if action in ("up", "down"):
            to = at + (1 if action == "down" else -1)
            if 0 <= to < len(steps):
                steps[at], steps[to] = steps[to], steps[at]
    without = list(form.without)
    if action == "bar" and len(without) < EXCLUSIONS_LIMIT:
        without.append(Exclusion(StepDraft("event", "")))
    elif action == "unbar" and 0 <= at < len(without):
        without.pop(at)
    return replace(form, steps=tuple(steps), without=tuple(without), said=True)


def suggested(events: Sequence[str], pages: Sequence[str]) -> tuple[StepDraft, ...]:
    """The usual way through a shop, of what really occurs; else the two commonest pages."""
    found = [StepDraft("event", name) for name in USUAL_EVENTS if name in events]
    if found:
        return (StepDraft("page", "*"), *found) if pages else tuple(found)
    return tuple(StepDraft("page", name) for name in list(pages)[:2])
