"""The segments page: who belongs where, how that grew, what two have in common; and the editor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import redirect, request
from flask.typing import ResponseReturnValue

from offers.audience.audience import Audience
from offers.audience.grammar import AudienceInvalid
from offers.campaign.campaign import Campaign, CampaignInvalid
from offers.campaign.store import CampaignStore
from offers.segments.segment import Segment, parse_segment
from web.desk.campaigns.audience_form import (
    LABELS,
    OPERATORS,
    AudienceForm,
    form_of,
    help_of,
    read,
    segments_asked,
)
from web.desk.campaigns.list import STATUS
from web.desk.pages import Pages
from web.http.problem import Problem
from web.http.routes import Routes, get, post
from web.language import gettext as _
from web.people.audience_preview import Audiences
from web.slug import slug
from web.stores import SegmentStores

DAYS = 30
SPARK_WIDTH, SPARK_HEIGHT = 100.0, 24.0


@dataclass(frozen=True, slots=True)
class SegmentRow:
    """``size`` is None until everybody was asked; ``spark`` is the path of its sizes in a box of SPARK_WIDTH ×
    SPARK_HEIGHT; ``change`` over those days."""

    segment: Segment
    size: int | None
    spark: str
    change: int | None


@dataclass(frozen=True, slots=True)
class Overlap:
    first: Segment
    second: Segment
    only_first: int
    both: int
    only_second: int

    @property
    def share(self) -> float | None:
        """Of those in either, who are in both."""
        either = self.only_first + self.both + self.only_second
        return self.both / either if either else None


@dataclass(frozen=True, slots=True)
class SegmentPages:
    pages: Pages
    segments: SegmentStores
    campaigns: CampaignStore
    audiences: Audiences

    def routes(self) -> Routes:
        return (
            get("/desk/segments", self.listed),
            get("/desk/segments/edit", self.edit),
            post("/desk/segments/edit", self.change),
            post("/desk/segments/delete", self.delete),
        )

    def listed(self) -> ResponseReturnValue:
        site = self.pages.site()
        segments = self.segments.store.all(site.id)
        members = self.pages.reports.everyone(site).segments
        today = datetime.fromtimestamp(self.pages.clock(), site.zone).date()
        sizes = self.segments.sizes.history(site.id, [each.id for each in segments], today, DAYS)
        known = {each.id: len(members[each.id]) if each.id in members else None for each in segments}
        rows = [_row(each, known[each.id], sizes[each.id]) for each in segments]
        chosen = [each for name in ("a", "b") for each in segments if each.id == request.args.get(name)]
        overlap = None
        if len(chosen) == 2:
            first, second = (members.get(each.id, frozenset()) for each in chosen)
            both = len(first & second)
            overlap = Overlap(chosen[0], chosen[1], len(first) - both, both, len(second) - both)
        made = self.segments.store.get(site.id, request.args.get("made", ""))
        doomed = next((each for each in segments if each.id == request.args.get("delete")), None)
        using = _using(self.campaigns.all(site.id), doomed) if doomed else []
        asked = {"doomed": doomed, "using": using, "looks": STATUS}
        view = {"rows": rows, "overlap": overlap, "made": made}
        return self.pages.show("desk/campaigns/segments.html", "segments", site, **view, **asked)

    def edit(self) -> ResponseReturnValue:
        """One segment (``id``), or a new one for an ``audience`` with a ``name``."""
        if not self.pages.user().may("marketer"):
            raise Problem(403, _("Your role does not allow this; ask an administrator"))
        site = self.pages.site()
        segment = self.segments.store.get(site.id, request.args.get("id", ""))
        if segment:
            return self._editor(segment.name, segment.audience, segment.id)
        return self._editor(request.args.get("name", "")[:200], request.args.get("audience", "")[:8_000])

    def change(self) -> ResponseReturnValue:
        """Save, or show what the form's buttons make of it: another row, the text as rows, how many would belong."""
        site, given = self.pages.site(), request.form
        name, segment_id = given.get("name", ""), given.get("id", "")
        if given.get("how") == "rows":
            form = form_of(given)
            text = form.text
        else:
            form, text = AudienceForm(None), given.get("audience", "")
        if given.get("do") != "save":
            return self._editor(
                name, text, segment_id, form if given.get("how") == "rows" else None, count=True
            )
        try:
            segment = parse_segment({"name": name, "audience": text}, segment_id or slug(name))
        except CampaignInvalid as refused:
            return self._editor(name, text, segment_id, form if form.rows else None, problem=refused.message)
        self.segments.store.put(site.id, segment)
        return redirect(f"/desk/segments?made={segment.id}")

    def delete(self) -> ResponseReturnValue:
        if not self.segments.store.delete(self.pages.site().id, request.form.get("id", "")):
            raise Problem(404, _("This segment no longer exists"))
        return redirect("/desk/segments")

    def _editor(
        self,
        name: str,
        text: str,
        segment_id: str = "",
        form: AudienceForm | None = None,
        problem: str = "",
        count: bool = False,
    ) -> ResponseReturnValue:
        site, size = self.pages.site(), None
        try:
            form = form or (read(text) if text else AudienceForm())
            audience = Audience.parse(text)
            size = self.audiences.size(site, audience) if count or segment_id else None
        except AudienceInvalid as refused:
            form, problem = form or AudienceForm(None), problem or str(refused)
        view = {"name": name, "text": text, "id": segment_id, "form": form, "problem": problem, "size": size}
        view["unsaved"] = request.method == "POST"
        known = {"labels": LABELS, "operators": OPERATORS, "help": help_of(self.pages.reports, site)}
        return self.pages.show("desk/campaigns/segment.html", "segments", site, **known, **view)


def _using(campaigns: Iterable[Campaign], segment: Segment) -> list[Campaign]:
    """Whose audience asks for it, live ones first."""
    asking = [each for each in campaigns if segment.id in segments_asked(each.audience)]
    return sorted(asking, key=lambda each: each.status != "live")


def _row(segment: Segment, size: int | None, sizes: Sequence[int]) -> SegmentRow:
    known = [*sizes[:-1], size] if sizes and size is not None else []
    return SegmentRow(segment, size, spark(known), known[-1] - known[0] if len(known) > 1 else None)


def spark(values: Sequence[int]) -> str:
    """A line through the values, from the left to the right of its box; "" for fewer than two."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    scale = (SPARK_HEIGHT - 4) / ((high - low) or 1)
    points = (
        f"{SPARK_WIDTH * at / (len(values) - 1):.1f} {SPARK_HEIGHT - 2 - (value - low) * scale:.1f}"
        for at, value in enumerate(values)
    )
    return "M" + "L".join(points)
