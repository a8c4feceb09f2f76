"""Merge a duplicate account into a customer, and separate it again: each with a page that asks before."""

import time
from dataclasses import dataclass

from flask import redirect, request
from flask.typing import ResponseReturnValue

from profiles.model import Profile
from profiles.store.person import account, people_by_id
from profiles.store.port import ProfileStore
from tracker.sites import Site
from web.desk.pages import Pages
from web.desk.visitors.person import name_of
from web.desk.visitors.visitors import href_of
from web.drawing import formats
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.language import gettext as _
from web.people.merges import Merges

PATIENCE_SECONDS = 2.0
"""How long the form waits until ingest has applied what it asked for, so that the page then shows it."""
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class AccountRow:
    """One of two accounts, as the question shows it."""

    id: str
    name: str
    email: str
    orders: str
    revenue: str
    last_seen: str


@dataclass(frozen=True, slots=True)
class MergePages:
    pages: Pages
    profiles: ProfileStore
    merges: Merges

    def routes(self) -> Routes:
        return (
            get("/desk/merge", self.ask),
            post("/desk/merge", self.merge),
            post("/desk/separate", self.separate),
        )

    def ask(self) -> ResponseReturnValue:
        """The question before: shows both accounts."""
        site = self.pages.site()
        if not self.pages.user().may("marketer"):
            raise Problem(403, _("Your role does not allow this; ask an administrator"))
        if separate := request.args.get("separate", ""):
            own = account(self.profiles, site.id, separate)
            if own is None or not own.merged.into:
                raise Problem(409, _("This customer is not merged into another"))
            above = account(self.profiles, site.id, own.merged.into) or own
            pair, action = (own, above), "separate"
        else:
            who, into = request.args.get("id", "").strip(), request.args.get("into", "")
            pair, action = self.merges.pair(site.id, who, into), "merge"
        rows = [self._row(each, site) for each in pair]
        back = href_of(pair[1].id)
        return self.pages.show(
            "desk/visitors/merge.html", "visitors", site, rows=rows, action=action, back=back
        )

    def merge(self) -> ResponseReturnValue:
        site = self.pages.site()
        own, into = self.merges.merge(site.id, request.form.get("id", ""), request.form.get("into", ""))
        self._wait(site, own, into, merged=True)
        return redirect(href_of(into))

    def separate(self) -> ResponseReturnValue:
        site = self.pages.site()
        own, above = self.merges.separate(site.id, request.form.get("id", ""))
        self._wait(site, own, above, merged=False)
        return redirect(href_of(own))

    def _wait(self, site: Site, own: str, other: str, *, merged: bool) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < until:
            found = people_by_id(self.profiles, site.id, [own, other])
            if len({each.id for each in found.values()}) == (1 if merged else 2):
                return
            time.sleep(LOOK_SECONDS)

    def _row(self, profile: Profile, site: Site) -> AccountRow:
        email = profile.traits.get("email")
        return AccountRow(
            profile.id,
            name_of(profile),
            email if isinstance(email, str) else "",
            formats.number(profile.counts.orders),
            formats.money(profile.counts.revenue, site.currency),
            formats.when(profile.last_seen, site.zone),
        )
