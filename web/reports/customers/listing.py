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
    risk: float | None
    risk_days: int | None
    next_order: date | None
    clv: float | None
    clv_low: float | None
    clv_high: float | None
    contribution: float | None
    group: str | None
    quadrant: str | None


@dataclass(frozen=True, slots=True)
class CustomerList:
    """``total`` customers fulfil the filters on ``day``; ``customers`` are those of this page. ``left_out`` refuse
    marketing: all who did when the scores were computed, and of this page who did since. ``next`` is the offset of the
    next page, None behind the last. Without scores ``day`` is None."""

    day: date | None
    total: int
    offset: int
    left_out: int
    customers: tuple[ScoredCustomer, ...]
    next: int | None = None


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
    kept: list[ScoredCustomer] = []
    at_row, total, left_out, since = asked.offset, 0, 0, 0
    while True:
        wanted = asked.limit - len(kept)
        page = customer_page(
            reports.warehouse,
            site.id,
            at,
            asked.filters,
            asked.sort,
            asked.up,
            at_row,
            wanted,
            asked.refusals,
        )
        total, left_out = page.total, page.left_out
        profiles = people_by_id(reports.profiles, site.id, [row["profile"] for row in page.rows])
        for row in page.rows:
            profile = profiles.get(row["profile"])
            if not asked.refusals and _refuses(profile):
                since += 1  # others follow in their place
            else:
                kept.append(_customer(row, profile))
        at_row += len(page.rows)
        if len(page.rows) < wanted or len(kept) == asked.limit:
            break
    behind = at_row if at_row < total else None
    return CustomerList(at.day, total, asked.offset, left_out + since, tuple(kept), behind)


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
