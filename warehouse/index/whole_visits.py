"""The visits of a span, each whole: those that begin in it, with what happened in them before and after its ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from warehouse.definitions.conditions import CAUSED
from warehouse.index.encoded import EncodedEvents, Longs
from warehouse.index.scan import Mask, Query, RenamedIds, Scan, scan_blocks


@dataclass(frozen=True, slots=True)
class WholeVisits:
    """Visits as ``warehouse.definitions.visits`` defines them. The rows of ``scan`` are theirs alone, visit by visit in
    the order of events. Of block k, ``opened[k]`` are the rows of the visits' first deeds, by which a visit has its
    begin, its person and its touchpoint; ``deeds[k]`` how many deeds each has."""

    scan: Scan
    opened: tuple[Longs, ...]
    deeds: tuple[Longs, ...]

    @property
    def count(self) -> int:
        return sum(len(each) for each in self.opened)

    def began(self, index: int) -> Longs:
        """When each visit of a block began, ms."""
        block = self.scan.blocks[index]
        began: Longs = block.at[self.opened[index]].astype(np.int64) + block.base
        return began

    def only(self, keep: Callable[[int, EncodedEvents], Mask]) -> "WholeVisits":
        """Those of each block that ``keep`` says, one answer a visit."""
        kept = self.scan.map(keep)
        masks = dict(enumerate(kept))
        scan = self.scan.only_visits(lambda k, _: masks[k])
        some = [k for k, mask in enumerate(kept) if mask.any()] or [0]
        opened, deeds = [], []
        for k in some:
            first = self.scan.blocks[k].first
            of_visit = (self.opened[k] - first[:-1])[kept[k]]
            length = np.diff(first)[kept[k]]
            opened.append(np.cumsum(length) - length + of_visit)
            deeds.append(self.deeds[k][kept[k]])
        return WholeVisits(scan, tuple(opened), tuple(deeds))


def whole_visits(
    blocks: Sequence[EncodedEvents], profiles: RenamedIds, query: Query, start: int, end: int
) -> WholeVisits:
    """The visits that begin in ``start`` ≤ ts < ``end``, of ``blocks`` in which each visit is whole."""
    near = [block for block in blocks if _may_begin(block, start, end)]
    scan = scan_blocks(near, profiles, query)
    caused = scan.query_labels(f"{CAUSED} as caused")["caused"].to_numpy().astype(np.bool_)

    def deeds_of(k: int, block: EncodedEvents) -> tuple[Longs, Longs]:
        rows = scan.block_labels(k, caused)[block.label[: block.first[-1]]]
        if rows.all():
            return block.first[:-1], np.diff(block.first)
        before = np.zeros(len(rows) + 1, np.int64)
        np.cumsum(rows, out=before[1:])
        deeds = before[block.first[1:]] - before[block.first[:-1]]
        of_deeds = np.append(np.flatnonzero(rows), 0)
        return of_deeds[before[block.first[:-1]]], deeds

    found = scan.map(deeds_of)
    every = WholeVisits(scan, tuple(each[0] for each in found), tuple(each[1] for each in found))

    def begins_here(k: int, _: EncodedEvents) -> Mask:
        began = every.began(k) if len(every.opened[k]) else np.zeros(0, np.int64)
        here: Mask = (every.deeds[k] > 0) & (began >= start) & (began < end)
        return here

    return every.only(begins_here)


def _may_begin(block: EncodedEvents, start: int, end: int) -> bool:
    """Whether any visit of the block may begin in the time."""
    if len(block.first) < 2:
        return False
    return block.base + int(block.at.min()) < end and block.base + int(block.at.max()) >= start


def visit_hashes(visits: WholeVisits) -> pa.Table:
    """The column ``session``: the hash of each visit's id."""
    return pa.table({"session": np.concatenate([block.visits for block in visits.scan.blocks])})
