"""From answers to counts: which showing was rewarded, and what those still waiting for an answer are worth.

A showing of a minute ago without a click is not yet a failure. It counts as the share of rewards that have come
by that age, among those that came at all (Chapelle 2014, by the empirical distribution of delays). Who dismissed an
offer has answered: where clicks are learned from, that is a whole failure at once, as if nothing more could come.
It is no more than that, since a banner that few hide and few click is not better than one that many click.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from offers.bandit.contexts import Counts, SlotCounts, slot_counts
from offers.bandit.thompson_sampling import Arm
from offers.campaign.campaign import Campaign, Reward
from offers.feedback.responses import GoalRow, Response, response_weights
from tracker.durations import MINUTE_MS

CLICK_WINDOW_MS = 30 * MINUTE_MS
"""A click belongs to its showing whenever it comes; how long a missing one is waited for."""
DELAYS_WANTED = 30
"""So many delays must be known before showings are discounted by their age."""
ENOUGH_DELAYS = 5_000


class Impression(NamedTuple):
    """One impression and what came of it: delays in ms, None while nothing came; ``value`` is money.
    ``dismissed``: hidden by the visitor. ``weight``: how much it teaches (``response_weights``)."""

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

    def delay(self, reward: Reward) -> int | None:
        return self.clicked if reward == "click" else self.converted


def attributed_impressions(
    answers: Iterable[Response], goals: Iterable[GoalRow], campaigns: Mapping[str, Campaign]
) -> list[Impression]:
    """Impressions in order of time, each with its click and the goals that are credited to it.

    Whoever clicked or dismissed it within the second that a view takes has seen it. A goal is credited, within each
    campaign, to the last click before it, if that was within the goal's window; else to the last view, within its own.
    """
    answers = list(answers)
    weights = response_weights(answers)
    views: dict[str, Response] = {}
    clicks: dict[str, int] = {}
    dismissed: set[str] = set()
    for answer in answers:
        nonce, ts = answer.token.nonce, answer.row.ts
        if answer.row.kind == "view":
            views[nonce] = answer
        elif answer.row.kind == "click":
            clicks[nonce] = ts
            views.setdefault(nonce, answer)
        elif answer.row.kind == "dismissed":
            dismissed.add(nonce)
            views.setdefault(nonce, answer)
    found: list[Impression] = []
    for nonce, (token, row) in views.items():
        clicked = max(0, clicks[nonce] - row.ts) if nonce in clicks else None
        found.append(
            Impression(
                token.campaign,
                token.variant,
                token.slot,
                token.context,
                token.propensity,
                row.profile,
                row.ts,
                clicked,
                dismissed=nonce in dismissed,
                weight=weights.get(nonce, 1.0),
            )
        )
    found.sort(key=lambda showing: showing.ts)
    return _credited(found, goals, campaigns)


def _credited(
    found: list[Impression], goals: Iterable[GoalRow], campaigns: Mapping[str, Campaign]
) -> list[Impression]:
    mine: dict[str, dict[str, _Seen]] = {}  # profile → campaign → its showings
    for index, showing in enumerate(found):
        seen = mine.setdefault(showing.profile, {}).setdefault(showing.campaign, _Seen([], []))
        seen.views.append((showing.ts, index))
        if showing.clicked is not None:
            seen.clicks.append((showing.ts + showing.clicked, index))
    for campaigns_of in mine.values():
        for seen in campaigns_of.values():
            seen.clicks.sort()
    for goal in sorted(goals, key=lambda goal: goal.ts):
        for name, seen in mine.get(goal.profile, {}).items():
            campaign = campaigns.get(name)
            if campaign is None or campaign.goal.event != goal.event:
                continue
            at = _last(seen.clicks, goal.ts, campaign.goal.window_ms)
            at = _last(seen.views, goal.ts, campaign.goal.view_window_ms) if at is None else at
            if at is not None:
                showing, delay = found[at], goal.ts - found[at].ts
                first = delay if showing.converted is None else showing.converted
                found[at] = showing._replace(converted=first, value=showing.value + goal.value)
    return found


class _Seen(NamedTuple):
    """One visitor's views of a campaign and clicks on it: (when, index of the showing), in order of time."""

    views: list[tuple[int, int]]
    clicks: list[tuple[int, int]]


def _last(moments: list[tuple[int, int]], ts: int, window: int) -> int | None:
    """The showing of the last moment up to ``ts``, if that was within ``window`` ms."""
    before = bisect_right(moments, ts, key=lambda moment: moment[0])
    return moments[before - 1][1] if before and ts - moments[before - 1][0] <= window else None


def count_rewards(
    found: Iterable[Impression], campaigns: Mapping[str, Campaign], now: int
) -> dict[str, dict[str, SlotCounts]]:
    """Counts of every campaign by slot, as of ``now`` (ms)."""
    by_campaign: dict[str, list[Impression]] = {}
    for showing in found:
        if showing.campaign in campaigns:
            by_campaign.setdefault(showing.campaign, []).append(showing)
    learned: dict[str, dict[str, SlotCounts]] = {}
    for name, mine in by_campaign.items():
        campaign = campaigns[name]
        window = CLICK_WINDOW_MS if campaign.reward == "click" else campaign.goal.window_ms
        arrived = reward_delays(mine, campaign.reward, window, now)
        full: dict[str, dict[str, Counts]] = {}
        for showing in mine:
            counts = full.setdefault(showing.slot, {}).setdefault(showing.context, {})
            counts[showing.variant] = counts.get(showing.variant, Arm()).plus(
                _counted(showing, campaign.reward, arrived, now), showing.weight
            )
        learned[name] = {slot: slot_counts(contexts) for slot, contexts in full.items()}
    return learned


def _counted(showing: Impression, reward: Reward, arrived: "RewardDelays", now: int) -> Arm:
    if showing.delay(reward) is None:
        if showing.dismissed and reward == "click":
            return Arm(1.0)
        return Arm(arrived.share(now - showing.ts))
    return Arm(1.0, 1.0, showing.value, showing.value**2)


class RewardDelays(NamedTuple):
    """How soon rewards come: their ``delays`` (ms, sorted), none when too few are known."""

    delays: Sequence[int]
    window: int

    def share(self, age: int) -> float:
        """Of the rewards that will come within the window, the part that has come by ``age`` (ms)."""
        if age >= self.window or len(self.delays) < DELAYS_WANTED:
            return 1.0
        return bisect_right(self.delays, age) / len(self.delays)


def reward_delays(found: Sequence[Impression], reward: Reward, window: int, now: int) -> RewardDelays:
    """The delays of showings old enough to have all their rewards; of all, while those are too few."""
    most = max((showing.weight for showing in found), default=0.0)
    known = [showing for showing in found if showing.weight >= most / 2]  # a crowd's haste is nobody's habit
    old = [showing for showing in known if now - showing.ts >= window]
    for source in (old, known):
        delays = [
            delay for showing in source if (delay := showing.delay(reward)) is not None and delay <= window
        ]
        if len(delays) >= DELAYS_WANTED:
            return RewardDelays(sorted(delays[-ENOUGH_DELAYS:]), window)
    return RewardDelays((), window)
