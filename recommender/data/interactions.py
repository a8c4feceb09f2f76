"""Interactions: who did what with which item and when, as arrays; and the matrices that factors are fitted to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse

from profiles.model import ItemEvent
from recommender.data.params import Params, Weights
from tracker.durations import DAY_MS
from warehouse.feeds import person_weights

Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

KINDS: tuple[ItemEvent, ...] = ("view", "add", "remove", "purchase", "dismiss", "list")
VIEW, ADD, REMOVE, PURCHASE, DISMISS, LIST = range(len(KINDS))

EVENT_KINDS: Mapping[str, int] = {
    "Product Viewed": VIEW,
    "Product Clicked": VIEW,
    "Product Added": ADD,
    "Product Added to Wishlist": ADD,
    "Product Removed": REMOVE,
    "Product Removed from Wishlist": REMOVE,
    "Order Completed": PURCHASE,
    "Product Dismissed": DISMISS,
    "Product List Viewed": LIST,
}


MAX_POSITIVE_SHARE, LEAST_ITEMS = 0.05, 2000

REPEATS_A_DAY, REPEATS_EVER = 3.0, 10.0
"""So often one person's doing one thing with one item counts, within a day and altogether; and so many of their visits
say what belongs together."""


class NothingToLearn(Exception):
    """The history holds no event of an item. Send product events, or import some, then train again."""


@dataclass(frozen=True, slots=True)
class Interactions:
    """One row per (event, item), in order of time.

    ``profile``, ``item`` and ``session`` are codes, named by ``profiles`` and ``items``. ``ts`` is in milliseconds.
    ``people`` says how much each profile teaches (``warehouse.feeds.person_weights``), ``network`` from which they
    came, -1 for unknown; empty where all teach alike. ``often`` is each row's part of what somebody does over and
    over, which counts REPEATS_A_DAY and REPEATS_EVER times. ``sender`` (code of the network, negative: not known) and
    ``received`` (ms) of each row are what the former comes from; empty where they are not known.
    """

    items: tuple[str, ...]
    profiles: tuple[str, ...]
    sessions: int
    profile: Ints
    item: Ints
    session: Ints
    kind: npt.NDArray[np.int8]
    ts: Longs
    quantity: Floats
    crowd_weights: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    network: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    repeat_weights: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    sender: Longs = field(default_factory=lambda: np.zeros(0, np.int64))
    received: Longs = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.ts)

    def between(self, start: int, end: int) -> "Interactions":
        """The rows with ``start <= ts < end``; codes keep their meaning."""
        low, high = np.searchsorted(self.ts, (start, end))
        return self.rows(slice(int(low), int(high)))

    def before(self, end: int) -> "Interactions":
        """The history as it was at ``end`` (ms): nothing of it, be it an item, a profile, how much somebody teaches or
        how often they repeat something, is known from what came later."""
        rows = self.between(int(self.ts[0]), end) if len(self) else self
        items, item = np.unique(rows.item, return_inverse=True)
        people, profile = np.unique(rows.profile, return_inverse=True)
        sessions, session = np.unique(rows.session, return_inverse=True)
        crowd = _crowd(profile, rows.received, rows.sender, len(people))
        return replace(
            rows,
            items=tuple(self.items[code] for code in items.tolist()),
            profiles=tuple(self.profiles[code] for code in people.tolist()),
            sessions=len(sessions),
            item=item.astype(np.int32),
            profile=profile.astype(np.int32),
            session=session.astype(np.int32),
            crowd_weights=crowd.weight,
            network=crowd.network,
            repeat_weights=_repeat_weights(_things(profile, item, rows.kind, len(items)), rows.ts),
        )

    def rows(self, which: slice | npt.NDArray[np.bool_]) -> "Interactions":
        return replace(
            self,
            profile=self.profile[which],
            item=self.item[which],
            session=self.session[which],
            kind=self.kind[which],
            ts=self.ts[which],
            quantity=self.quantity[which],
            repeat_weights=self.repeat_weights[which],
            sender=self.sender[which] if len(self.sender) else self.sender,
            received=self.received[which] if len(self.received) else self.received,
        )

    def renamed(self, names: Mapping[str, str]) -> "Interactions":
        """The same with other names of items; items that get one name become one."""
        renamed = [names.get(item, item) for item in self.items]
        codes = {item: code for code, item in enumerate(dict.fromkeys(renamed))}
        table = np.array([codes[item] for item in renamed], np.int32)
        return replace(self, items=tuple(codes), item=table[self.item] if len(self) else self.item)

    @property
    def profile_weights(self) -> npt.NDArray[np.float64]:
        """How much each profile teaches, up to 1."""
        return self.crowd_weights if len(self.crowd_weights) else np.ones(len(self.profiles))

    def row_weights(self) -> npt.NDArray[np.float64]:
        """How much each row counts: people's rows as much as they teach, and ``often``."""
        return self.profile_weights[self.profile] * self.repeat_weights

    def session_weights(self) -> npt.NDArray[np.float64]:
        """How much each session counts: one person's as much as they teach, and no more than REPEATS_EVER of them."""
        person = np.zeros(self.sessions, np.int64)
        person[self.session[::-1]] = self.profile[::-1]
        there = np.zeros(self.sessions, np.bool_)
        there[self.session] = True
        weight = np.zeros(self.sessions)
        weight[there] = self.profile_weights[person[there]] * person_weights.repeats(
            person[there], REPEATS_EVER
        )
        return weight


def read(table: pa.Table) -> Interactions:
    """Interactions of an Arrow table with columns profile, product, name, ts, quantity and session; of ``sender`` and
    ``received``, where it has them, comes how much each profile teaches.

    Rows of other events and without a product are left out. Items that only occurred in lists are no items.
    """
    names = pc.fill_null(table["name"], "")
    wanted = pc.and_(pc.is_in(names, pa.array(EVENT_KINDS)), pc.is_valid(table["product"]))
    table = table.filter(wanted).sort_by("ts").combine_chunks()
    kind = _kinds(table["name"])
    profile, profiles = _codes(table["profile"])
    session, sessions = _codes(table["session"])
    item, items = _codes(table["product"])
    quantity = pc.fill_null(table["quantity"], 1.0).to_numpy(zero_copy_only=False).astype(np.float32)
    ts = table["ts"].to_numpy(zero_copy_only=False).astype(np.int64)
    received, sender = _senders(table)
    known = _crowd(profile, received, sender, len(profiles))
    often = _repeat_weights(_things(profile, item, kind, len(items)), ts)
    return Interactions(
        tuple(items),
        tuple(profiles),
        len(sessions),
        profile,
        item,
        session,
        kind,
        ts,
        quantity,
        *known,
        often,
        sender,
        received,
    )


def _things(
    profile: npt.NDArray[Any], item: npt.NDArray[Any], kind: npt.NDArray[np.int8], items: int
) -> Longs:
    """By row, a number of who did what with which item."""
    thing: Longs = (profile.astype(np.int64) * max(items, 1) + item) * len(KINDS) + kind
    return thing


def _repeat_weights(thing: Longs, ts: Longs) -> npt.NDArray[np.float64]:
    """By row, up to 1; ``thing`` numbers who did what with which item."""
    day = ts // DAY_MS - (ts.min() // DAY_MS if len(ts) else 0)
    a_day = person_weights.repeats(thing * (int(day.max(initial=0)) + 1) + day, REPEATS_A_DAY)
    return a_day * person_weights.repeats(thing, REPEATS_EVER, a_day)


def _senders(table: pa.Table) -> tuple[Longs, Longs]:
    """Of each row when it was received and from which network; empty where the table does not say."""
    if "sender" not in table.column_names:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    sender, names = _codes(table["sender"])
    outside = np.array([name not in ("", "site") for name in names], np.bool_)
    networks = np.where(outside[sender], sender, -1) if len(sender) else sender
    return table["received"].to_numpy().astype(np.int64), networks.astype(np.int64)


def _crowd(
    profile: npt.NDArray[Any], received: Longs, sender: Longs, people: int
) -> person_weights.PersonWeights:
    if not len(sender):
        return person_weights.PersonWeights(np.ones(people), np.full(people, -1, np.int64))
    return person_weights.weights(profile, received, sender, people)


def _codes(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    encoded = pc.dictionary_encode(pc.fill_null(column, "")).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = (
            encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.dictionary(pa.int32(), pa.string()))
        )
    return encoded.indices.to_numpy(zero_copy_only=False).astype(np.int32), encoded.dictionary.to_pylist()


def _kinds(column: pa.ChunkedArray) -> npt.NDArray[np.int8]:
    codes, names = _codes(column)
    table = np.array([EVENT_KINDS[name] for name in names], dtype=np.int8)
    return table[codes] if len(codes) else np.zeros(0, dtype=np.int8)


def kind_weights(weights: Weights) -> Floats:
    """Weight by kind code."""
    return np.array([getattr(weights, kind) for kind in KINDS], dtype=np.float32)


def ageing(ts: Longs, now: int, half_life_days: float) -> Floats:
    """0.5 ** (age / half-life): 1 now, 0.5 a half-life ago."""
    age = np.maximum(now - ts, 0) / (half_life_days * DAY_MS)
    return np.exp2(-age).astype(np.float32)


def interaction_matrix(rows: Interactions, params: Params, now: int) -> sparse.csr_matrix:
    """profiles × items, Σ weight · ageing where that sum is positive; all profiles alike."""
    value = (
        kind_weights(params.weights)[rows.kind]
        * ageing(rows.ts, now, params.half_life_days)
        * rows.repeat_weights
    )
    shape = (len(rows.profiles), len(rows.items))
    matrix = sparse.coo_matrix((value, (rows.profile, rows.item)), shape=shape).tocsr()
    matrix.data = np.maximum(matrix.data, 0.0).astype(np.float32)
    matrix.eliminate_zeros()
    return matrix


def confidence_matrix(
    likes: sparse.csr_matrix, alpha: float, people: npt.NDArray[np.float64] | None = None
) -> tuple[sparse.csr_matrix, float]:
    """1 + alpha · interaction (Hu, Koren, Volinsky 2008), and the alpha used per unit: ``alpha`` for the average entry.

    So a shop that only tells purchases is as sure of its visitors as one that tells every click. Where visitors
    touched much of a catalogue, alpha is less: what they did weighs no more than MAX_POSITIVE_SHARE of what they
    did not, or the factors would only repeat it. A small catalogue counts as one of LEAST_ITEMS items: a tenth of
    it is soon seen.
    ``people``: how much each profile teaches; what they like is as sure as that.
    """
    held = np.diff(likes.indptr)
    people = np.ones(likes.shape[0]) if people is None else people
    weight = np.repeat(people, held)
    usual = float(np.average(likes.data, weights=weight)) if likes.nnz else 1.0
    cells = float(people[held > 0].sum()) * max(likes.shape[1], LEAST_ITEMS)
    if likes.nnz:
        alpha = min(alpha, max(1.0, MAX_POSITIVE_SHARE * cells / float(weight.sum())))
    sure = likes.copy()
    sure.data = (weight * (1.0 + alpha / usual * likes.data)).astype(np.float32)
    return sure, alpha / usual
