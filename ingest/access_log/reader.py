"""One access log, block after block: the counts of its lines, and a number for each repeated line.

An event's id is the hash of its line, and the number of lines before it in the file that were the same: two equal
requests in one second count twice, the same file twice counts once.
"""

from collections import Counter

import pyarrow as pa
import pyarrow.compute as pc

from ingest.access_log.page_views import EXAMPLES, HITS, BlockResult, ImportOptions, read
from ingest.access_log.repeated import RepeatedLines

MOST_NETWORKS = 2_000
"""Networks whose views are counted; half of them, those with the most, when there are more."""


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
        self.repeated = RepeatedLines()

    def hits(self, block: bytes) -> pa.Table:
        """The page views and fetches of the next block of whole lines, in its order, as HITS."""
        return self.take(self.read(block))

    def read(self, block: bytes) -> BlockResult:
        """What the next block says, which ``take`` adds to the rest."""
        return read(block, self.choice, self.host)

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
        if len(self.clients) > MOST_NETWORKS:
            most = sorted(self.clients.items(), key=lambda each: -each[1][0])
            self.clients = dict(most[: MOST_NETWORKS // 2])
        views = portion.hits.filter(pc.invert(portion.hits["bot"]))
        if len(views):
            bounds = pc.min_max(views["ts"]).as_py()
            self.first = min(self.first or bounds["min"], bounds["min"])
            self.last = max(self.last, bounds["max"])
        ids = self.repeated.numbered(portion.hits["id"].combine_chunks(), portion.hits["ts"].to_numpy())
        column = HITS.get_field_index("id")
        return portion.hits.set_column(column, HITS.field(column), ids)
