"""The funnel page: how many go from step to step, and where the others leave."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode

from flask import redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from tracker.sites import Site
from warehouse.definitions.shares import Share
from warehouse.funnel.funnel import Funnel, FunnelStep
from warehouse.question.refused import QueryRefused
from warehouse.reports.vocabulary import Vocabulary
from web import labels as told
from web.desk.pages import Pages
from web.desk.period import Period, period_of
from web.desk.reports.funnel_form import WINDOWS, FunnelForm, StepDraft, form_of, pressed, suggested
from web.drawing import formats
from web.http.routes import Routes, get, post
from web.language import gettext as _
from web.reports.catalogue import FunnelQuestion, vocabulary_of
from web.reports.parameters import EXCLUSIONS_LIMIT, STEPS_LIMIT
from web.reports.reports import ReportScope
from web.reports.saved_queries import SavedStore

LEAST_HEIGHT = 0.6
"""Of 100: a step that somebody reached is never invisible."""


@dataclass(frozen=True, slots=True)
class StepView:
    """``share`` is of all who began, ``conversion`` of the step before, ``onward`` of this step; ``median`` and
    ``p90`` are seconds to the next; ``then`` and ``then_share`` are of what it is compared with.
    ``of_first``, ``of_previous`` and ``following`` (the next step, of this one) have their intervals."""

    kind: str
    name: str
    visitors: int
    share: float | None
    conversion: float | None
    onward: float | None
    dropped: int
    took: str
    height: float
    next_height: float
    median: float | None
    p90: float | None
    then: int | None
    then_share: Share | None
    of_first: Share
    of_previous: Share
    following: Share | None

    @property
    def title(self) -> str:
        return _("Any page") if (self.kind, self.name) == ("page", "*") else self.name


@dataclass(frozen=True, slots=True)
class FunnelView:
    demo: bool
    problem: str
    form: FunnelForm
    full: bool
    window_label: str
    windows: tuple[tuple[str, str], ...]
    page_query: tuple[tuple[str, str], ...]
    pages: tuple[tuple[str, int], ...]
    events: tuple[tuple[str, int], ...]
    steps: tuple[StepView, ...] = ()

    @property
    def may_bar(self) -> bool:
        """Whether there is something in between, and room for one more that must not come there."""
        return len(self.form.steps) > 1 and len(self.form.without) < EXCLUSIONS_LIMIT

    @property
    def api_query(self) -> list[tuple[str, str]]:
        """What the API is asked for the same funnel."""
        return self.form.filled.query(())

    @property
    def entered(self) -> int:
        return self.steps[0].visitors if self.steps else 0

    @property
    def finished(self) -> int:
        return self.steps[-1].visitors if self.steps else 0

    @property
    def total(self) -> Share | None:
        return self.steps[-1].of_first if self.steps else None

    @property
    def leak_at(self) -> int:
        """Its number, from 1; the first step when nobody left."""
        return self.steps.index(self.leak) + 1 if self.leak else 1

    @property
    def leak(self) -> StepView | None:
        """The step after which most leave."""
        leaking = [step for step in self.steps[:-1] if step.dropped]
        return max(leaking, key=lambda step: step.dropped, default=None)


@dataclass(frozen=True, slots=True)
class FunnelPages:
    pages: Pages
    saved: SavedStore

    def routes(self) -> Routes:
        return (
            get("/desk/funnel", self.show),
            post("/desk/funnel/saved", self.save),
            get("/desk/funnel/saved/<funnel_id>", self.open_saved),
            post("/desk/funnel/saved/<funnel_id>/delete", self.delete),
        )

    def show(self) -> ResponseReturnValue:
        site = self.pages.site()
        form = form_of(request.args)
        page_query = tuple(form.query(()))
        period = period_of(request.args, site, self.pages.clock(), "/desk/funnel", page_query)
        if "do" in request.args or "what" in request.args:
            # The address in the bar is one that can be kept and shared.
            changed = pressed(form, request.args.get("do", ""))
            return redirect(f"/desk/funnel?{urlencode(changed.query(period.query))}")
        words = vocabulary_of(self.pages.reports, period.scope(site))
        form = form if form.said else suggestion(form, words)
        found, other, problem = None, None, ""
        try:
            if len(form.named_steps) > 1:
                question = question_of(form)
                found = question.counted(self.pages.reports, period.scope(site))
                other = (
                    question.counted(self.pages.reports, compared(form, period, site))
                    if form.compare
                    else None
                )
        except QueryRefused as refused:
            problem = told.refusal(refused)
        view = view_of(form, words, found, other, problem, tuple(form.query(())))
        listed = self.saved.all(site.id)
        return self.pages.show(
            "desk/reports/funnel.html", "funnel", site, period=period, view=view, saved=listed
        )

    def save(self) -> ResponseReturnValue:
        site = self.pages.site()
        query = urlencode(form_of(MultiDict(parse_qsl(request.form.get("query", "")))).query(()))
        saved = self.saved.put(site.id, request.form.get("name", ""), query)
        return redirect(f"/desk/funnel/saved/{saved.id}")

    def open_saved(self, funnel_id: str) -> ResponseReturnValue:
        return redirect(f"/desk/funnel?{self.saved.get(self.pages.site().id, funnel_id).query}")

    def delete(self, funnel_id: str) -> ResponseReturnValue:
        self.saved.delete(self.pages.site().id, funnel_id)
        return redirect("/desk/funnel")


def question_of(form: FunnelForm) -> FunnelQuestion:
    """What is asked by the form. Raises QueryRefused."""
    return FunnelQuestion.of(MultiDict(form.filled.query(())))


def compared(form: FunnelForm, period: Period, site: Site) -> ReportScope:
    """What the funnel is compared with: the period before, or another segment in the same."""
    if form.compare == "before":
        return period.scope_before(site)
    segment = form.compare.removeprefix("segment:")
    return replace(period.scope(site), filters=replace(period.filters, segment=segment))


def suggestion(form: FunnelForm, words: Vocabulary) -> FunnelForm:
    """The usual way through a shop; what the page shows before anything was chosen."""
    drafts = suggested([word.name for word in words.events], [word.name for word in words.pages])
    return replace(form, steps=drafts or (StepDraft("event", ""),))


def view_of(
    form: FunnelForm,
    words: Vocabulary,
    found: Funnel | None,
    other: Funnel | None,
    problem: str,
    page_query: tuple[tuple[str, str], ...],
) -> FunnelView:
    labels = {value: str(label) for value, label in WINDOWS}
    labels.setdefault(form.window, form.window)
    return FunnelView(
        demo=found.demo if found else words.demo,
        problem=problem,
        form=form,
        full=len(form.steps) >= STEPS_LIMIT,
        window_label=labels[form.window],
        windows=tuple(labels.items()),
        page_query=page_query,
        pages=tuple((word.name, word.count) for word in words.pages),
        events=tuple((word.name, word.count) for word in words.events),
        steps=steps_of(form.named_steps, found, other) if found else (),
    )


def steps_of(drafts: Sequence[StepDraft], found: Funnel, other: Funnel | None = None) -> tuple[StepView, ...]:
    """Each step with what became of its visitors in the next, beside the same of the ``other`` funnel."""
    onwards = [*found.steps[1:], None]
    others = other.steps if other else (None,) * len(found.steps)
    return tuple(
        StepView(
            kind=draft.kind,
            name=draft.name,
            visitors=here.visitors,
            share=here.share,
            conversion=here.conversion,
            onward=after.conversion if after else None,
            dropped=after.drop if after else 0,
            took=_took(after) if after else "",
            height=_height(here.share),
            next_height=_height(after.share) if after else 0.0,
            median=after.median if after else None,
            p90=after.p90 if after else None,
            then=there.visitors if there else None,
            then_share=there.share_interval if there else None,
            of_first=here.share_interval,
            of_previous=here.conversion_interval,
            following=after.conversion_interval if after else None,
        )
        for draft, here, after, there in zip(drafts, found.steps, onwards, others, strict=True)
    )


def _took(step: FunnelStep) -> str:
    """How long they took from the step before: half of them, and nine of ten."""
    if step.median is None or step.p90 is None:
        return ""
    return _(
        "median %(median)s, 90%% within %(p90)s",
        median=formats.span_of(step.median),
        p90=formats.span_of(step.p90),
    )


def _height(share: float) -> float:
    return max(LEAST_HEIGHT, round(share * 100, 2)) if share else 0.0
