"""Stitched visits: a visit that lies in several files, or has another id now, is put together again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from warehouse.index.encoded import Codes, EncodedEvents, Hashes
from warehouse.index.scan import RenamedIds, among, starts, unique

OWNER_LENGTH = 8

NOTHING = RenamedIds(np.zeros(0, np.uint64), np.zeros(0, np.uint64))


@dataclass(frozen=True, slots=True)
class Sessions:
    """What became of session ids: ``renamed``, with the new ids as texts by the old one's hash; and by owner the
    sessions that were cut out of others, as (start, id, hash), see ``warehouse.tables.schema.AliasRow``."""

    renamed: RenamedIds = NOTHING
    texts: Mapping[int, str] = field(default_factory=dict)
    cuts: Mapping[str, Sequence[tuple[int, str, int]]] = field(default_factory=dict)


def stitch(blocks: Sequence[EncodedEvents], sessions: Sessions) -> list[EncodedEvents]:
    """The same events, each visit in one block, under its current id."""
    current = [sessions.renamed.current(block.visits) for block in blocks]
    every = np.sort(np.concatenate([np.zeros(0, np.uint64), *current]))
    twice = unique(every[1:][~starts(every)[1:]]) if len(every) else every
    kept: list[EncodedEvents] = []
    taken: list[EncodedEvents] = []
    for block, now in zip(blocks, current, strict=True):
        odd = (now != block.visits) | among(now, twice)
        if sessions.cuts:
            owners = pc.utf8_slice_codeunits(block.session_ids, 0, OWNER_LENGTH)
            odd |= pc.is_in(owners, pa.array(list(sessions.cuts))).to_numpy(zero_copy_only=False)
        if not odd.any():
            kept.append(block)
            continue
        rows = np.zeros(len(block.at), np.bool_)
        rows[: block.first[-1]] = np.repeat(odd, np.diff(block.first))
        taken.append(block.only(rows))
        kept.append(block.only(~rows))
    return [*kept, _stitched(taken, sessions)] if taken else kept


def _stitched(parts: Sequence[EncodedEvents], sessions: Sessions) -> EncodedEvents:
    """One block of all rows of ``parts``, which have no rows without a visit."""
    names: dict[int, str] = {}
    visit = []
    for part in parts:
        hashes, texts = sessions.renamed.current(part.visits), part.session_ids.to_pylist()
        texts = [sessions.texts.get(int(old), text) for old, text in zip(part.visits, texts, strict=True)]
        names |= dict(zip(hashes.tolist(), texts, strict=True))
        each = np.repeat(hashes, np.diff(part.first))
        if sessions.cuts:
            _cut(each, part.ts, names, sessions)
        visit.append(each)
    hashes, ts = np.concatenate(visit), np.concatenate([part.ts for part in parts])
    position = np.concatenate([part.position for part in parts])
    order = np.lexsort((position, ts, hashes))
    hashes, ts = hashes[order], ts[order]
    first = np.append(np.flatnonzero(starts(hashes)), len(hashes))
    profiles = unique(np.concatenate([part.profiles for part in parts]))
    base = int(ts.min())

    def shifted(name: str, lengths: Sequence[int]) -> Codes:
        bases = np.cumsum([0, *lengths])[:-1]
        codes = [
            getattr(part, name).astype(np.int64) + start for part, start in zip(parts, bases, strict=True)
        ]
        together: Codes = np.concatenate(codes)[order]
        return together

    made: dict[str, Any] = {
        "bots": np.zeros(0, np.uint64),
        "position": position[order],
        "profile": np.concatenate([np.searchsorted(profiles, part.profiles)[part.profile] for part in parts])[
            order
        ],
        "label": shifted("label", [len(part.labels) for part in parts]),
        "touchpoint": shifted("touchpoint", [len(part.touchpoints) for part in parts]),
        "labels": pa.concat_tables([part.labels for part in parts]),
        "touchpoints": pa.concat_tables([part.touchpoints for part in parts]),
    }
    visits = hashes[first[:-1]]
    texts = pa.array([names[each] for each in visits.tolist()], pa.string())
    return EncodedEvents(
        base=base, at=ts - base, first=first, profiles=profiles, visits=visits, session_ids=texts, **made
    )


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
