"""The page about channels: own hosts, hosts that visitors pass through, rules; and what they change in history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from flask import Response, redirect, request
from flask.typing import ResponseReturnValue

from ingest.rebuild.classification_runs import ClassificationRuns
from ingest.rebuild.reclassification import Change, Reclassification
from tracker.fields.channel_rules import CHANNELS, parse_rule, written
from tracker.sites import Site, Sites, SitesInvalid
from web import labels
from web.desk.pages import Pages
from web.http.routes import Routes, get, post
from web.reports.reports import Reports

HOSTS = ("own_hosts", "pass_through_hosts")
CHANGES_SHOWN = 50


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Visits that would be told otherwise, in words."""

    was: str
    becomes: str
    visits: int


@dataclass(frozen=True, slots=True)
class ChannelsPage:
    pages: Pages
    sites: Sites
    reports: Reports
    runs: ClassificationRuns

    def routes(self) -> Routes:
        return (
            get("/desk/channels", self.show),
            post("/desk/channels", self.save),
            post("/desk/channels/apply", self.apply),
        )

    def show(self) -> ResponseReturnValue:
        site = self.pages.site()
        return self._page(site, _as_text(site), saved="saved" in request.args)

    def save(self) -> ResponseReturnValue:
        """The settings of the form, or the form again with what is wrong with it."""
        site = self.pages.site()
        given = {name: request.form.get(name, "") for name in (*HOSTS, "rules")}
        try:
            changed = {name: _lines(given[name]) for name in HOSTS}
            rules = tuple(parse_rule(line) for line in _lines(given["rules"]))
            self.sites.save(msgspec.structs.replace(site, **changed, channel_rules=rules))
        except (ValueError, SitesInvalid) as error:
            page = self._page(site, given, problem=str(error))
            page.status_code = 400
            return page
        return redirect("/desk/channels?saved=1")

    def apply(self) -> ResponseReturnValue:
        """Let the schedule classify the history anew."""
        self.runs.request(self.pages.site().id)
        return redirect("/desk/channels#history")

    def _page(self, site: Site, given: Mapping[str, str], problem: str = "", saved: bool = False) -> Response:
        run = self.runs.read(site.id)
        changes: Sequence[Change] = ()
        if "preview" in request.args:
            changes = self._changes(site)
        view = {
            "given": given,
            "problem": problem,
            "saved": saved,
            "run": run,
            "previewed": "preview" in request.args,
            "changes": [_row(each) for each in changes[:CHANGES_SHOWN]],
            "visits": sum(each.visits for each in changes),
            "channels": [(name, labels.channel(name)) for name in CHANNELS],
        }
        return self.pages.show("desk/channels.html", "channels", site, **view)

    def _changes(self, site: Site) -> list[Change]:
        """What the site's settings of now would change; the page waits for it as for a report."""
        rules = (site.own_hosts, site.pass_through_hosts, site.channel_rules, site.origins)
        found, _made = self.reports.cache.answer(
            (site.id, "channel changes", rules),
            lambda: Reclassification(self.reports.warehouse, site).changes(),
            5.0,
            self.reports.patience,
        )
        changes: list[Change] = found
        return changes


def _as_text(site: Site) -> dict[str, str]:
    """The settings as the form has them: one a line."""
    text = {name: "\n".join(getattr(site, name)) for name in HOSTS}
    return text | {"rules": "\n".join(written(rule) for rule in site.channel_rules)}


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line for each in text.splitlines() if (line := each.strip()))


def _row(change: Change) -> ChangeRow:
    was, becomes = (
        f"{labels.channel(channel)} · {origin}" if origin else labels.channel(channel)
        for channel, origin in change.ways
    )
    return ChangeRow(was, becomes, change.visits)
