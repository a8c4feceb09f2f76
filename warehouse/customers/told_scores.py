"""What an earlier run of the scores said of each customer: the newest snapshot at which a window began."""

from datetime import date
from typing import NamedTuple

import pyarrow as pa

from tracker.durations import DAY_MS
from warehouse.events import Events
from warehouse.question.scope import Scope

LATE_DAYS = 36
"""A snapshot may be so much older than the window: of those older than five weeks one a week is kept."""

_NEWEST = "select ts, any_value(day) as day from scores where {known} group by ts order by ts desc limit 1"
_RISK = "select profile, risk from scores where ts = $at and risk is not null order by profile"
_VALUE = """
select profile, clv, clv_low, clv_high, contribution from scores
where ts = $at and clv is not null and contribution is not null order by profile
"""


class ToldScores(NamedTuple):
    """``rows`` by ``profile``, under their current ids; ``day`` is the site's own."""

    day: date
    rows: pa.Table


def told_risks(events: Events, site: str, end: int, days: int) -> ToldScores | None:
    """``rows``: profile, risk; of a snapshot ``days`` before ``end`` (ms), whose risk was of ``days``. Raises
    WarehouseUnavailable."""
    return _told(events, site, end - days * DAY_MS + 1, f"risk is not null and risk_days = {days:d}", _RISK)


def told_values(events: Events, site: str, end: int, days: int) -> ToldScores | None:
    """``rows``: profile, clv, clv_low, clv_high, contribution. Raises WarehouseUnavailable."""
    return _told(
        events, site, end - days * DAY_MS + 1, "clv is not null and contribution is not null", _VALUE
    )


def _told(events: Events, site: str, end: int, known: str, sql: str) -> ToldScores | None:
    scope = Scope(site, end - LATE_DAYS * DAY_MS, end)
    found = events.rows(_NEWEST.format(known=known), scope)
    if not found:
        return None
    at = found[0]["ts"]
    return ToldScores(found[0]["day"], events.table(sql, Scope(site, at, at + 1), {"at": at}))
