"""Makes rows that the warehouse lost again, from messages that the event log still holds.

Only messages that ingest has committed are used: ingest brings the others itself. The profile that counted a message
says which visit and which person it belongs to, as it does for a worker that reads a message twice. Profiles do not
change. Where no profile remembers a message, its row is not made and the message is counted as unknown.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from ingest.enrich.enrich import Enrich
from ingest.event_rows import row
from ingest.folding.events import NOWHERE, EnrichedEvent, ids_of
from ingest.folding.unprofiled import opted_out, session_of
from profiles.erasures import KEPT_SECONDS, Erased
from profiles.facts import Facts
from profiles.fold import fold
from profiles.fold.fold import LogPosition, Outcome, Settings
from profiles.fold.merges import merge_call
from profiles.ids import user_id, visitor_id
from profiles.model import Profile, Touch
from profiles.session_rules import rules_of
from profiles.store.port import Alias, ProfileStore, Stored, follow_aliases
from tracker.event import Event, EventInvalid, decode
from tracker.log.port import EventLog, Message
from tracker.sites import Site, Sites
from warehouse.tables.schema import AliasRow, EventRow

AT_ONCE = 2_000
PARTITION_BITS = 16
"""The lower bits of a row's ``partition``: the partition of the log (``ingest.worker.decoding``)."""


class RestoredRows(NamedTuple):
    """What some messages say: ``unknown`` of them no profile remembers."""

    rows: list[EventRow]
    aliases: list[AliasRow]
    unknown: int


class CountedEvent(NamedTuple):
    profile: str
    outcome: Outcome
    place: LogPosition


class LostRows:
    """``clock`` in seconds. Raises ProfilesUnavailable and LogUnavailable."""

    def __init__(
        self,
        log: EventLog,
        group: str,
        store: ProfileStore,
        sites: Sites,
        facts: Enrich,
        erased: Erased,
        clock: Callable[[], float],
    ) -> None:
        self.log, self.group, self.store, self.sites = log, group, store, sites
        self.facts, self.erased, self.clock = facts, erased, clock

    def waiting(self) -> set[tuple[str, str]]:
        """(site, id) of the events that ingest is not done with."""
        found: set[tuple[str, str]] = set()
        for message, done in self._messages():
            if not done and (event := _event(message)):
                found.add((event.site, event.id))
        return found

    def run(self) -> Iterator[RestoredRows]:
        """What the log holds of what ingest is done with, AT_ONCE messages at a time."""
        done = (message for message, done in self._messages() if done)
        while messages := list(islice(done, AT_ONCE)):
            events = [(message, event) for message in messages if (event := _event(message))]
            for site_id, mine in groupby(
                sorted(events, key=lambda pair: pair[1].site), lambda pair: pair[1].site
            ):
                site = self.sites.get(site_id)
                if site is not None:
                    yield self._of(site, list(mine))

    def _messages(self) -> Iterator[tuple[Message, bool]]:
        """Each message, and whether ingest is done with it: the newest ones of a partition may not be."""
        lag = {partition: known.end - known.done for partition, known in self.log.backlog(self.group).items()}
        for partition, messages in groupby(self.log.reread(), lambda message: message.partition):
            newest: deque[Message] = deque()
            for message in messages:
                newest.append(message)
                if len(newest) > lag.get(partition, 0):
                    yield newest.popleft(), True
            yield from ((message, False) for message in newest)

    def _of(self, site: Site, events: Sequence[tuple[Message, Event]]) -> RestoredRows:
        found = self.store.load(site.id, {name for _, event in events for name in ids_of(event)})
        others = {other for name in found for other in _roots(found, name, known=False)}
        found |= self.store.load(site.id, others - found.keys())
        cutoffs, settings = self.erased.cutoffs(site.id), Settings(rules_of(site), currency=site.currency)
        # Whoever was erased longer ago has no mark any more.
        oldest = int((self.clock() - KEPT_SECONDS) * 1000)
        made = RestoredRows([], [], 0)
        unknown = 0
        for message, event in events:
            if event.type == "erase" or event.received < oldest:
                continue
            if cutoffs.cover(site.id, ids_of(event), event.received):
                continue
            facts = self.facts(event, site)
            if event.fetch and not facts.bot:
                continue
            if merge_call(event):
                unknown += not _add_merge(made, found, message, event, facts)
                continue
            counted = self._counted(found, message, event, facts, settings)
            if counted is None:
                unknown += 1
            elif counted.outcome.verdict != "duplicate" and not cutoffs.cover(
                site.id, (counted.profile,), event.received
            ):
                item = EnrichedEvent(event, facts, counted.place)
                made.rows.append(row(item, counted.profile, counted.outcome))
                made.aliases.extend(_aliases(site.id, event, counted, found))
        return made._replace(unknown=unknown)

    def _counted(
        self, found: dict[str, Stored], message: Message, event: Event, facts: Facts, settings: Settings
    ) -> CountedEvent | None:
        """In whose profile the message was counted, and how."""
        name = user_id(event.user) if event.user else visitor_id(event.visitor or "")
        if facts.bot or opted_out(event):
            touch = facts.touch or Touch(event.ts)
            return CountedEvent(name, Outcome("applied", session_of(event), touch), NOWHERE)
        roots = [follow_aliases(found, root) for root in _roots(found, name, known=event.user is not None)]
        held = [
            (root, profile, place)
            for root in roots
            if (profile := found[root].profile if root in found else None)
            and (place := _place(profile, message, event))
        ]
        # Whoever remembers the event itself rather than only how far it has read.
        held.sort(key=lambda one: not fold.counted(one[1], event))
        for root, profile, place in held[:1]:
            return CountedEvent(root, fold.apply(profile, event, facts, settings, place), place)
        return None


def _roots(found: Mapping[str, Stored], name: str, *, known: bool) -> list[str]:
    """Whose profile may have counted an event of ``name``, the likeliest first. The warehouse has what a browser did
    that feeds a customer as the customer's, and a cookie may have moved on since."""
    value = found[name].value if name in found else None
    before = value.before if isinstance(value, Alias) and not known else ()
    root = follow_aliases(found, name)
    profile = found[root].profile if root in found else None
    return [*(user_id(user) for user in (profile.fed if profile else ())), root, *before]


def _event(message: Message) -> Event | None:
    try:
        return decode(message.value)
    except EventInvalid:
        return None


def _place(profile: Profile, message: Message, event: Event) -> LogPosition | None:
    """Where the profile says that it read the message; None where it does not."""
    key = event.visitor or event.user or ""
    partition, position = profile.positions.get(key, (-1, -1))
    if (
        partition < 0
        or partition & ((1 << PARTITION_BITS) - 1) != message.partition
        or message.position > position
    ):
        return None
    place = LogPosition(key, partition, message.position)
    return place if fold.replayed(profile, place) else None


def _add_merge(
    made: RestoredRows, found: Mapping[str, Stored], message: Message, event: Event, facts: Facts
) -> bool:
    """The row of a merge or separation, and whose part the account is now. Whether its account is known."""
    own = follow_aliases(found, user_id(event.user or ""))
    profile = found[own].profile if own in found else None
    if profile is None or not profile.merged.at or message.position > profile.merged.position:
        return False
    known = profile.merged
    place = LogPosition(event.user or "", known.partition, message.position)
    made.rows.append(row(EnrichedEvent(event, facts, place), own, Outcome("applied", "", profile.last_touch)))
    into = follow_aliases(found, known.into) if known.into else own
    made.aliases.append(AliasRow(event.site, "merge", own, into, known.at))
    return True


def _aliases(site: str, event: Event, counted: CountedEvent, found: dict[str, Stored]) -> Iterable[AliasRow]:
    """What the message said of ids: sessions that are others now, and whose the cookie became."""
    for old, new, ts in counted.outcome.renamed:
        yield AliasRow(site, "session", old, new, ts)
    if event.user and event.visitor and counted.profile != (name := visitor_id(event.visitor)):
        alias = found[name].value if name in found else None
        if isinstance(alias, Alias):
            into = alias.before[-1] if alias.before else follow_aliases(found, name)
            yield AliasRow(site, "profile", name, into, event.received)
