"""One access log, block after block: the counts of its lines, and a number for each repeated line.

An event's id is the hash of its line, and the number of lines before it in the file that were the same: two equal
requests in one second count twice, the same file twice counts once.
"""

from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.access_log.fields import Rows
from ingest.access_log.page_views import EXAMPLES, HITS, BlockResult, ImportOptions, read
from tracker.durations import DAY_MS

DAYS_KNOWN = 2
"""Servers write lines down when a request ends: they are nearly in order."""


class AccessLogReader:
    """One file. ``lines`` counts all lines, ``fates`` those that were filtered; ``examples`` are lines that are not in
    the format, with their numbers. ``host`` is the site's own, None until the first block tells it. ``first`` and
    ``last``: the times of the views, in ms."""

    def __init__(self, choice: ImportOptions) -> None:
        self.choice = choice
        self.lines = 0
        self.fates: Counter[str] = Counter()
        self.examples: list[tuple[int, str]] = []
        self.host = choice.host or None
        self.clients: dict[str, tuple[int, int]] = {}
        self.first = self.last = 0
        self._same: dict[int, dict[str, int]] = {}
        self._newest = 0

    def hits(self, block: bytes) -> pa.Table:
        """The page views of the next block of whole lines, in its order, as HITS."""
        return self.take(read(block, self.choice, self.host))

    def take(self, portion: BlockResult) -> pa.Table:
        """The page views of the next block, which is read already."""
        for number, text in portion.examples[: EXAMPLES - len(self.examples)]:
            self.examples.append((self.lines + number, text))
        self.lines += portion.lines
        self.fates.update(portion.fates)
        self.host = portion.host
        for network, (views, agents) in portion.clients.items():
            known = self.clients.get(network, (0, 0))
            self.clients[network] = (known[0] + views, max(known[1], agents))
        if len(portion.hits):
            bounds = pc.min_max(portion.hits["ts"]).as_py()
            self.first = min(self.first or bounds["min"], bounds["min"])
            self.last = max(self.last, bounds["max"])
        ids = self._numbered(portion.hits["id"].to_pylist(), portion.hits["ts"].to_numpy())
        column = HITS.get_field_index("id")
        return portion.hits.set_column(column, HITS.field(column), pa.array(ids, pa.string()))

    def _numbered(self, names: list[str], ts: Rows) -> list[str]:
        """The ids, told apart where they were seen before.

        Equal lines say the same time. Those of days long past are forgotten, so that memory does not grow: a line
        that is older than those before it by DAYS_KNOWN days is taken for the same as an equal one.
        """
        days = ts // DAY_MS
        newest = np.maximum.accumulate(np.concatenate(([self._newest], days)))[1:]
        late = days < newest - DAYS_KNOWN
        for index, (name, day, forgotten) in enumerate(zip(names, days.tolist(), late.tolist(), strict=True)):
            if forgotten:
                continue
            known = self._same.setdefault(day, {})
            if name in known:
                known[name] += 1
                names[index] = f"{name}-{known[name]}"
            else:
                known[name] = 1
        self._newest = int(newest[-1]) if len(newest) else self._newest
        self._same = {day: known for day, known in self._same.items() if day >= self._newest - DAYS_KNOWN}
        return names
