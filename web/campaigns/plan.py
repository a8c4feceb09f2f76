"""How long a campaign's experiment takes, by the shop's own history."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from offers.audience.audience import Audience
from offers.campaign.campaign import Campaign
from offers.campaign.store import CampaignStore
from offers.decision.decider import Decider
from offers.planning.baseline import DAYS_LEAST, HISTORY_DAYS, Baseline, baseline
from offers.planning.outlook import Outlook, outlook
from offers.segments.lookalike import revealing_fields
from profiles.store.person import people_by_id
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.campaigns.plan_history import plan_history
from web.reports.reports import Reports

PATIENCE_SECONDS = 1.0
"""How long a page waits for the history to be counted."""
SAMPLE = 4_000
"""People of the history of whom it is looked up whether they are in the audience."""
PEOPLE_LEAST = 200
"""In slots that fewer met, or on few days, all visitors are counted instead."""
KEPT_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class CampaignPlan:
    """``outlook`` is None where the history is too short for a number. ``met``: the people counted are those who met a
    campaign in one of these slots, else all visitors. ``matched``: the part of them in the audience. ``own_rate``: the
    rate is that of the audience, else of everybody, since who has reached the goal is no longer in the audience."""

    baseline: Baseline
    outlook: Outlook | None
    met: bool
    matched: float
    own_rate: bool

    def as_json(self) -> dict[str, Any]:
        """As ``/v1/campaigns/plan`` answers: rates are parts of 1, money is in the site's currency."""
        known, found = self.baseline, self.outlook
        return {
            "people_a_day": known.people_a_day,
            "people_counted": "slots" if self.met else "visitors",
            "audience_share": self.matched,
            "rate": known.rate,
            "rate_of": "audience" if self.own_rate else "everybody",
            "revenue": known.revenue,
            "deviation": known.deviation,
            "converted": known.converted,
            "outlook": found
            and {
                "planned": found.planned,
                "people": found.people,
                "shares": found.shares,
                "quickest": found.quickest,
            },
        }


@dataclass(frozen=True, slots=True)
class CampaignPlans:
    """Raises StillCounting after ``patience`` seconds; the count goes on."""

    reports: Reports
    campaigns: CampaignStore
    decider: Decider

    def plan(self, site: Site, campaign: Campaign, patience: float | None = None) -> CampaignPlan:
        start, history, met = self._history(site, campaign, patience)
        audience = Audience.parse(campaign.audience)
        inside = self._inside(site, audience, history)
        matched = 1.0 if inside is None else float(inside.mean()) if len(inside) else 0.0
        own_rate = not audience.asks(revealing_fields("revenue") | {"segment"})
        sample = None
        if inside is not None and own_rate:
            sample = np.zeros(history.num_rows, np.bool_)
            sample[_sampled(history.num_rows)] = inside
        since, converted, revenue = (history[name].to_numpy() for name in ("since", "converted", "revenue"))
        known = baseline(since, converted, revenue, start, matched, sample)
        found = outlook(known, campaign, self.decider.holdout(campaign))
        return CampaignPlan(known, found, met, matched, own_rate)

    def _history(self, site: Site, campaign: Campaign, patience: float | None) -> tuple[int, pa.Table, bool]:
        """Since when (ms), the people, and whether they are those of the campaign's slots."""
        window = min(campaign.goal.window_ms, HISTORY_DAYS * DAY_MS)
        day = int(self.reports.clock() * 1000) // DAY_MS * DAY_MS
        until = day - window
        start = until - HISTORY_DAYS * DAY_MS
        there = self._in_slots(site, campaign)

        def counted(campaigns: Iterable[str]) -> pa.Table:
            named, goal = tuple(campaigns), campaign.goal.event
            events = self.reports.warehouse
            question = (site.id, "plan", start, window, goal, named)
            found, _made = self.reports.cache.answer(
                question,
                lambda: plan_history(events, site.id, start, until, goal, window, site.currency, named),
                KEPT_SECONDS,
                patience,
                stale=KEPT_SECONDS,
            )
            table: pa.Table = found
            return table

        met = counted(there) if there else None
        if met is not None and met.num_rows >= PEOPLE_LEAST and _days(met, start) >= DAYS_LEAST:
            return start, met, True
        return start, counted(()), False

    def _in_slots(self, site: Site, campaign: Campaign) -> list[str]:
        """The campaigns that were on offer in one of its slots."""
        slots = set(campaign.slots)
        return sorted(each.id for each in self.campaigns.all(site.id) if slots.intersection(each.slots))

    def _inside(self, site: Site, audience: Audience, history: pa.Table) -> "np.ndarray | None":
        """Of the sampled people who is in the audience now; None for an audience of everybody."""
        if audience.everyone:
            return None
        names = history["profile"].take(pa.array(_sampled(history.num_rows), pa.int64())).to_pylist()
        known, view = people_by_id(self.reports.profiles, site.id, names), self.reports.views.of(site)
        return np.array([name in known and audience.test(view(known[name])) for name in names], np.bool_)


def _days(history: pa.Table, start: int) -> int:
    return len(np.unique((history["since"].to_numpy() - start) // DAY_MS))


def _sampled(rows: int) -> list[int]:
    """Which rows: the same ones at each question, so that a typed word does not change the number of days."""
    return sorted(random.Random(rows).sample(range(rows), min(rows, SAMPLE)))
