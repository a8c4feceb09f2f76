"""Dead letters: messages that could not be decoded or applied, with the reason, on disk until somebody decides.

They are lines of JSON in the data folder. The workers of a machine share the files, and a letter is fsynced before its
message counts as done. Events that the tracker refused have a smaller file of their own, which strangers can fill, so
that they displace no letter about an event that was accepted.
"""

import json
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec

from ingest.letter_file import LetterFile
from tracker.event import REFUSED
from tracker.log.port import EventLog, Record, RecordTooLarge

BYTES_KEPT = 64 * 1024 * 1024
REFUSED_BYTES_KEPT = 8 * 1024 * 1024
REASON_CHARACTERS = 1_000


class DeadLetter(msgspec.Struct, frozen=True):
    """One message: where it stood, why it is here, and its bytes (base64 in the file). ``at`` is in ms.

    ``refused``: the tracker never took it, and its sender knows; it is there to be read, and cannot be replayed.
    """

    id: str
    at: int
    reason: str
    partition: int
    position: int
    key: str
    raw: bytes

    @property
    def refused(self) -> bool:
        return self.raw.startswith(REFUSED)

    def text(self) -> str:
        """The message for human eyes."""
        return self.raw.decode("utf-8", "replace")


class _Names(msgspec.Struct):
    """The ids of the person that an event is about."""

    site: str = ""
    visitor: str | None = None
    user: str | None = None


class _Replayed(msgspec.Struct, frozen=True, tag="replayed", tag_field="mark"):
    """A later line that says: this letter went back into the log."""

    id: str
    at: int


class DeadLetters:
    """The letters under ``folder``. ``app`` tells the partitions of one log from those of another."""

    def __init__(self, folder: Path, limit: int = BYTES_KEPT, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._accepted = LetterFile(folder / "deadletters.jsonl", limit)
        self._refused = LetterFile(folder / "deadletters-refused.jsonl", min(limit, REFUSED_BYTES_KEPT))
        self.path = self._accepted.path

    def letter(self, app: str, message: tuple[int, int, str, bytes], reason: str) -> DeadLetter:
        partition, position, key, raw = message
        key, reason = _writable(key), _writable(reason[:REASON_CHARACTERS])
        # A log that was made anew counts from the start again: the place alone would name another message, too.
        name = f"{app}-{partition}-{position}-{_digest(key, raw)}"
        return DeadLetter(name, int(self.clock() * 1000), reason, partition, position, key, raw)

    def refused(self, record: Record, reason: str) -> DeadLetter:
        """A record that the log does not take: it has no place there."""
        name = f"refused-{_digest(record.key, record.value)}"
        return DeadLetter(name, int(self.clock() * 1000), reason, -1, -1, record.key, record.value)

    def add(self, letters: Sequence[DeadLetter]) -> None:
        """Store the letters durably. A letter that is there already (its message was read again) changes nothing."""
        for file, refused in ((self._accepted, False), (self._refused, True)):
            if chosen := [letter for letter in letters if letter.refused is refused]:
                file.append([msgspec.json.encode(letter) for letter in chosen])

    def list(self) -> list[DeadLetter]:
        """Every letter that waits, oldest first."""
        waiting: dict[str, DeadLetter] = {}
        done: set[str] = set()
        for line in self._lines():
            if b'"mark":"replayed"' in line[:24]:
                name = msgspec.json.decode(line, type=_Replayed).id
                waiting.pop(name, None)
                done.add(name)
            elif (letter := _letter(line)) and letter.id not in done:
                waiting.setdefault(letter.id, letter)
        return sorted(waiting.values(), key=lambda letter: letter.at)

    def show(self, letter_id: str) -> DeadLetter | None:
        return next((letter for letter in self.list() if letter.id == letter_id), None)

    def replay(self, log: EventLog, ids: Iterable[str] | None = None) -> int:
        """Append the letters (None: all of them) to the log again, then mark them; how many. What the log does not take
        goes on waiting, and so does what the tracker refused. Raises LogUnavailable.

        A crash between the two replays them twice: an event's id makes that harmless.
        """
        wanted = None if ids is None else set(ids)
        chosen = [
            letter for letter in self.list() if not letter.refused and (wanted is None or letter.id in wanted)
        ]
        taken = _appended(log, chosen)
        if taken:
            now = int(self.clock() * 1000)
            self._accepted.append([msgspec.json.encode(_Replayed(letter.id, now)) for letter in taken])
        return len(taken)

    def of(self, site: str, visitors: Collection[str], users: Collection[str]) -> tuple[DeadLetter, ...]:
        """The waiting letters that are about a person."""
        return tuple(letter for letter in self.list() if _about(letter, site, visitors, users))

    def erase(self, site: str, visitors: Collection[str], users: Collection[str]) -> int:
        """Write the files anew without a person's letters, replayed ones included; how many went. Raises OSError."""

        def kept(line: bytes) -> bool:
            if b'"mark":"replayed"' in line[:24]:
                return True
            letter = _letter(line)
            return letter is not None and not _about(letter, site, visitors, users)

        return self._accepted.keep(kept) + self._refused.keep(kept)

    def _lines(self) -> Iterator[bytes]:
        yield from self._refused.lines()
        yield from self._accepted.lines()


def _appended(log: EventLog, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
    """Those of the letters that the log has taken: all at once, or one by one where it refuses that."""
    try:
        if letters:
            log.append([Record(letter.key, letter.raw) for letter in letters])
    except RecordTooLarge:
        if len(letters) == 1:
            return []
        return [taken for letter in letters for taken in _appended(log, [letter])]
    return [*letters]


def _letter(line: bytes) -> DeadLetter | None:
    """None where the power went in the middle of a line that happened to look whole: it was not stored."""
    try:
        return msgspec.json.decode(line, type=DeadLetter)
    except msgspec.MsgspecError:
        return None


def _writable(text: str) -> str:
    """Without halves of surrogate pairs, which no encoding has."""
    return text.encode("utf-8", "replace").decode()


def _digest(key: str, raw: bytes) -> str:
    return blake2b(raw, key=key.encode()[:64], digest_size=6).hexdigest()


def _about(letter: DeadLetter, site: str, visitors: Collection[str], users: Collection[str]) -> bool:
    """Whether the message is a person's: by its key, by the ids it names, or, where it cannot be read,
    by an id in quotes."""
    names = {*visitors, *users}
    if letter.key in {f"{site}:{name}" for name in names}:
        return True
    try:
        event = msgspec.json.decode(letter.raw, type=_Names)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return any(f'"{name}"'.encode() in letter.raw for name in names)
    return event.site == site and (event.visitor in visitors or event.user in users)


def describe(letter: DeadLetter) -> dict[str, Any]:
    """A letter as ``dangol deadletters show`` prints it."""
    try:
        content: Any = json.loads(letter.raw)
    except ValueError:
        content = letter.text()
    return {"id": letter.id, "at": letter.at, "reason": letter.reason, "key": letter.key, "event": content}
