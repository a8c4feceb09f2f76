"""The titles of the pages in a scan."""

from collections.abc import Sequence

import numpy as np

from warehouse.index.encoded import Longs
from warehouse.index.scan import Mask, Scan


def titles(scan: Scan, page: Longs, some: Mask, pages: Longs) -> list[str]:
    """The latest title of each of ``pages``, "" for those without. ``page`` says each label's page; only labels count
    that are ``some``, which are views that occur."""
    names = scan.labels["title"].to_pylist()
    asked = np.flatnonzero(some & np.isin(page, pages)).tolist()
    labels = [label for label in asked if names[label]]
    named: dict[int, set[str]] = {}
    for label in labels:
        named.setdefault(int(page[label]), set()).add(names[label])
    last = _last(scan, [label for label in labels if len(named[int(page[label])]) > 1])
    best: dict[int, tuple[int, str]] = {}
    for label in labels:
        best[int(page[label])] = max(
            best.get(int(page[label]), (-2, "")), (last.get(label, -1), names[label])
        )
    return [best[each][1] if each in best else "" for each in pages.tolist()]


def _last(scan: Scan, labels: Sequence[int]) -> dict[int, int]:
    """When each of the labels occurred last."""
    wanted = np.zeros(len(scan.labels), np.bool_)
    wanted[list(labels)] = True
    last = np.full(len(wanted), -1)
    for k, block in enumerate(scan.blocks):
        here = scan.block_labels(k, wanted)
        if here.any():
            rows = np.flatnonzero(here[block.label])
            np.maximum.at(last, block.label[rows].astype(np.int64) + scan.label_base[k], block.ts[rows])
    return {label: int(last[label]) for label in labels}
