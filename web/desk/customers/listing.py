"""The list of customers behind a figure: sorted, a page at a time; from here a segment or a campaign begins."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from flask import Response, request

from profiles.standing import CELLS, QUADRANTS
from tracker.sites import Site
from warehouse.question.refused import QueryRefused
from web import labels as told
from web.desk.pages import STAGES, Pages
from web.drawing import formats
from web.http.problem import Problem
from web.http.routes import Routes, get
from web.labels import QUADRANT_LABELS, RFM_CELLS, short
from web.language import gettext as _
from web.reports.customers.listing import (
    CustomerList,
    ListQuestion,
    ScoredCustomer,
    customer_list,
    question_of,
)


@dataclass(frozen=True, slots=True)
class CustomerRow:
    name: str
    email: str
    href: str
    consent: str
    stage: str
    cell: str
    risk: str
    value: str
    interval: str
    contribution: str
    next_order: str


@dataclass(frozen=True, slots=True)
class ListView:
    """``asked`` are the filters in words; links are "" where there is nothing beyond."""

    found: CustomerList
    day: str
    rows: tuple[CustomerRow, ...]
    asked: str
    audience: str
    segment: str
    campaign: str
    file: str
    before: str
    after: str
    sorts: Mapping[str, str]
    refusals: str


@dataclass(frozen=True, slots=True)
class CustomerListPage:
    pages: Pages

    def routes(self) -> Routes:
        return (get("/desk/customers/list", self.listed),)

    def listed(self) -> Response:
        site = self.pages.site()
        try:
            asked = question_of(request.args)
        except QueryRefused as refused:
            raise Problem(400, told.refusal(refused)) from refused
        found = customer_list(self.pages.reports, site, asked)
        view = view_of(found, asked, site)
        return self.pages.show("desk/customers/list.html", "customers", site, view=view)


def view_of(found: CustomerList, asked: ListQuestion, site: Site) -> ListView:
    audience, words = audience_of(asked.filters), words_of(asked.filters)
    query = _query(asked)
    return ListView(
        found=found,
        day=formats.day(found.day) if found.day else "",
        rows=tuple(_row(each, site) for each in found.customers),
        asked=words,
        audience=audience,
        segment=f"/desk/segments/edit?{urlencode({'audience': audience, 'name': words})}",
        campaign=f"/desk/campaigns/edit?{urlencode({'audience': audience})}",
        file=f"/desk/customers/list.csv?{urlencode({**query, 'format': 'csv'})}",
        before=_address(query, offset=str(max(0, asked.offset - asked.limit))) if asked.offset else "",
        after=_address(query, offset=str(found.next)) if found.next else "",
        sorts={name: _address(query, sort=name, order=_turned(asked, name)) for name in _FIRST},
        refusals=_address(query, refusals="leave out" if asked.refusals else "include"),
    )


_FIRST: Mapping[str, str] = {"clv": "desc", "contribution": "desc", "risk": "desc", "next_order": "asc"}
"""Columns that a click sorts by, and the order that is asked for first."""


def _turned(asked: ListQuestion, name: str) -> str:
    if asked.sort != name:
        return _FIRST[name]
    return "desc" if asked.up else "asc"


def audience_of(filters: Mapping[str, str]) -> str:
    """The audience of whoever fulfils the filters."""
    fields = {"cell": "rfm", "quadrant": "quadrant", "stage": "stage"}
    scores = {"group": "group", "r": "recency", "f": "frequency", "m": "monetary"}
    clauses = []
    for name, text in filters.items():
        if name in fields:
            quoted = text.replace("'", "''")
            clauses.append(f"{fields[name]} = '{quoted}'")
        elif text.isascii() and text.isdigit():
            clauses.append(f"score('{scores[name]}') = {text}")
    return " and ".join(clauses)


def words_of(filters: Mapping[str, str]) -> str:
    cells: Mapping[str, object] = {name: RFM_CELLS[name] for name in CELLS}
    places: Mapping[str, object] = {name: QUADRANT_LABELS[name] for name in QUADRANTS}
    known: Mapping[str, Mapping[str, object]] = {"cell": cells, "quadrant": places, "stage": STAGES}
    names = {"group": _("Group"), "r": _("Recency"), "f": _("Frequency"), "m": _("Monetary value")}
    parts = [
        str(known[name].get(text, text)) if name in known else f"{names[name]} {text}"
        for name, text in filters.items()
    ]
    return ", ".join(parts)


def _query(asked: ListQuestion) -> dict[str, str]:
    query = {**asked.filters, "sort": asked.sort, "order": "asc" if asked.up else "desc"}
    return {**query, "refusals": "include"} if asked.refusals else query


def _address(query: Mapping[str, str], **more: str) -> str:
    return f"/desk/customers/list?{urlencode({**query, **more})}"


def _row(one: ScoredCustomer, site: Site) -> CustomerRow:
    consent = {True: _("yes"), False: _("no"), None: _("not asked")}[one.marketing]
    cell = next((str(RFM_CELLS[each]) for each in CELLS if each == one.cell), "")
    low, high = (
        formats.money(each, site.currency) if each is not None else "" for each in (one.clv_low, one.clv_high)
    )
    return CustomerRow(
        name=one.customer or short(one.id),
        email=one.email,
        href=f"/desk/visitors/{quote(one.id)}",
        consent=consent,
        stage=one.stage or "",
        cell=cell,
        risk=formats.percent(one.risk, 0) if one.risk is not None else "",
        value=formats.money(one.clv, site.currency) if one.clv is not None else "",
        interval=f"{low} – {high}" if low and high else "",
        contribution=formats.money(one.contribution, site.currency) if one.contribution is not None else "",
        next_order=formats.day(one.next_order) if one.next_order else "",
    )
