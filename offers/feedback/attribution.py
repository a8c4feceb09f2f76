"""Attribution: which impression of a campaign gets credit for a click, and which for an order or another goal."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from offers.campaign.campaign import Campaign, Reward
from offers.feedback.response_weights import response_weights
from offers.feedback.responses import Response
from warehouse.feeds.offer_events import GoalEvent


class Impression(NamedTuple):
    """One impression and what came of it. ``clicked`` and ``converted`` are delays in ms, None while nothing came;
    ``value`` is money in the site's currency, ``others`` in other currencies: each order's currency and revenue.
    ``dismissed``: the visitor hid it. ``weight``: how much it counts (``response_weights``)."""

    campaign: str
    variant: str
    slot: str
    context: str
    propensity: float
    profile: str
    ts: int
    clicked: int | None = None
    converted: int | None = None
    value: float = 0.0
    dismissed: bool = False
    weight: float = 1.0
    others: tuple[tuple[str, float], ...] = ()

    def delay(self, reward: Reward) -> int | None:
        """Milliseconds from the impression to its reward; None while there is none."""
        return self.clicked if reward == "click" else self.converted


def attributed_impressions(
    responses: Iterable[Response], goals: Iterable[GoalEvent], campaigns: Mapping[str, Campaign]
) -> list[Impression]:
    """Impressions in order of time, each with its click and the goals that are credited to it.

    A goal is credited, within each campaign, to the last click before it if that was within the goal's window.
    Otherwise it is credited to the last view, if that was within the goal's view window.
    """
    return _credited(_impressions(list(responses)), goals, campaigns)


def _impressions(responses: list[Response]) -> list[Impression]:
    """Impressions in order of time, with their clicks and dismissals.

    A view counts after one second. Who clicked or dismissed an offer sooner has seen it, too.
    """
    weights = response_weights(responses)
    views: dict[str, Response] = {}
    clicks: dict[str, int] = {}
    dismissed: set[str] = set()
    for response in responses:
        nonce, kind = response.token.nonce, response.row.kind
        if kind == "view":
            views[nonce] = response
        elif kind == "click":
            clicks[nonce] = response.row.ts
            views.setdefault(nonce, response)
        elif kind == "dismissed":
            dismissed.add(nonce)
            views.setdefault(nonce, response)
    impressions = [
        Impression(
            token.campaign,
            token.variant,
            token.slot,
            token.context,
            token.propensity,
            row.profile,
            row.ts,
            max(0, clicks[nonce] - row.ts) if nonce in clicks else None,
            dismissed=nonce in dismissed,
            weight=weights.get(nonce, 1.0),
        )
        for nonce, (token, row) in views.items()
    ]
    return sorted(impressions, key=lambda impression: impression.ts)


class _Touchpoints(NamedTuple):
    """One visitor's views of a campaign and clicks on it: (when, index of the impression), in order of time."""

    views: list[tuple[int, int]]
    clicks: list[tuple[int, int]]


def _credited(
    impressions: list[Impression], goals: Iterable[GoalEvent], campaigns: Mapping[str, Campaign]
) -> list[Impression]:
    touchpoints = _touchpoints(impressions)
    for goal in sorted(goals, key=lambda goal: goal.ts):
        for name, mine in touchpoints.get(goal.profile, {}).items():
            campaign = campaigns.get(name)
            if campaign is None or campaign.goal.event != goal.event:
                continue
            at = _last(mine.clicks, goal.ts, campaign.goal.window_ms)
            at = _last(mine.views, goal.ts, campaign.goal.view_window_ms) if at is None else at
            if at is not None:
                impression, delay = impressions[at], goal.ts - impressions[at].ts
                first = delay if impression.converted is None else impression.converted
                worth = round(impression.value + goal.value, 4)
                impression = impression._replace(converted=first, value=worth)
                if goal.currency:
                    others = (*impression.others, (goal.currency, goal.foreign))
                    impression = impression._replace(others=others)
                impressions[at] = impression
    return impressions


def _touchpoints(impressions: list[Impression]) -> dict[str, dict[str, _Touchpoints]]:
    """By profile and campaign."""
    found: dict[str, dict[str, _Touchpoints]] = {}
    for index, impression in enumerate(impressions):
        mine = found.setdefault(impression.profile, {}).setdefault(impression.campaign, _Touchpoints([], []))
        mine.views.append((impression.ts, index))
        if impression.clicked is not None:
            mine.clicks.append((impression.ts + impression.clicked, index))
    for by_campaign in found.values():
        for mine in by_campaign.values():
            mine.clicks.sort()
    return found


def _last(moments: list[tuple[int, int]], ts: int, window: int) -> int | None:
    """The impression of the last moment up to ``ts``, if that was within ``window`` ms."""
    before = bisect_right(moments, ts, key=lambda moment: moment[0])
    return moments[before - 1][1] if before and ts - moments[before - 1][0] <= window else None
