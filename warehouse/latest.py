"""Who came by last: the ids of the profiles seen latest."""

from warehouse.events import Events, Scope

_LATEST = "select profile from events group by profile order by max(ts) desc, profile limit $most"


def latest(events: Events, site: str, start: int, end: int, most: int) -> list[str]:
    """The ``most`` current profile ids with the newest events of ``start`` ≤ ts < ``end`` (ms), the last first."""
    return [row["profile"] for row in events.rows(_LATEST, Scope(site, start, end), {"most": most})]
