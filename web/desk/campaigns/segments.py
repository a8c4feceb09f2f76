"""The segments page: who belongs where, how that grew, what two have in common; and the editor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, redirect, request
from flask.typing import ResponseReturnValue

from offers.audience.audience import Audience
from offers.audience.grammar import AudienceInvalid
from offers.campaign.campaign import Campaign, CampaignInvalid
from offers.segments.segment import Segment, parse_segment
from web.api.audiences import Audiences
from web.desk.campaigns.audience_form import LABELS, OPERATORS, Form, form_of, help_of, read, segments_asked
from web.desk.campaigns.list import STATUS
from web.desk.pages import Pages
from web.http.problem import Problem
from web.language import gettext as _
from web.slug import slug
from web.stores import Stores

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


def segments_blueprint(pages: Pages, stores: Stores) -> Blueprint:
    blueprint = Blueprint("desk_segments", __name__)
    store, audiences = stores.segments.store, Audiences(stores)

    @blueprint.get("/desk/segments")
    def listed() -> ResponseReturnValue:
        site = pages.site()
        segments = store.all(site.id)
        members = pages.reports.everyone(site.id).segments
        today = datetime.fromtimestamp(stores.clock(), site.zone).date()
        sizes = stores.segments.sizes.history(site.id, [each.id for each in segments], today, DAYS)
        progress = stores.segments.progress.read(site.id)
        counted = set(progress.members) if progress else set()
        known = {each.id: len(members.get(each.id, ())) for each in segments}
        rows = [
            _row(each, known[each.id] if known[each.id] or each.id in counted else None, sizes[each.id])
            for each in segments
        ]
        chosen = [each for name in ("a", "b") for each in segments if each.id == request.args.get(name)]
        overlap = None
        if len(chosen) == 2:
            first, second = (members.get(each.id, frozenset()) for each in chosen)
            both = len(first & second)
            overlap = Overlap(chosen[0], chosen[1], len(first) - both, both, len(second) - both)
        made = store.get(site.id, request.args.get("made", ""))
        doomed = next((each for each in segments if each.id == request.args.get("delete")), None)
        using = _using(stores.campaigns.store.all(site.id), doomed) if doomed else []
        asked = {"doomed": doomed, "using": using, "looks": STATUS}
        view = {"rows": rows, "overlap": overlap, "made": made}
        return pages.show("desk/campaigns/segments.html", "segments", site, **view, **asked)

    @blueprint.get("/desk/segments/edit")
    def edit() -> ResponseReturnValue:
        if not pages.user().may("marketer"):
            raise Problem(403, _("Your role does not allow this; ask an administrator"))
        site = pages.site()
        segment = store.get(site.id, request.args.get("id", ""))
        return _editor(segment.name, segment.audience, segment.id) if segment else _editor("", "")

    @blueprint.post("/desk/segments/edit")
    def change() -> ResponseReturnValue:
        """Save, or show what the form's buttons make of it: another row, the text as rows, how many would belong."""
        site, given = pages.site(), request.form
        name, segment_id = given.get("name", ""), given.get("id", "")
        if given.get("how") == "rows":
            form = form_of(given)
            text = form.text
        else:
            form, text = Form(None), given.get("audience", "")
        if given.get("do") != "save":
            return _editor(name, text, segment_id, form if given.get("how") == "rows" else None, count=True)
        try:
            segment = parse_segment({"name": name, "audience": text}, segment_id or slug(name))
        except CampaignInvalid as refused:
            return _editor(name, text, segment_id, form if form.rows else None, problem=refused.message)
        store.put(site.id, segment)
        return redirect(f"/desk/segments?made={segment.id}")

    @blueprint.post("/desk/segments/delete")
    def delete() -> ResponseReturnValue:
        if not store.delete(pages.site().id, request.form.get("id", "")):
            raise Problem(404, _("This segment no longer exists"))
        return redirect("/desk/segments")

    def _editor(
        name: str,
        text: str,
        segment_id: str = "",
        form: Form | None = None,
        problem: str = "",
        count: bool = False,
    ) -> ResponseReturnValue:
        site, size = pages.site(), None
        try:
            form = form or (read(text) if text else Form())
            audience = Audience.parse(text)
            size = audiences.size(site, audience) if count or segment_id else None
        except AudienceInvalid as refused:
            form, problem = form or Form(None), problem or str(refused)
        view = {"name": name, "text": text, "id": segment_id, "form": form, "problem": problem, "size": size}
        view["unsaved"] = request.method == "POST"
        known = {"labels": LABELS, "operators": OPERATORS, "help": help_of(pages.reports, site)}
        return pages.show("desk/campaigns/segment.html", "segments", site, **known, **view)

    return pages.guard(blueprint)


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
