"""Trails: the events of data files as numbers, in order of visit and time. What reports walk along.

A report over millions of events spends its time on texts: reading them, hashing them, comparing them. A data file
never changes, so the numbers that stand for its texts are found once and lie beside it, under
``trails/SITE/`` and the file's own name. When the file goes (compacted, erased, too old) its trail goes.
"""

import logging
import os
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from crc32c import crc32c
from pyarrow import ipc

from warehouse.tables.files import LiveFile

logger = logging.getLogger(__name__)

Codes = npt.NDArray[Any]
Longs = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

WORDS = ("type", "name", "path", "title")
TOUCHES = (
    *("channel", "origin", "medium", "campaign", "keyword", "device", "browser", "os", "country", "city"),
    *("lang", "demo"),
)
FORM = "5"
"""Part of each trail's file name: a release that writes them in another way does not read the old ones."""

CHECKSUM_BYTES = 4
"""Behind each trail: numbers that were changed on disk look like others."""

_ORDERS = "name in ('Order Completed', 'Order Refunded')"
_ORDER = "order by session = '', hash(session), ts, id, hash(profile)"
QUERIES = {
    "rows": f"""
        select hash(session) as session, hash(profile) as profile, ts, hash({", ".join(WORDS)}) as word,
               hash({", ".join(TOUCHES)}) as touch, session = '' as nobody, {_ORDERS} as ordered
        from found {_ORDER}
    """,
    "words": f"""
        select hash({", ".join(WORDS)}) as hash, {", ".join(f"any_value({name}) as {name}" for name in WORDS)}
        from found group by hash order by hash
    """,
    "touches": f"""
        select hash({", ".join(TOUCHES)}) as hash, {", ".join(f"any_value({name}) as {name}" for name in TOUCHES)}
        from found group by hash order by hash
    """,
    "visits": """
        select hash(session) as hash, any_value(session) as name from found where session <> ''
        group by hash order by hash
    """,
    "bots": "select distinct hash(profile) as hash from found_bots order by hash",
    "orders": f"""
        select hash(case name when 'Order Completed' then coalesce("order", id) else name || id end) as key,
               coalesce(revenue, 0)::double as revenue, name = 'Order Completed' as completed,
               repeated is true as repeated, sender is distinct from 'site' as outside
        from found where {_ORDERS} {_ORDER}
    """,
}
"""What a trail is made of: of people's events, ``found``, and of bots'."""


@dataclass(frozen=True, slots=True)
class Trail:
    """Events of people (no bots) of one site.

    Row i happened at ``base + at[i]`` (ms), to ``profiles[profile[i]]``, and was ``words[word[i]]``, in a visit that
    ``touches[touch[i]]`` describes. Rows ``first[k]`` to ``first[k + 1]`` are visit k; those behind the last belong to
    none. Ids are DuckDB's hashes of the ids that stand in the rows; ``profiles`` and ``visits`` are sorted. ``bots``
    are the profiles of the bots' rows, which no report counts. ``orders`` are those of some rows: ``row`` says which.
    """

    base: int
    at: Codes
    profile: Codes
    word: Codes
    touch: Codes
    first: Longs
    profiles: Hashes
    bots: Hashes
    visits: Hashes
    names: pa.Array
    words: pa.Table
    touches: pa.Table
    orders: pa.Table

    @property
    def ts(self) -> Longs:
        return self.at.astype(np.int64) + self.base

    def holds(self, profiles: Hashes) -> bool:
        """Whether there are rows of any of these profiles, a bot's included."""
        return any(
            len(known) > at and known[at] == each
            for known in (self.profiles, self.bots)
            for at, each in zip(np.searchsorted(known, profiles).tolist(), profiles, strict=True)
        )

    def between(self, start: int, end: int) -> "Trail":
        """Its events with ``start`` ≤ ts < ``end``."""
        if not len(self.at) or (
            self.base + int(self.at.min()) >= start and self.base + int(self.at.max()) < end
        ):
            return self
        ts = self.ts
        return self.only((ts >= start) & (ts < end))

    def only(self, keep: npt.NDArray[np.bool_]) -> "Trail":
        """Some of its rows, with their visits and orders."""
        before = np.zeros(len(keep) + 1, np.int64)
        np.cumsum(keep, out=before[1:])
        bounds = before[self.first]
        some = bounds[1:] > bounds[:-1]
        changed: dict[str, Any] = {
            name: getattr(self, name)[keep] for name in ("at", "profile", "word", "touch")
        }
        changed["first"] = np.append(bounds[:-1][some], bounds[-1])
        changed["visits"], changed["names"] = self.visits[some], self.names.filter(pa.array(some))
        row = self.orders["row"].to_numpy()
        orders = self.orders.filter(pa.array(keep[row]))
        changed["orders"] = orders.set_column(0, "row", pa.array(before[row[keep[row]]]))
        return Trail(**{each.name: changed.get(each.name, getattr(self, each.name)) for each in fields(self)})


def trail_of(answers: Mapping[str, pa.Table]) -> Trail:
    """The trail of the answers to QUERIES."""
    rows = {name: answers["rows"][name].to_numpy() for name in answers["rows"].column_names}
    ts = rows["ts"]
    base = int(ts.min()) if len(ts) else 0
    profiles = _sorted_unique(rows["profile"])
    session = rows["session"][: len(ts) - int(np.count_nonzero(rows["nobody"]))]
    begins = np.ones(len(session), np.bool_)
    begins[1:] = session[1:] != session[:-1]
    first = np.append(np.flatnonzero(begins), len(session))
    words, touches, orders = answers["words"], answers["touches"], answers["orders"]
    row = pa.array(np.flatnonzero(rows["ordered"]), pa.int64())
    return Trail(
        base,
        _small(ts - base),
        _small(np.searchsorted(profiles, rows["profile"])),
        _small(np.searchsorted(words["hash"].to_numpy(), rows["word"])),
        _small(np.searchsorted(touches["hash"].to_numpy(), rows["touch"])),
        first,
        profiles,
        answers["bots"]["hash"].to_numpy(),
        answers["visits"]["hash"].to_numpy(),
        answers["visits"]["name"].combine_chunks(),
        words.drop_columns(["hash"]).combine_chunks(),
        touches.drop_columns(["hash"]).combine_chunks(),
        orders.add_column(0, "row", row).combine_chunks(),
    )


def _small(values: Codes) -> Codes:
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def _sorted_unique(values: Hashes) -> Hashes:
    """Not numpy.unique, which takes many times as long."""
    values = np.sort(values)
    keep = np.ones(len(values), np.bool_)
    keep[1:] = values[1:] != values[:-1]
    return values[keep]


def packed(trail: Trail) -> pa.Table:
    """One row of lists: what a trail's file holds."""
    lists: dict[str, pa.Array] = {"base": pa.array([trail.base])}
    for each in fields(trail):
        value = getattr(trail, each.name)
        if isinstance(value, pa.Table):
            for name in value.column_names:
                lists[f"{each.name}.{name}"] = _listed(value[name].combine_chunks())
        elif each.name != "base":
            lists[each.name] = _listed(value if isinstance(value, pa.Array) else pa.array(value))
    return pa.table(lists)


def unpacked(table: pa.Table) -> Trail:
    """The trail of such a row, without copying its arrays."""
    parts = {name: table[name].chunk(0) for name in table.column_names}
    found: dict[str, Any] = {"base": parts.pop("base")[0].as_py()}
    tables: dict[str, dict[str, pa.Array]] = {}
    for name, values in parts.items():
        of, _, column = name.partition(".")
        if column:
            tables.setdefault(of, {})[column] = values.values
        else:
            found[of] = values.values if of == "names" else values.values.to_numpy()
    return Trail(**found, **{name: pa.table(columns) for name, columns in tables.items()})


def _listed(values: pa.Array) -> pa.LargeListArray:
    return pa.LargeListArray.from_arrays(pa.array([0, len(values)], pa.int64()), values)


class Shelf:
    """The trails that lie beside the data files. Where they cannot be written each process makes its own, in memory."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._open: dict[tuple[str, str], Trail] = {}

    def of(self, site: str, file: LiveFile, make: Callable[[], Trail]) -> Trail:
        """The trail of the site's events in ``file``; made and kept when it is not there yet."""
        key = (site, file.path)
        found = self._open.get(key)
        if found is None:
            found = self._read(site, file)
            if found is None:
                found = make()
                self._write(site, file, found)
                found = self._read(site, file) or found
            self._open[key] = found
        return found

    def known(self, site: str, file: LiveFile) -> Trail | None:
        """The same, None where it is not there yet."""
        return self._open.get((site, file.path)) or self._read(site, file)

    def release(self, live: Collection[LiveFile]) -> None:
        """Let go of the trails of files that are gone: a deleted file takes its room until then."""
        paths = {file.path for file in live}
        for key in [key for key in list(self._open) if key[1] not in paths]:
            self._open.pop(key, None)

    def sweep(self, live: Collection[LiveFile]) -> int:
        """Delete the trails of files that are gone; how many."""
        self.release(live)
        names = {_name(file) for file in live}
        gone = 0
        for path in self._folder.glob("*/*") if self._folder else ():
            if path.name not in names:
                path.unlink(missing_ok=True)
                gone += 1
        return gone

    def _read(self, site: str, file: LiveFile) -> Trail | None:
        if self._folder is None:
            return None
        try:
            with pa.memory_map(str(self._path(self._folder, site, file))) as source:
                content = source.read_buffer()
                body, checksum = content[:-CHECKSUM_BYTES], content[-CHECKSUM_BYTES:].to_pybytes()
                if crc32c(body) != int.from_bytes(checksum, "big"):
                    raise OSError(f"the trail of {file.path} is not as it was written")
                return unpacked(ipc.open_file(body).read_all())
        except FileNotFoundError:
            return None
        except (OSError, pa.ArrowException, LookupError, TypeError) as error:
            logger.warning("a trail is made again: %s", error)
            return None

    def _write(self, site: str, file: LiveFile, trail: Trail) -> None:
        if self._folder is None:
            return
        path = self._path(self._folder, site, file)
        draft = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        table = packed(trail)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            made = pa.BufferOutputStream()
            with ipc.new_file(made, table.schema) as writer:
                writer.write_table(table)
            body = made.getvalue()
            with draft.open("wb") as sink:
                sink.write(body)
                sink.write(crc32c(body).to_bytes(CHECKSUM_BYTES, "big"))
                sink.flush()
                os.fsync(sink.fileno())  # else a power cut leaves a file of zeros under its final name
            draft.replace(path)
        except OSError as error:
            logger.warning("a trail is not kept, and is made again after each start: %s", error)
            with suppress(OSError):
                draft.unlink(missing_ok=True)

    @staticmethod
    def _path(folder: Path, site: str, file: LiveFile) -> Path:
        return folder / quote(site, safe="") / _name(file)


def _name(file: LiveFile) -> str:
    return f"{quote(file.path, safe='')}.{FORM}"
