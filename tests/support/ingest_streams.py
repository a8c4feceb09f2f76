"""What several ingest tests share: events in short, a warehouse in memory, what the counts must be."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingest.dead_letters import DeadLetters
from ingest.worker.worker import Bounds, Worker
from profiles.facts import Facts, ProductLine
from profiles.model import Profile, Touch
from profiles.store.memory import MemoryProfiles
from profiles.store.port import ProfileStore
from tracker.durations import MINUTE_MS
from tracker.event import Event, encode
from tracker.log.memory import MemoryLog
from tracker.log.port import Record
from tracker.sites import Site, Sites
from warehouse.delta import PositionsMoved
from warehouse.tables.schema import AliasRow, EventRow

START = 1_795_000_000_000


def event(
    event_id: str, minutes: float = 0, visitor: str | None = "a1", user: str | None = None, **fields: Any
) -> Event:
    """A page view, or a track call where a name is given; of a customer, it is proven unless it says otherwise."""
    ts = START + int(minutes * MINUTE_MS)
    kind = "track" if "name" in fields else "page"
    proven = user is not None or fields.get("type") == "alias"
    values = {
        "site": "default",
        "type": kind,
        "received": ts + 50,
        "source": "api",
        "proven": proven,
        **fields,
    }
    return Event(id=event_id, visitor=visitor, user=user, ts=ts, **values)


def simple_facts(event: Event, site: Site) -> Facts:
    """Enrichment cut down to what counting tests need."""
    product = event.props.get("product_id")
    line = (
        ProductLine(product, event.props.get("category", ""), 1.0, event.props.get("price", 0.0))
        if product
        else None
    )
    key = event.context.get("campaign", "")
    return Facts(
        path=event.url or "/",
        touch=Touch(event.ts, "campaign", campaign=key) if key else None,
        campaign_key=key,
        device="desktop",
        bot="bot" in event.ua,
        products=(line,) if line else (),
        order=event.props.get("order_id"),
        revenue=event.props.get("revenue"),
        session_hint=event.context.get("session", ""),
    )


def records(events: Sequence[Event]) -> list[Record]:
    return [Record(one.key, encode(one)) for one in events]


def sites_of(folder: Path, *sites: Site) -> Sites:
    known = Sites(folder / "sites.json")
    for site in sites:
        known.save(site)
    return known


class MemoryWarehouse:
    """Rows in a list; refuses moved positions like the real one."""

    def __init__(self, shared: "MemoryWarehouse | None" = None) -> None:
        self.rows: list[EventRow] = shared.rows if shared else []
        self.aliases: list[AliasRow] = shared.aliases if shared else []
        self.moved: dict[tuple[str, int], int] = shared.moved if shared else {}
        self.known: dict[tuple[str, int], int] = {}
        self.appends = 0

    def positions(self, app: str) -> dict[int, int]:
        self.known = dict(self.moved)
        return {partition: position for (name, partition), position in self.moved.items() if name == app}

    def append(
        self, rows: Sequence[EventRow], aliases: Sequence[AliasRow], positions: Mapping[tuple[str, int], int]
    ) -> None:
        self.appends += 1
        moved = {key: self.moved.get(key) for key in positions if self.moved.get(key) != self.known.get(key)}
        if moved:
            raise PositionsMoved(moved)
        self.rows += rows
        self.aliases += aliases
        self.moved.update(positions)
        self.known.update(positions)

    def profile_of(self, name: str) -> str:
        """A row's profile id as the aliases have it now."""
        first: dict[str, AliasRow] = {}
        for alias in self.aliases:
            if alias.kind == "profile" and (alias.old not in first or alias.ts < first[alias.old].ts):
                first[alias.old] = alias
        last: dict[str, AliasRow] = {}
        for alias in self.aliases:
            if alias.kind == "merge" and (alias.old not in last or alias.ts >= last[alias.old].ts):
                last[alias.old] = alias
        last = {old: alias for old, alias in last.items() if alias.new != old} | first
        while name in last:
            name = last[name].new
        return name

    def session_of(self, row: EventRow) -> str:
        """A row's session id as the aliases have it now: see ``warehouse.tables.schema.AliasRow``."""
        last: dict[str, AliasRow] = {}
        for alias in self.aliases:
            if alias.kind == "session" and (alias.old not in last or alias.ts >= last[alias.old].ts):
                last[alias.old] = alias

        def root(name: str) -> str:
            while name in last and last[name].new != name:
                name = last[name].new
            return name

        if not row.session or row.session[8] == "-":
            return row.session
        owner = row.session[:8]
        cuts = [a.old for a in self.aliases if a.kind == "session" and a.old == a.new and a.old[:8] == owner]
        return max([root(row.session), *(root(cut) for cut in cuts if int(cut[8:], 16) <= row.ts)])


class MemoryIngest:
    """A log and a warehouse in memory, a store, and workers on them."""

    def __init__(
        self, folder: Path, sites: Sites, partitions: int = 1, store: ProfileStore | None = None
    ) -> None:
        self.log, self.warehouse = MemoryLog(f"memory://?partitions={partitions}"), MemoryWarehouse()
        self.store = store or MemoryProfiles()
        self.sites, self.deadletters = sites, DeadLetters(folder)

    def worker_with(self, bounds: Bounds, **other: Any) -> Worker:
        """A worker; ``other`` are further arguments, or others than those of this class."""
        given = {
            "log": self.log,
            "store": self.store,
            "warehouse": MemoryWarehouse(self.warehouse),
            "sites": self.sites,
            "facts": simple_facts,
            "deadletters": self.deadletters,
        }
        return Worker(**(given | other), bounds=bounds)


def facts_of(profile: Profile) -> tuple[Any, ...]:
    """What of a profile must not depend on batches, crashes and replays."""
    counts = profile.counts
    return (
        profile.id,
        sorted(profile.visitors),
        counts.events,
        counts.visits,
        counts.pageviews,
        counts.views,
        counts.orders,
        counts.revenue,
        profile.first_seen,
        profile.last_seen,
        [(s.id, s.start, s.last, s.events) for s in profile.sessions],
        [(i.item, i.kind, i.ts) for i in profile.items],
        sorted((name, line.quantity) for name, line in profile.cart.items()),
        (profile.fed, profile.proven, sorted(profile.claims), sorted(profile.claimants)),
    )


def tally(rows: Sequence[EventRow]) -> Counter[str]:
    return Counter(row.id for row in rows)
