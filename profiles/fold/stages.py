"""Where a visitor stands in the customer's life: prospect → customer → regular (단골) → advocate; at-risk, lost."""

import msgspec

from profiles.model import Profile, Stage
from tracker.durations import DAY_MS


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """When a visitor moves to the next stage. Days count from the last event of any kind."""

    regular_orders: int = 3
    advocate_community: int = 3  # reviews, shares and comments by a regular
    at_risk_days: int = 90
    lost_days: int = 365


DEFAULT = Thresholds()


def stage_of(profile: Profile, now: int, thresholds: Thresholds = DEFAULT) -> Stage:
    """The stage at ``now`` (ms). A prospect stays one however long away: only a customer can be lost."""
    counts = profile.counts
    if counts.orders <= 0:
        return "prospect"
    away = now - max(profile.last_seen, profile.last_order)
    if away >= thresholds.lost_days * DAY_MS:
        return "lost"
    if away >= thresholds.at_risk_days * DAY_MS:
        return "at-risk"
    if counts.orders < thresholds.regular_orders:
        return "customer"
    return "advocate" if counts.community >= thresholds.advocate_community else "regular"
