"""Encoded events: the events of data files as numbers, in order of visit and time. Reports scan them.

A report over millions of events spends its time on texts: reading them, hashing them, comparing them. A data file
never changes, so the numbers that stand for its texts are found once, and are stored in a file of their own
(``warehouse.index.encoded_files``).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from warehouse.definitions.event_order import ORDER, POSITION

Codes = npt.NDArray[Any]
Longs = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

LABEL_COLUMNS = ("type", "name", "path", "title", "doubtful")
"""What an event is: its label. Few labels stand for millions of events. All are texts, but ``doubtful``, a bool."""
TOUCHPOINT_COLUMNS = (
    *("channel", "origin", "medium", "campaign", "keyword", "device", "browser", "os", "country", "city"),
    *("lang", "demo"),
)
"""Where a visit came from and with what device: its touchpoint."""
_ORDER = f"order by session = '', hash(session), {ORDER}, hash(profile)"
ROW_ARRAYS = ("at", "position", "profile", "label", "touchpoint")
"""What a block has one of for each row."""
_LABELS = ", ".join(LABEL_COLUMNS)
_TOUCHPOINTS = ", ".join(TOUCHPOINT_COLUMNS)


def _any_of(columns: tuple[str, ...]) -> str:
    return ", ".join(f"any_value({name}) as {name}" for name in columns)


QUERIES = {
    "rows": f"""
        select hash(session) as session, hash(profile) as profile, ts, {POSITION} as position, hash({_LABELS}) as label,
               hash({_TOUCHPOINTS}) as touchpoint, session = '' as without_session
        from found {_ORDER}
    """,
    "labels": f"""
        select hash({_LABELS}) as hash, {_any_of(LABEL_COLUMNS)}
        from found group by hash order by hash
    """,
    "touchpoints": f"""
        select hash({_TOUCHPOINTS}) as hash, {_any_of(TOUCHPOINT_COLUMNS)}
        from found group by hash order by hash
    """,
    "visits": """
        select hash(session) as hash, any_value(session) as session_id from found where session <> ''
        group by hash order by hash
    """,
    "bots": "select distinct hash(profile) as hash from found_bots order by hash",
}
"""What ``encode`` needs: answers over people's events (the table ``found``) and bots' events (``found_bots``)."""


@dataclass(frozen=True, slots=True)
class EncodedEvents:
    """A block of encoded events of people (no bots) of one site.

    Row i happened at ``base + at[i]`` (ms) to the profile ``profiles[profile[i]]``; ``position[i]`` is where the event
    log held it (``warehouse.definitions.event_order``). ``labels[label[i]]`` says what happened,
    ``touchpoints[touchpoint[i]]`` describes its visit. Rows ``first[k]`` to ``first[k + 1]`` are visit k, in the order
    of events; rows behind the last visit belong to no visit. Ids are DuckDB's hashes of the ids in the rows;
    ``profiles`` and ``visits`` are sorted. ``session_ids`` are the ids of the visits as texts. ``bots`` are the
    profiles of bots' rows, which no report counts.
    """

    base: int
    at: Codes
    position: Longs
    profile: Codes
    label: Codes
    touchpoint: Codes
    first: Longs
    profiles: Hashes
    bots: Hashes
    visits: Hashes
    session_ids: pa.Array
    labels: pa.Table
    touchpoints: pa.Table

    @property
    def ts(self) -> Longs:
        return self.at.astype(np.int64) + self.base

    def visits_only(self, keep: npt.NDArray[np.bool_]) -> "EncodedEvents":
        """The rows of the visits that are to be kept; those that belong to no visit are left out."""
        if keep.all():
            rows = slice(0, int(self.first[-1]))
            changed: dict[str, Any] = {name: getattr(self, name)[rows] for name in ROW_ARRAYS}
            return replace(self, **changed)
        rows_kept = np.zeros(len(self.at), np.bool_)
        rows_kept[: self.first[-1]] = np.repeat(keep, np.diff(self.first))
        return self.only(rows_kept)

    def holds(self, profiles: Hashes) -> bool:
        """Whether it has rows of any of these profiles, bots included."""
        return any(
            len(known) > at and known[at] == each
            for known in (self.profiles, self.bots)
            for at, each in zip(np.searchsorted(known, profiles).tolist(), profiles, strict=True)
        )

    def between(self, start: int, end: int) -> "EncodedEvents":
        """The events with ``start`` ≤ ts < ``end``."""
        if not len(self.at) or (
            self.base + int(self.at.min()) >= start and self.base + int(self.at.max()) < end
        ):
            return self
        ts = self.ts
        return self.only((ts >= start) & (ts < end))

    def only(self, keep: npt.NDArray[np.bool_]) -> "EncodedEvents":
        """The rows that are to be kept, with their visits."""
        before = np.zeros(len(keep) + 1, np.int64)
        np.cumsum(keep, out=before[1:])
        bounds = before[self.first]
        some = bounds[1:] > bounds[:-1]
        changed: dict[str, Any] = {name: getattr(self, name)[keep] for name in ROW_ARRAYS}
        changed["first"] = np.append(bounds[:-1][some], bounds[-1])
        changed["visits"], changed["session_ids"] = self.visits[some], self.session_ids.filter(pa.array(some))
        return replace(self, **changed)


def encode(answers: Mapping[str, pa.Table]) -> EncodedEvents:
    """The block that the answers to QUERIES make."""
    rows = {name: answers["rows"][name].to_numpy() for name in answers["rows"].column_names}
    ts = rows["ts"]
    base = int(ts.min()) if len(ts) else 0
    profiles = _sorted_unique(rows["profile"])
    session = rows["session"][: len(ts) - int(np.count_nonzero(rows["without_session"]))]
    begins = np.ones(len(session), np.bool_)
    begins[1:] = session[1:] != session[:-1]
    first = np.append(np.flatnonzero(begins), len(session))
    labels, touchpoints = answers["labels"], answers["touchpoints"]
    return EncodedEvents(
        base,
        _small(ts - base),
        rows["position"],
        _small(np.searchsorted(profiles, rows["profile"])),
        _small(np.searchsorted(labels["hash"].to_numpy(), rows["label"])),
        _small(np.searchsorted(touchpoints["hash"].to_numpy(), rows["touchpoint"])),
        first,
        profiles,
        answers["bots"]["hash"].to_numpy(),
        answers["visits"]["hash"].to_numpy(),
        answers["visits"]["session_id"].combine_chunks(),
        labels.drop_columns(["hash"]).combine_chunks(),
        touchpoints.drop_columns(["hash"]).combine_chunks(),
    )


def _small(values: Codes) -> Codes:
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def _sorted_unique(values: Hashes) -> Hashes:
    """Not numpy.unique, which takes many times as long."""
    values = np.sort(values)
    keep = np.ones(len(values), np.bool_)
    keep[1:] = values[1:] != values[:-1]
    return values[keep]


def to_table(block: EncodedEvents) -> pa.Table:
    """The block as one row of lists, as its file holds it."""
    lists: dict[str, pa.Array] = {"base": pa.array([block.base])}
    for each in fields(block):
        value = getattr(block, each.name)
        if isinstance(value, pa.Table):
            for name in value.column_names:
                lists[f"{each.name}.{name}"] = _listed(value[name].combine_chunks())
        elif each.name != "base":
            lists[each.name] = _listed(value if isinstance(value, pa.Array) else pa.array(value))
    return pa.table(lists)


def from_table(table: pa.Table) -> EncodedEvents:
    """The block of such a row, without a copy of its arrays."""
    parts = {name: table[name].chunk(0) for name in table.column_names}
    found: dict[str, Any] = {"base": parts.pop("base")[0].as_py()}
    tables: dict[str, dict[str, pa.Array]] = {}
    for name, values in parts.items():
        of, _, column = name.partition(".")
        if column:
            tables.setdefault(of, {})[column] = values.values
        else:
            found[of] = values.values if of == "session_ids" else values.values.to_numpy()
    return EncodedEvents(**found, **{name: pa.table(columns) for name, columns in tables.items()})


def _listed(values: pa.Array) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), values)
