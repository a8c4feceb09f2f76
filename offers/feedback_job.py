"""The feedback job: reads responses from the warehouse and updates the bandit's counts and the budgets' spend.

It replaces what it published before by what the warehouse holds: running it twice, late or on two machines is harmless.
"""

import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from offers.bandit.arm_store import ArmStore
from offers.bandit.delayed_rewards import count_rewards
from offers.campaign.campaign import Campaign
from offers.campaign.store import CampaignStore
from offers.decision.budget import HOLD_MS, BudgetStore, Spent
from offers.feedback.attribution import attributed_impressions
from offers.feedback.responses import ResponseSource, verified_responses
from offers.feedback.token import TokenSigner
from tracker.durations import DAY_MS
from tracker.sites import Site

MEMORY_DAYS = 60
"""Impressions older than that do not count for the bandit: tastes and seasons change."""


class FeedbackRun(NamedTuple):
    """What one run used. ``refused``: responses that did not count, by reason. ``confirmed``: budgets updated."""

    campaigns: int
    impressions: int
    refused: dict[str, int]
    confirmed: int


class FeedbackJob:
    """``complete``: up to when (ms) the warehouse holds everything; None while that is not known."""

    def __init__(
        self,
        campaigns: CampaignStore,
        events: ResponseSource,
        signer: TokenSigner,
        arms: ArmStore,
        budgets: BudgetStore,
        *,
        complete: Callable[[], int | None] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._campaigns, self._events, self._signer = campaigns, events, signer
        self._arms, self._budgets = arms, budgets
        self._complete, self._clock = complete or (lambda: int(clock() * 1000)), clock

    def run(self, site: Site) -> FeedbackRun:
        """One site. Raises what the stores and the warehouse raise: the next run does it all."""
        now = int(self._clock() * 1000)
        complete = self._complete()  # asked before reading
        campaigns = {each.id: each for each in self._campaigns.all(site.id) if each.status != "draft"}
        confirmed = self._confirm(site, campaigns, complete, now) if complete is not None else 0
        learning = {name: each for name, each in campaigns.items() if _has_bandit(each)}
        rows = (
            self._events.offer_events(site.id, now - MEMORY_DAYS * DAY_MS, now, learning) if learning else ()
        )
        responses, refused = verified_responses(rows, self._signer, site.id)
        goals = {each.goal.event for each in learning.values() if each.reward != "click"}
        since = now - MEMORY_DAYS * DAY_MS
        reached = self._events.goal_events(site.id, goals, since, now, site.currency) if goals else ()
        live = [each for each in reached if not each.backfill]
        found = attributed_impressions(responses, live, learning)
        self._arms.publish(site.id, count_rewards(found, learning, now), now)
        return FeedbackRun(len(learning), len(found), refused, confirmed)

    def _confirm(self, site: Site, campaigns: dict[str, Campaign], complete: int, now: int) -> int:
        going = [each for each in campaigns.values() if each.status in ("live", "paused")]
        limited = [each.id for each in going if each.budget is not None]
        if not limited:
            return 0
        responses, _ = verified_responses(
            self._events.offer_events(site.id, 0, now, limited), self._signer, site.id
        )
        counted: Counter[tuple[str, str]] = Counter()
        for token, row in responses:
            counted[token.campaign, row.kind] += 1
            counted[token.campaign, "late"] += row.kind == "view" and row.ts - token.ts > HOLD_MS
        spent = [
            Spent(name, views, counted[name, "click"], counted[name, "late"] / views if views else 0.0)
            for name in limited
            for views in [counted[name, "view"]]
        ]
        self._budgets.confirm(site.id, spent, complete, now)
        return len(spent)


def _has_bandit(campaign: Campaign) -> bool:
    """A campaign with a single variant counts, too: among equal campaigns, each campaign is an arm."""
    return campaign.allocation == "bandit" and campaign.status in ("live", "paused")
