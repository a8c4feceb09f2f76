"""Classifies stored visits anew, by the lists of this release and by the site's own hosts and rules.

How a visit came about is what its first deed says. Its rows tell it; rows of no visit (a server's order) tell the last
way but direct in which their person had come. Profiles are rebuilt from the rows afterwards (``ingest.rebuild``).
Killed at any moment, it is run again: what is right already is not touched.
"""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ingest.enrich.channels import arrival
from tracker.durations import DAY_MS
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.feeds.arrivals import COLUMNS, differing_rows, stored_arrivals

Way = tuple[str, ...]
"""How a visit came about: the values of COLUMNS."""
DIRECT: Way = ("direct", "", "", "", "")
PASSES = 5
"""While it works, workers that have not read the site's new rules yet may add rows."""
KEY = ("id", "ts", "visitor", "user")
"""What tells a row from others of the site."""


class Change(NamedTuple):
    """So many visits that were told to have come by ``channel`` from ``origin`` are told otherwise."""

    channel: str
    origin: str
    new_channel: str
    new_origin: str
    visits: int

    @property
    def ways(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Channel and origin, before and after."""
        return (self.channel, self.origin), (self.new_channel, self.new_origin)


class Reclassification:
    """Of one site's history in the warehouse. Methods raise WarehouseUnavailable."""

    def __init__(self, warehouse: Warehouse, site: Site) -> None:
        self._warehouse, self._site = warehouse, site

    def changes(self) -> list[Change]:
        """What ``run`` would change, the largest first."""
        rows, ways = self._changed()
        inside = rows.filter(pc.not_equal(rows["session"], ""))
        told = inside.group_by(["channel", "origin", "code"]).aggregate([("session", "count_distinct")])
        visits: Counter[tuple[str, str, str, str]] = Counter()
        for row in told.to_pylist():
            channel, origin, *_ = ways[row["code"]]
            visits[row["channel"], row["origin"], channel, origin] += row["session_count_distinct"]
        found = [Change(*told, visits=count) for told, count in visits.items()]
        return sorted(found, key=lambda each: (-each.visits, each))

    def run(self) -> int:
        """Rewrite the rows that tell something else; how many."""
        count = 0
        for _ in range(PASSES):
            rows, ways = self._changed()
            if not rows.num_rows:
                break
            count += rows.num_rows
            self._rewrite(rows, ways)
        return count

    def _changed(self) -> tuple[pa.Table, list[Way]]:
        """The rows that tell something else, with the number of their way; and the ways, of which 0 is DIRECT."""
        urls, referrers = stored_arrivals(self._warehouse, self._site.id)
        numbers = {DIRECT: 0}
        codes = []
        for url, referrer in zip(urls, referrers, strict=True):
            came = arrival(url, referrer, self._site)
            way = (came.channel, came.origin, came.medium, came.campaign, came.keyword) if came else DIRECT
            codes.append(numbers.setdefault(way, len(numbers)))
        ways = list(numbers)
        return differing_rows(self._warehouse, self._site.id, urls, referrers, codes, ways), ways

    def _rewrite(self, rows: pa.Table, ways: list[Way]) -> None:
        code_of = dict(zip(_keys(rows), rows["code"].to_pylist(), strict=True))
        ids = pc.unique(rows["id"])

        def revised(stored: pa.Table) -> pa.Table | None:
            hit = pc.and_(pc.equal(stored["site"], self._site.id), pc.is_in(stored["id"], ids))
            places = pc.indices_nonzero(hit).to_pylist()
            if not places:
                return None
            keys = _keys(stored.take(places))
            changed = {at: ways[code_of[key]] for at, key in zip(places, keys, strict=True) if key in code_of}
            for number, name in enumerate(COLUMNS):
                values = stored[name].to_pylist()
                for at, way in changed.items():
                    values[at] = way[number]
                field = stored.schema.field(name)
                column = pa.array(values, field.type)
                stored = stored.set_column(stored.schema.get_field_index(name), field, column)
            return stored if changed else None

        self._warehouse.revise({_day(ts) for ts in rows["ts"].to_pylist()}, revised)


def _keys(rows: pa.Table) -> list[tuple[Any, ...]]:
    return list(zip(*(rows[name].to_pylist() for name in KEY), strict=True))


def _day(ts: int) -> date:
    return datetime.fromtimestamp(ts // DAY_MS * DAY_MS / 1000, UTC).date()
