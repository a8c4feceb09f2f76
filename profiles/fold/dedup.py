"""The ring of event ids that a profile has counted, and whether a message is a retry or a replay.

An entry is 9 bytes: 56 bits of the id's hash, then 16 bits that stand for the message that brought it. A retry
of an event is a second message with its id; a replay is the very message that was counted, read once more.
Entries lie in buckets of one hour of the tracker's clock, oldest first.

Who guesses the id of an event to come may not make the site's own event a retry. So the first bit of the hash says
whether it came with the public key. Such an event is a retry of either kind; the site's own only of the site's own.
"""

from hashlib import blake2b

from tracker.durations import HOUR_MS
from tracker.event import SITE, Event

ID_BYTES = 7
ENTRY_BYTES = 9
HOURS_KEPT = 25  # a retry is found for at least 24 hours
ENTRIES_KEPT = 5_000
PUBLIC = 0x80
"""The bit of an entry's first byte that says: it came with the public key."""

_WORTH_COUNTING = ENTRIES_KEPT * ENTRY_BYTES // (HOURS_KEPT + 1)
"""Bytes of a bucket below which all of them together cannot be too many."""

Seen = list[tuple[int, bytes]]


def digest(event_id: str) -> bytes:
    """The id's entry where the site itself told of it."""
    return told(blake2b(event_id.encode("utf-8", "surrogatepass"), digest_size=ID_BYTES).digest())


def told(entry: bytes) -> bytes:
    """The entry as it would be had the site itself told of it."""
    return bytes((entry[0] & ~PUBLIC,)) + entry[1:]


def public(entry: bytes) -> bytes:
    """The entry as it would be had it come with the public key."""
    return bytes((entry[0] | PUBLIC,)) + entry[1:]


def from_public_key(event: Event) -> bool:
    """Whether it came with the public key, as the tracker told."""
    return event.sender not in ("", SITE)


def entry_of(event: Event) -> bytes:
    """The entry of the event's id, without the stamp of a message."""
    own = digest(event.id)
    return public(own) if from_public_key(event) else own


def found(seen: Seen, event: Event) -> bytes | None:
    """The stamp of the message that brought the event, None if none did."""
    return find(seen, entry_of(event), event.sender == SITE)


def stamp(partition: int, position: int) -> bytes:
    """Two bytes for one message of the log (multiplicative hashing, Knuth 6.4: positions are often multiples)."""
    mixed = (position * 0x9E3779B97F4A7C15 ^ partition * 0xC2B2AE3D27D4EB4F) & 0xFFFFFFFFFFFFFFFF
    return (mixed >> 48).to_bytes(2, "big")


def find(seen: Seen, entry_id: bytes, only_own: bool = False) -> bytes | None:
    """The stamp of the message that brought this id, None if none did. Of the two entries that an id may have, its own
    comes first; ``only_own``: the other one does not count."""
    first, rest, other = entry_id[0], entry_id[1:], None
    for _, entries in reversed(seen):
        at = entries.find(rest)
        while at >= 0:
            start = at - 1
            if start % ENTRY_BYTES == 0:
                if entries[start] == first:
                    return entries[start + ID_BYTES : start + ENTRY_BYTES]
                if other is None and not only_own and entries[start] ^ first == PUBLIC:
                    other = entries[start + ID_BYTES : start + ENTRY_BYTES]
            at = entries.find(rest, at + 1)
    return other


def remember(seen: Seen, entry: bytes, received: int) -> None:
    """Add an entry, in place. Beyond ENTRIES_KEPT, and what a bucket takes before it is counted, the oldest go."""
    hour = received // HOUR_MS
    if seen and seen[-1][0] >= hour:  # a clock that went back does not reorder the buckets
        hour, entries = seen[-1]
        seen[-1] = (hour, entries + entry)
        if len(entries) < _WORTH_COUNTING:
            return
    else:
        seen.append((hour, entry))
    excess = sum(len(entries) for _, entries in seen) - ENTRIES_KEPT * ENTRY_BYTES
    while excess > 0:
        first, entries = seen[0]
        seen[0] = (first, entries[excess:])
        excess -= len(entries)
        if not seen[0][1]:
            del seen[0]


def trim(seen: Seen) -> None:
    """Remove, in place, entries more than HOURS_KEPT older than the newest."""
    while len(seen) > 1 and seen[0][0] < seen[-1][0] - HOURS_KEPT:
        del seen[0]


def merged(one: Seen, other: Seen) -> Seen:
    """Both rings in one."""
    buckets: dict[int, bytes] = {}
    for hour, entries in sorted([*one, *other], key=lambda bucket: bucket[0]):
        buckets[hour] = buckets.get(hour, b"") + entries
    return list(buckets.items())


def ids(seen: Seen, since: int = 0) -> set[bytes]:
    """The digests of the event ids in the buckets from hour ``since`` on, whoever told of them."""
    return {
        told(entries[at : at + ID_BYTES])
        for hour, entries in seen
        if hour >= since
        for at in range(0, len(entries), ENTRY_BYTES)
    }
