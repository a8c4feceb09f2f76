"""The visits of a scan with their touches: who came, when, and from where."""

from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from warehouse.definitions.conditions import CAUSED
from warehouse.index.encoded import EncodedEvents, Hashes, Longs
from warehouse.index.scan import Mask, Scan

DIRECT = "direct"
"""The channel of a visit that nothing outside led to."""


@dataclass(frozen=True, slots=True)
class Visits:
    """One a row, by person, start (ms) and id. ``touchpoint`` is a row of the scan's touchpoints: that of the visit's
    first deed. ``place`` says where each visit of the scan's blocks, one block's behind the other's, stands here; -1
    for one without a deed, which is no visit."""

    person: Longs
    start: Longs
    touchpoint: Longs
    place: Longs


def visits_of(scan: Scan) -> Visits:
    """All visits of ``scan`` that have a deed."""
    caused = scan.query_labels(f"{CAUSED} as caused")["caused"].to_numpy().astype(np.bool_)

    def part(index: int, block: EncodedEvents) -> tuple[Mask, Longs, Longs, Longs, Hashes]:
        begin, end = block.first[:-1], block.first[1:]
        deeds = scan.block_labels(index, caused)[block.label[: block.first[-1]]]
        before = np.zeros(len(deeds) + 1, np.int64)
        np.cumsum(deeds, out=before[1:])
        some = before[end] > before[begin]
        row = np.flatnonzero(deeds)[before[begin[some]]]
        touchpoint = block.touchpoint[row].astype(np.int64) + scan.touchpoint_base[index]
        person = scan.persons[index][block.profile[row]].astype(np.int64)
        return some, person, block.at[row].astype(np.int64) + block.base, touchpoint, block.visits[some]

    some, person, start, touchpoint, ids = map(np.concatenate, zip(*scan.map(part), strict=True))
    order = np.lexsort((ids, start, person))
    place = np.full(len(some), -1)
    place[np.flatnonzero(some)[order]] = np.arange(len(order))
    return Visits(person[order], start[order], touchpoint[order], place)


def groups_of(scan: Scan, column: str) -> tuple[Longs, list[str]]:
    """The code of each of the scan's touchpoints by what stands in ``column``, and the name of each code."""
    values = scan.touchpoints[column].combine_chunks().dictionary_encode()
    return values.indices.to_numpy().astype(np.int64), values.dictionary.to_pylist()


def direct_touchpoints(scan: Scan) -> Mask:
    """Which of the scan's touchpoints are direct."""
    direct: Mask = pc.equal(scan.touchpoints["channel"], DIRECT).to_numpy().astype(np.bool_)
    return direct
