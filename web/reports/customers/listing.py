"""Lists of customers with their scores: filtered, sorted, a page at a time; without those who refuse marketing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from profiles.model import Profile
from profiles.store.person import people_by_id
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.customers.customer_rows import FILTERS, SORTS, customer_page
from warehouse.customers.score_history import Snapshot, snapshots
from warehouse.question.refused import QueryRefused
from warehouse.question.span import LONGEST_DAYS, Span
from web.reports.parameters import one_of
from web.reports.reports import Reports

PAGE, PAGE_MOST, FILE_MOST = 100, 1_000, 100_000


@dataclass(frozen=True, slots=True)
class ScoredCustomer:
    """One customer with the scores of the day. ``id`` is the profile's; ``marketing``: whether they consent to it, None
    if they were never asked. Scores as in ``warehouse.tables.schema.SCORES``; None: not known."""

    id: str
    customer: str
    email: str
    marketing: bool | None
    stage: str | None
    cell: str | None
    r: int | None
    f: int | None
    m: int | None
    risk90: float | None
    next_order: date | None
    clv: float | None
    clv_low: float | None
    clv_high: float | None
    contribution: float | None
    group: str | None
    quadrant: str | None


@dataclass(frozen=True, slots=True)
class CustomerList:
    """``total`` customers fulfil the filters on ``day``; ``customers`` are those of this page. ``left_out`` of the page
    refuse marketing. Without scores ``day`` is None."""

    day: date | None
    total: int
    offset: int
    left_out: int
    customers: tuple[ScoredCustomer, ...]


@dataclass(frozen=True, slots=True)
class ListQuestion:
    filters: Mapping[str, str]
    sort: str = "clv"
    up: bool = False
    offset: int = 0
    limit: int = PAGE
    refusals: bool = False


def question_of(args: Mapping[str, str], most: int = PAGE_MOST) -> ListQuestion:
    """Each of FILTERS, ``sort`` (one of SORTS), ``order`` (desc or asc), ``offset``, ``limit`` (``most`` at most), and
    ``refusals=include``. Raises QueryRefused."""
    filters = {name: args[name][:200] for name in FILTERS if args.get(name)}
    return ListQuestion(
        filters,
        one_of("sort", args, SORTS),
        one_of("order", args, ("desc", "asc")) == "asc",
        _whole(args, "offset", 0, 10**7),
        _whole(args, "limit", min(PAGE, most), most),
        one_of("refusals", args, ("leave out", "include")) == "include",
    )


def customer_list(reports: Reports, site: Site, asked: ListQuestion) -> CustomerList:
    """From the newest snapshot. Raises WarehouseUnavailable, ProfilesUnavailable."""
    at = newest(reports, site)
    if at is None:
        return CustomerList(None, 0, asked.offset, 0, ())
    page = customer_page(
        reports.warehouse, site.id, at, asked.filters, asked.sort, asked.up, asked.offset, asked.limit
    )
    profiles = people_by_id(reports.profiles, site.id, [row["profile"] for row in page.rows])
    found = [(row, profiles.get(row["profile"])) for row in page.rows]
    kept = [pair for pair in found if asked.refusals or not _refuses(pair[1])]
    customers = tuple(_customer(row, profile) for row, profile in kept)
    return CustomerList(at.day, page.total, asked.offset, len(found) - len(kept), customers)


def newest(reports: Reports, site: Site) -> Snapshot | None:
    now = int(reports.clock() * 1000)
    span = Span(now - LONGEST_DAYS * DAY_MS, now + 1, site.zone)
    days: Sequence[Snapshot] = snapshots(reports.warehouse, site.id, span)
    return days[-1] if days else None


def _refuses(profile: Profile | None) -> bool:
    return profile is not None and profile.consent.get("marketing") is False


def _customer(row: Mapping[str, Any], profile: Profile | None) -> ScoredCustomer:
    email = profile.traits.get("email", "") if profile else ""
    scores = {name: row[name] for name in ScoredCustomer.__dataclass_fields__ if name in row}
    return ScoredCustomer(
        id=row["profile"],
        customer=(profile.user or "") if profile else "",
        email=email if isinstance(email, str) else "",
        marketing=profile.consent.get("marketing") if profile else None,
        **scores,
    )


def _whole(args: Mapping[str, str], name: str, usual: int, most: int) -> int:
    text = args.get(name) or str(usual)
    if not (text.isascii() and text.isdigit() and len(text) < 9 and int(text) <= most):
        raise QueryRefused(name, f"a whole number up to {most:,}")
    return int(text)
