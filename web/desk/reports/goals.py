"""The overview's goals: what a marketer wants visitors to do, and how many visits did."""

from dataclasses import dataclass

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue

from warehouse.definitions.shares import Share
from warehouse.question.steps import parse_step
from web.desk.pages import Pages
from web.desk.period import period_of
from web.desk.reports.funnel_form import draft_of
from web.http.routes import Routes, get, post
from web.reports.catalogue import goals_of, vocabulary_of
from web.reports.saved_queries import SavedStore

USUAL = ("Product Added", "Checkout Started", "Order Completed", "Signed Up")
"""Shown until a goal is chosen, where they occur."""


@dataclass(frozen=True, slots=True)
class GoalRow:
    id: str
    name: str
    step: str
    times: int
    visits: int
    share: Share


@dataclass(frozen=True, slots=True)
class GoalPages:
    pages: Pages
    saved: SavedStore

    def routes(self) -> Routes:
        return (
            get("/desk/goals", self.show),
            post("/desk/goals", self.add),
            post("/desk/goals/delete", self.delete),
        )

    def show(self) -> Response:
        site = self.pages.site()
        period = period_of(request.args, site, self.pages.clock(), "/desk")
        scope = period.scope(site)
        chosen = [(each.id, each.name, each.query) for each in self.saved.all(site.id)]
        words = vocabulary_of(self.pages.reports, scope)
        usual = [("", word.name, f"event:{word.name}") for word in words.events if word.name in USUAL]
        listed = chosen or usual
        reached = goals_of(self.pages.reports, scope, [step for _id, _name, step in listed])
        rows = [
            GoalRow(goal_id, name, step, each.times, each.visits, each.share_interval)
            for (goal_id, name, step), each in zip(listed, reached, strict=True)
        ]
        included = "desk/reports/goals.html"
        template = included if "part" in request.args else "desk/reports/goals_page.html"
        return self.pages.show(
            template, "overview", site, period=period, rows=rows, words=words, included=included
        )

    def add(self) -> ResponseReturnValue:
        """``what`` is an event's name or a page; refused when it is no step."""
        site, what = self.pages.site(), request.form.get("what", "")
        step = parse_step(draft_of(f"{'page' if what.startswith('/') else 'event'}:{what}").text, "what")
        self.saved.put(site.id, request.form.get("name", "") or what, step.name)
        return redirect("/desk#goals")

    def delete(self) -> ResponseReturnValue:
        self.saved.delete(self.pages.site().id, request.form.get("id", ""))
        return redirect("/desk#goals")
