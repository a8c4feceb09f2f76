"""Dead letters: messages that could not be decoded or applied, with the reason, on disk until somebody decides.

They are lines of JSON in one append-only file of the data folder. The workers of a machine share it, and a letter is
fsynced before its message counts as done. When the file is full, the older half moves to ``.1``; what was there is
lost, and the worker's log says so.
"""

import fcntl
import json
import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from tracker.disk import flush
from tracker.log.port import EventLog, Record, RecordTooLarge

logger = logging.getLogger(__name__)

BYTES_KEPT = 64 * 1024 * 1024
REASON_CHARACTERS = 1_000


class DeadLetter(msgspec.Struct, frozen=True):
    """One message: where it stood, why it is here, and its bytes (base64 in the file). ``at`` is in ms."""

    id: str
    at: int
    reason: str
    partition: int
    position: int
    key: str
    raw: bytes

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
        self.path = folder / "deadletters.jsonl"
        self.limit, self.clock = limit, clock

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
        self._append([msgspec.json.encode(letter) for letter in letters])

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
        return list(waiting.values())

    def show(self, letter_id: str) -> DeadLetter | None:
        return next((letter for letter in self.list() if letter.id == letter_id), None)

    def replay(self, log: EventLog, ids: Iterable[str] | None = None) -> int:
        """Append the letters (None: all of them) to the log again, then mark them; how many. What the log does not take
        goes on waiting. Raises LogUnavailable.

        A crash between the two replays them twice: an event's id makes that harmless.
        """
        wanted = None if ids is None else set(ids)
        chosen = [letter for letter in self.list() if wanted is None or letter.id in wanted]
        taken = _appended(log, chosen)
        if taken:
            now = int(self.clock() * 1000)
            self._append([msgspec.json.encode(_Replayed(letter.id, now)) for letter in taken])
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

        if not any(path.exists() for path in (self.path, self._older)):
            return 0
        with self._locked():
            return sum(_filter(path, kept) for path in (self._older, self.path))

    @property
    def _older(self) -> Path:
        return self.path.with_suffix(".jsonl.1")

    @contextmanager
    def _locked(self) -> Iterator[BinaryIO]:
        """The newer file, which nobody else writes to or replaces meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with self.path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                # Else another process has just put a new file into its place.
                if self.path.exists() and os.path.samestat(os.fstat(file.fileno()), self.path.stat()):
                    yield file
                    return

    def _lines(self) -> Iterator[bytes]:
        for path in (self._older, self.path):
            yield from _whole_lines(path)

    def _append(self, lines: Sequence[bytes]) -> None:
        with self._locked() as file:
            fresh, torn = not file.tell(), file.tell() and not self._ends_well()
            file.write((b"\n" if torn else b"") + b"".join(line + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
            if fresh:
                flush(self.path.parent)  # the name must survive a crash, too
            if file.tell() > self.limit // 2:
                if self._older.exists():
                    logger.warning("the dead letters outgrew %d bytes: the oldest are gone", self.limit)
                self.path.replace(self._older)
                flush(self.path.parent)

    def _ends_well(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


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


def _whole_lines(path: Path) -> Iterator[bytes]:
    if path.exists():
        with path.open("rb") as file:
            for line in file:
                if line.endswith(b"}\n"):  # else the power went during the write
                    yield line


def _filter(path: Path, kept: Callable[[bytes], bool]) -> int:
    """Replace the file by one with the lines that are kept, if any is not; how many went."""
    lines = list(_whole_lines(path))
    rest = [line for line in lines if kept(line)]
    if len(rest) < len(lines):
        draft = path.with_suffix(".tmp")
        with draft.open("wb") as file:
            file.writelines(rest)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        flush(path.parent)
    return len(lines) - len(rest)


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
