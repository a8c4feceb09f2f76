"""The pages of a walk and how they are called."""

from collections.abc import Sequence

import numpy as np

from warehouse.index.encoded import Longs
from warehouse.index.scan import Mask, Walk


def titles(walk: Walk, page: Longs, some: Mask, pages: Longs) -> list[str]:
    """The latest title of each of ``pages``, "" for those without. ``page`` says each word's page; only words count
    that are ``some``, which are views that occur."""
    names = walk.words["title"].to_pylist()
    asked = np.flatnonzero(some & np.isin(page, pages)).tolist()
    words = [word for word in asked if names[word]]
    named: dict[int, set[str]] = {}
    for word in words:
        named.setdefault(int(page[word]), set()).add(names[word])
    last = _last(walk, [word for word in words if len(named[int(page[word])]) > 1])
    best: dict[int, tuple[int, str]] = {}
    for word in words:
        best[int(page[word])] = max(best.get(int(page[word]), (-2, "")), (last.get(word, -1), names[word]))
    return [best[each][1] if each in best else "" for each in pages.tolist()]


def _last(walk: Walk, words: Sequence[int]) -> dict[int, int]:
    """When each of the words occurred last."""
    wanted = np.zeros(len(walk.words), np.bool_)
    wanted[list(words)] = True
    last = np.full(len(wanted), -1)
    for k, trail in enumerate(walk.trails):
        here = walk.words_of(k, wanted)
        if here.any():
            rows = np.flatnonzero(here[trail.word])
            np.maximum.at(last, trail.word[rows].astype(np.int64) + walk.word_base[k], trail.ts[rows])
    return {word: int(last[word]) for word in words}
