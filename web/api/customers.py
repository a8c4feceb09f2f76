"""Customers with their scores, as JSON and CSV. Secret keys, and the desk."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Response, request

from tracker.sites import Site
from web.api.reports import told
from web.http.routes import Routes, get
from web.reports.customers.listing import FILE_MOST, PAGE_MOST, customer_list, question_of
from web.reports.parameters import one_of
from web.reports.reports import Reports


@dataclass(frozen=True, slots=True)
class Customers:
    """Under ``path``, of the site that ``site_of`` says."""

    reports: Reports
    path: str
    site_of: Callable[[], Site]

    def routes(self) -> Routes:
        return (get(self.path, self.listed),)

    def listed(self) -> Response:
        """A page as JSON; as CSV up to FILE_MOST customers, unless ``limit`` says fewer. Raises QueryRefused."""
        site, file = self.site_of(), one_of("format", request.args, ("json", "csv")) == "csv"
        args = {"limit": str(FILE_MOST), **request.args.to_dict()} if file else request.args.to_dict()
        asked = question_of(args, FILE_MOST if file else PAGE_MOST)
        return told("customers", customer_list(self.reports, site, asked), ("customers",))
