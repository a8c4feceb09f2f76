"""Visits whole: one that lies in several files, or has another id now, is put together again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.index.encoded import Codes, Hashes, Trail
from warehouse.index.scan import Renamed, among, starts, unique

OWNER_LENGTH = 8

NOTHING = Renamed(np.zeros(0, np.uint64), np.zeros(0, np.uint64))


@dataclass(frozen=True, slots=True)
class Sessions:
    """What became of session ids: ``renamed``, with the new ids as texts by the old one's hash; and by owner the
    sessions that were cut out of others, as (start, id, hash), see ``warehouse.tables.schema.AliasRow``."""

    renamed: Renamed = NOTHING
    texts: Mapping[int, str] = field(default_factory=dict)
    cuts: Mapping[str, Sequence[tuple[int, str, int]]] = field(default_factory=dict)


def joined(trails: Sequence[Trail], sessions: Sessions) -> list[Trail]:
    """The same events, each visit in one trail, under its current id."""
    current = [sessions.renamed.current(trail.visits) for trail in trails]
    every = np.sort(np.concatenate([np.zeros(0, np.uint64), *current]))
    twice = unique(every[1:][~starts(every)[1:]]) if len(every) else every
    kept: list[Trail] = []
    taken: list[Trail] = []
    for trail, now in zip(trails, current, strict=True):
        odd = (now != trail.visits) | among(now, twice)
        if sessions.cuts:
            owners = pc.utf8_slice_codeunits(trail.names, 0, OWNER_LENGTH)
            odd |= pc.is_in(owners, pa.array(list(sessions.cuts))).to_numpy(zero_copy_only=False)
        if not odd.any():
            kept.append(trail)
            continue
        rows = np.zeros(len(trail.at), np.bool_)
        rows[: trail.first[-1]] = np.repeat(odd, np.diff(trail.first))
        taken.append(trail.only(rows))
        kept.append(trail.only(~rows))
    return [*kept, _put_together(taken, sessions)] if taken else kept


def _put_together(parts: Sequence[Trail], sessions: Sessions) -> Trail:
    """One trail of all rows of ``parts``, which have no rows without a visit."""
    names: dict[int, str] = {}
    visit = []
    for part in parts:
        hashes, texts = sessions.renamed.current(part.visits), part.names.to_pylist()
        texts = [sessions.texts.get(int(old), text) for old, text in zip(part.visits, texts, strict=True)]
        names |= dict(zip(hashes.tolist(), texts, strict=True))
        each = np.repeat(hashes, np.diff(part.first))
        if sessions.cuts:
            _cut(each, part.ts, names, sessions)
        visit.append(each)
    hashes, ts = np.concatenate(visit), np.concatenate([part.ts for part in parts])
    order = np.lexsort((ts, hashes))
    hashes, ts = hashes[order], ts[order]
    first = np.append(np.flatnonzero(starts(hashes)), len(hashes))
    profiles = unique(np.concatenate([part.profiles for part in parts]))
    base = int(ts.min())
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    rows = np.cumsum([0, *(len(part.at) for part in parts)])
    orders = [
        part.orders.set_column(0, "row", pa.array(place[part.orders["row"].to_numpy() + start]))
        for part, start in zip(parts, rows[:-1], strict=True)
    ]

    def shifted(name: str, lengths: Sequence[int]) -> Codes:
        bases = np.cumsum([0, *lengths])[:-1]
        codes = [
            getattr(part, name).astype(np.int64) + start for part, start in zip(parts, bases, strict=True)
        ]
        together: Codes = np.concatenate(codes)[order]
        return together

    made: dict[str, Any] = {
        "bots": np.zeros(0, np.uint64),
        "profile": np.concatenate([np.searchsorted(profiles, part.profiles)[part.profile] for part in parts])[
            order
        ],
        "word": shifted("word", [len(part.words) for part in parts]),
        "touch": shifted("touch", [len(part.touches) for part in parts]),
        "words": pa.concat_tables([part.words for part in parts]),
        "touches": pa.concat_tables([part.touches for part in parts]),
        "orders": pa.concat_tables(orders),
    }
    visits = hashes[first[:-1]]
    texts = pa.array([names[each] for each in visits.tolist()], pa.string())
    return Trail(base=base, at=ts - base, first=first, profiles=profiles, visits=visits, names=texts, **made)


def _cut(visit: Hashes, ts: Codes, names: dict[int, str], sessions: Sessions) -> None:
    """Give rows, in place, to the session that was cut out of theirs: the last one before them, if it is later."""
    for row, (now, at) in enumerate(zip(visit.tolist(), ts.tolist(), strict=True)):
        plain = names.get(now, "")
        cuts = (
            sessions.cuts.get(plain[:OWNER_LENGTH], ())
            if plain[OWNER_LENGTH : OWNER_LENGTH + 1] != "-"
            else ()
        )
        for _, name, code in list(takewhile(lambda cut: cut[0] <= at, cuts))[-1:]:  # noqa: B023
            if name > plain:
                visit[row], names[code] = code, name
