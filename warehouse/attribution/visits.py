"""Visits with their touches: who came, when, and from where."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from warehouse.index.encoded import EncodedEvents, Longs
from warehouse.index.scan import Mask, Scan
from warehouse.index.whole_visits import WholeVisits

DIRECT = "direct"
"""The channel of a visit that nothing outside led to."""


@dataclass(frozen=True, slots=True)
class Visits:
    """One a row, by person, start (ms) and id. ``touchpoint`` is a row of the scan's touchpoints: that of the visit's
    first deed. ``place`` says where each visit of the scan's blocks, one block's behind the other's, stands here."""

    person: Longs
    start: Longs
    touchpoint: Longs
    place: Longs


def visits_of(whole: WholeVisits) -> Visits:
    """The visits with what their first deeds say."""
    scan = whole.scan

    def part(index: int, block: EncodedEvents) -> tuple[Longs, Longs, Longs]:
        row = whole.opened[index]
        person = scan.persons[index][block.profile[row]].astype(np.int64)
        touchpoint = block.touchpoint[row].astype(np.int64) + scan.touchpoint_base[index]
        return person, whole.began(index), touchpoint

    person, start, touchpoint = map(np.concatenate, zip(*scan.map(part), strict=True))
    ids = np.concatenate([block.visits for block in scan.blocks])
    order = np.lexsort((ids, start, person))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return Visits(person[order], start[order], touchpoint[order], place)


def groups_of(scan: Scan, column: str) -> tuple[Longs, list[str]]:
    """The code of each of the scan's touchpoints by what stands in ``column``, and the name of each code."""
    values = scan.touchpoints[column].combine_chunks().dictionary_encode()
    return values.indices.to_numpy().astype(np.int64), values.dictionary.to_pylist()


def direct_touchpoints(scan: Scan) -> Mask:
    """Which of the scan's touchpoints are direct."""
    direct: Mask = pc.equal(scan.touchpoints["channel"], DIRECT).to_numpy().astype(np.bool_)
    return direct
