"""Who dropped out of a funnel at a step, or went on: one by one, and from there a segment."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from web.desk.pages import Pages
from web.desk.period import period_of
from web.desk.reports.funnel_form import form_of
from web.desk.visitors.visitors import href_of
from web.drawing import formats
from web.http.routes import Routes, get, post
from web.labels import short
from web.language import gettext as _
from web.reports.catalogue import step_of
from web.reports.people import MOST, PeopleTables, Someone

SHOWN = 100


@dataclass(frozen=True, slots=True)
class PersonRow:
    name: str
    href: str
    about: Someone
    revenue: str
    seen: str


@dataclass(frozen=True, slots=True)
class FunnelPeople:
    pages: Pages
    people: PeopleTables

    def routes(self) -> Routes:
        return (
            get("/desk/funnel/people", self.show),
            post("/desk/funnel/people", self.save),
        )

    def show(self) -> Response:
        site, form = self.pages.site(), form_of(request.args)
        period = period_of(request.args, site, self.pages.clock(), "/desk/funnel", tuple(form.query(())))
        ids = self.people.funnel_ids(period.scope(site), request.args)
        which, at = request.args.get("which", "dropped"), step_of(request.args)
        now = self.pages.clock()
        rows = [
            PersonRow(
                each.customer or short(each.id),
                href_of(each.id),
                each,
                formats.money(each.revenue, site.currency),
                formats.ago(each.last_seen, now),
            )
            for each in self.people.rows(site, ids[:SHOWN])
        ]
        step = form.named_steps[at].name
        titles = {
            "dropped": _("Dropped off after “%(step)s”", step=step),
            "went on": _("Continued after “%(step)s”", step=step),
            "all": _("Reached “%(step)s”", step=step),
        }
        return self.pages.show(
            "desk/reports/funnel_people.html",
            "funnel",
            site,
            rows=rows,
            total=len(ids),
            most=MOST,
            title=titles[which],
            query=[*form.query(period.query), ("at", str(at + 1)), ("which", which)],
            back=form.query(period.query),
            name=_("%(title)s, %(period)s", title=titles[which], period=period.title),
        )

    def save(self) -> ResponseReturnValue:
        """Keep these people as a segment, as they are now."""
        site, query = self.pages.site(), MultiDict(parse_qsl(request.form.get("query", "")))
        period = period_of(query, site, self.pages.clock(), "/desk/funnel")
        ids = self.people.funnel_ids(period.scope(site), query)
        segment = self.people.save_segment(site.id, request.form.get("name", ""), ids)
        self.pages.reports.everybody.forget(site.id)
        return redirect(f"/desk/segments?{urlencode({'made': segment.id})}")
