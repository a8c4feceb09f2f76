"""Where a person stands in the customer's life: prospect → customer → regular (단골) → advocate; at-risk, lost.

A stage changes while nothing happens. So no profile stores it: ``stage_of`` computes it wherever it is read.
"""

import msgspec

from profiles.model import Profile, Stage
from tracker.durations import DAY_MS
from tracker.sites import Site


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """When a person moves to the next stage. Days count from the last event of any kind."""

    regular_orders: int
    advocate_community: int  # reviews, shares and comments by a regular
    at_risk_days: int
    lost_days: int


def thresholds_of(site: Site) -> Thresholds:
    """The thresholds that a site has set."""
    return Thresholds(
        regular_orders=site.regular_orders,
        advocate_community=site.advocate_community,
        at_risk_days=site.at_risk_days,
        lost_days=site.lost_days,
    )


def stage_of(profile: Profile, now: int, thresholds: Thresholds) -> Stage:
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
