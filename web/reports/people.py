"""The people behind a figure: tables of visitors, one person, the sizes of segments, and a saved list of people."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from werkzeug.datastructures import MultiDict

from offers.segments.segment import Segment, parse_segment
from offers.segments.store import SegmentStore
from profiles.model import Profile
from profiles.search.search import PersonSearch
from profiles.store.lookup import document
from profiles.store.person import people_by_id
from tracker.sites import Site
from warehouse.feeds.dossier import PersonId, PersonOrder, dossier
from warehouse.feeds.history import latest_profiles
from warehouse.funnel.visitors import funnel_visitors
from web.http.problem import Problem
from web.people.lookup import seen
from web.people.segment_sizes import SegmentSizes
from web.reports.catalogue import FunnelQuestion, step_of
from web.reports.parameters import one_of
from web.reports.reports import Reports, ReportScope
from web.slug import TRAIT, slug

MOST = 10_000
LATEST = 1_000
SIZED_DAYS = 30


@dataclass(frozen=True, slots=True)
class Someone:
    """One person, in a table. ``id`` is the profile's."""

    id: str
    customer: str
    email: str
    stage: str
    orders: int
    revenue: float
    last_seen: int


@dataclass(frozen=True, slots=True)
class People:
    """``total`` were found, at most MOST of them; those without a live profile any more have only their id."""

    total: int
    people: tuple[Someone, ...]


@dataclass(frozen=True, slots=True)
class Sized:
    """A segment with who is in it now, and how many more that are than SIZED_DAYS ago (None: not known yet)."""

    id: str
    name: str
    audience: str
    members: int
    change: int | None


@dataclass(frozen=True, slots=True)
class Came:
    """A visit and what it came by; ``start`` in ms."""

    start: int
    channel: str
    origin: str
    campaign: str
    keyword: str
    landing: str


@dataclass(frozen=True, slots=True)
class InCart:
    product: str
    quantity: float
    price: float


@dataclass(frozen=True, slots=True)
class Seen:
    """What they saw of a campaign; times in ms, 0: never (``profiles.model.Exposure``)."""

    campaign: str
    views: int
    clicks: int
    last: int
    dismissed: int
    first: int
    variant: str


@dataclass(frozen=True, slots=True)
class PersonReport:
    """One person's page: the live profile, and from the warehouse orders and the ids that they came under. The
    properties are tables of the profile."""

    profile: dict[str, Any]
    orders: tuple[PersonOrder, ...]
    ids: tuple[PersonId, ...]

    @property
    def visits(self) -> list[Came]:
        names = ("channel", "origin", "campaign", "keyword", "landing")
        return [
            Came(each["start"], **{name: each["touch"][name] for name in names})
            for each in reversed(self.profile["sessions"])
        ]

    @property
    def cart(self) -> list[InCart]:
        return [InCart(product, **line) for product, line in self.profile["cart"].items()]

    @property
    def offers(self) -> list[Seen]:
        return [Seen(campaign, **each) for campaign, each in self.profile["exposure"].items()]


PERSON_TABLES = ("orders", "ids", "visits", "cart", "offers")


@dataclass(frozen=True, slots=True)
class PeopleTables:
    """Finds people by report, segment or search. The live profiles say what is known of each."""

    reports: Reports
    segments: SegmentStore
    sizes: SegmentSizes
    found: PersonSearch

    def funnel_ids(self, scope: ReportScope, args: "MultiDict[str, str]") -> list[str]:
        """Profile ids of who reached the step ``at`` (from 1) and then, by ``which``, dropped out, went on, or either.
        Raises QueryRefused."""
        question, step = FunnelQuestion.of(args), step_of(args)
        which = one_of("which", args, ("dropped", "went on", "all"))
        beyond = {"dropped": False, "went on": True, "all": None}[which]
        events = self.reports.events(scope)
        return funnel_visitors(
            events, scope.site.id, question.steps, question.rules, scope.span, step, beyond, MOST
        )

    def in_funnel(self, scope: ReportScope, args: "MultiDict[str, str]") -> People:
        """The people of ``funnel_ids`` with what is known of them. Raises QueryRefused."""
        ids = self.funnel_ids(scope, args)
        return People(len(ids), tuple(self.rows(scope.site, ids)))

    def in_segment(self, site: Site, segment: str) -> People:
        """Who is in a segment now, at most MOST, by id."""
        ids = sorted(self.reports.members(site, segment))
        return People(len(ids), tuple(self.rows(site, ids[:MOST])))

    def latest(self, scope: ReportScope) -> People:
        """Who came by last, LATEST at most."""
        span = scope.span
        ids = latest_profiles(self.reports.events(scope), scope.site.id, span.start, span.end, LATEST)
        return People(len(ids), tuple(self.rows(scope.site, ids)))

    def search(self, site: Site, query: str) -> People:
        """Whom ``query`` names: see ``PersonSearch``. Raises ProfilesUnavailable."""
        ids = [one.person.id for one in self.found.search(site.id, query)]
        return People(len(ids), tuple(self.rows(site, ids)))

    def segment_sizes(self, site: Site) -> list[Sized]:
        """The size of every segment."""
        segments, members = self.segments.all(site.id), self.reports.everyone(site).segments
        today = datetime.fromtimestamp(self.reports.clock(), site.zone).date()
        history = self.sizes.history(site.id, [each.id for each in segments], today, SIZED_DAYS)
        rows = []
        for each in segments:
            size, past = len(members.get(each.id, ())), history[each.id]
            change = size - past[0] if len(past) > 1 else None
            rows.append(Sized(each.id, each.name, each.audience, size, change))
        return rows

    def person(self, site: Site, who: str) -> PersonReport:
        """Raises Problem 404."""
        profile = seen(self.reports.profiles, site.id, who)
        if profile is None:
            raise Problem(404, f"Nobody is known by {who[:100]!r}", "id")
        known = dossier(self.reports.warehouse, site.id, profile.id, profile.first_seen, site.currency)
        return PersonReport(
            document(profile, self.reports.views.of(site)(profile).state), known.orders, known.ids
        )

    def rows(self, site: Site, ids: Sequence[str]) -> list[Someone]:
        """A row for each id; a person without a live profile has only the id."""
        known = people_by_id(self.reports.profiles, site.id, ids)
        view_of, found = self.reports.views.of(site), []
        for profile_id in ids:
            profile = known.get(profile_id) or Profile(id=profile_id)
            email = profile.traits.get("email", "")
            counts = profile.counts
            found.append(
                Someone(
                    profile_id,
                    profile.user or "",
                    email if isinstance(email, str) else "",
                    view_of(profile).stage,
                    counts.orders,
                    counts.revenue,
                    profile.last_seen,
                )
            )
        return found

    def save_segment(self, site: str, name: str, ids: Sequence[str]) -> Segment:
        """A segment of these people, by its name, replacing one of the same. Raises SegmentInvalid."""
        segment_id = slug(name)
        trait = TRAIT + segment_id
        document: Mapping[str, object] = {"name": name, "audience": f"trait('{trait}') = true"}
        segment = parse_segment(dict(document), segment_id)

        def listed(profile: Profile) -> Profile:
            profile.traits[trait] = True
            return profile

        self.segments.put(site, segment)
        for profile_id in ids:
            self.reports.profiles.update(site, profile_id, listed)
        return segment
