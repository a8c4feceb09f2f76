"""Suppression: the addresses that are not written to, as digests in Redis. They outlive the person's erasure."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from messages.permission.addresses import DIGEST_LENGTH, is_email
from profiles.redis.commands import Command, RedisCommands
from profiles.sansio import Steps
from tracker.durations import DAY_MS, DAY_SECONDS
from tracker.redis_connection import REDIS_ERRORS, connect, redis_errors
from tracker.unavailable import Unavailable

SuppressionReason = Literal["bounced", "complained", "unsubscribed", "manual"]
REASONS: tuple[SuppressionReason, ...] = ("bounced", "complained", "unsubscribed", "manual")
"""``bounced``: the address takes no mail. ``complained``: the person marked a message as spam. ``unsubscribed``: they
unsubscribed from everything. ``manual``: the shop said so."""
_LETTERS = {"bounced": "b", "complained": "c", "unsubscribed": "u", "manual": "m"}
BUCKETS = 256
_DIGEST, _TELEPHONE = re.compile(rf"[0-9a-f]{{{DIGEST_LENGTH}}}"), re.compile(r"\+?[0-9 ()-]{6,30}")
BATCH = 1_000
ASKED_A_DAY = 3
"""Mails to one address that ask whether it is theirs who signed up."""


class SuppressionUnavailable(Unavailable):
    """Whether an address is suppressed cannot be known now."""


class Suppressed(NamedTuple):
    """One entry: since ``at`` (ms)."""

    digest: str
    reason: SuppressionReason
    at: int


class SuppressionList:
    """On the hashes ``dg:suppressed:{site}:{bucket}``, the bucket being the first two digits of the digest: one field
    for each digest and reason. Without a lifetime: who was forgotten must still not be written to. Every method raises
    SuppressionUnavailable."""

    def __init__(self, url: str, timeout: float = 1.0) -> None:
        self._redis = connect(url, timeout)
        self._commands = RedisCommands(self._redis)

    def add(self, site: str, digest: str, reason: SuppressionReason, at: int) -> None:
        """Suppress an address since ``at`` (ms). Said again, the first time stays."""
        self.add_all(site, [Suppressed(digest, reason, at)])

    def add_all(self, site: str, entries: Iterable[Suppressed]) -> int:
        """How many entries are new."""
        found = [each for each in entries if each.digest]
        new = 0
        for start in range(0, len(found), BATCH):
            with redis_errors("suppress an address", SuppressionUnavailable):
                new += sum(
                    self._commands.execute(
                        [
                            ("HSETNX", key_of(site, each.digest), _field(each.digest, each.reason), each.at)
                            for each in found[start : start + BATCH]
                        ]
                    )
                )
        return new

    def remove(self, site: str, digest: str, *reasons: SuppressionReason) -> bool:
        """Whether anything was removed; without ``reasons``, all of them are."""
        fields = [_field(digest, each) for each in reasons or REASONS]
        with redis_errors("release an address", SuppressionUnavailable):
            return bool(self._redis.hdel(key_of(site, digest), *fields))

    def find(self, site: str, digest: str) -> dict[SuppressionReason, int]:
        """Why an address is suppressed, and since when (ms)."""
        with redis_errors("look up an address", SuppressionUnavailable):
            return told(self._commands.execute([command(site, digest)])[0]) if digest else {}

    def finding(self, site: str, digest: str) -> Steps[dict[SuppressionReason, int]]:
        """``find`` as steps, for an event loop."""
        if not digest:
            return {}
        try:
            (answer,) = yield from self._commands.sending(command(site, digest))
        except REDIS_ERRORS as error:
            raise SuppressionUnavailable(str(error)) from error
        return told(answer)

    def may_ask(self, site: str, digest: str, now: int) -> bool:
        """Whether the address may be sent one more mail that asks it to confirm, counted: ASKED_A_DAY a day."""
        key = f"dg:asked:{site}:{digest}:{now // DAY_MS}"
        with redis_errors("count the mails that ask", SuppressionUnavailable):
            count, _ = self._commands.execute([("INCR", key), ("EXPIRE", key, 2 * DAY_SECONDS)])
        return int(count) <= ASKED_A_DAY

    def all(self, site: str) -> Iterator[Suppressed]:
        """Every entry, in no order. One that comes meanwhile may be missing."""
        letters = {letter: reason for reason, letter in _LETTERS.items()}
        for bucket in range(BUCKETS):
            with redis_errors("read the suppression list", SuppressionUnavailable):
                fields = list(self._redis.hscan_iter(key_of(site, f"{bucket:02x}"), count=BATCH))
            for field, at in fields:
                digest, _, letter = field.decode().partition(":")
                reason = letters.get(letter)
                if reason in REASONS:
                    yield Suppressed(digest, reason, int(at))


def key_of(site: str, digest: str) -> str:
    """The hash that has the entries of a digest, for a script that checks it in its own atomic step."""
    return f"dg:suppressed:{site}:{digest[:2]}"


def command(site: str, digest: str) -> Command:
    """The command that reads an address, for a pipeline; ``told`` reads its answer."""
    return ("HMGET", key_of(site, digest), *fields_of(digest))


def fields_of(digest: str) -> tuple[str, ...]:
    """The fields of ``key_of`` that tell of the digest, in the order of REASONS."""
    return tuple(_field(digest, each) for each in REASONS)


def told(answer: Any) -> dict[SuppressionReason, int]:
    """Reasons and times (ms) from the answer to ``command``."""
    return {reason: int(at) for reason, at in zip(REASONS, answer, strict=True) if at is not None}


def bars(reasons: Mapping[SuppressionReason, int], service: bool) -> bool:
    """Whether nothing may go to the address: a dead one takes no message at all, the other reasons are about
    marketing."""
    return "bounced" in reasons if service else bool(reasons)


def read_lines(
    lines: Iterable[str], reason: str, now: int, digest: Callable[[str], str]
) -> tuple[list[Suppressed], list[int]]:
    """The entries of an export or of a list of addresses, and the numbers of lines that are neither. ``digest`` makes
    the digest of an address."""
    found, bad = list[Suppressed](), list[int]()
    for number, line in enumerate(lines, 1):
        first, *rest = (part.strip() for part in re.split(r"[,;\t]", line))
        why = rest[0] if rest and rest[0] in REASONS else reason
        at = int(rest[1]) if len(rest) > 1 and rest[1].isdecimal() and len(rest[1]) < 16 else now
        if not first:
            continue
        if _DIGEST.fullmatch(first):
            found.append(Suppressed(first, _known(why), at))
        elif is_email(first) or _TELEPHONE.fullmatch(first):
            found.append(Suppressed(digest(first), _known(why), at))
        else:
            bad.append(number)
    return found, bad


def _known(reason: str) -> SuppressionReason:
    return next((each for each in REASONS if each == reason), "manual")


def _field(digest: str, reason: str) -> str:
    return f"{digest}:{_LETTERS[reason]}"
