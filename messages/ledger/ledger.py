"""The ledger in Redis: due, claimed, and then handed over, refused or unknown.

The keys of one campaign carry its hash tag, so that they lie on one node of a cluster and change in one atomic step. It
needs an append-only file that is fsynced: a Redis that forgets a claim would have the message sent again.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

from messages.ledger.occasion import LATE_MS, Occasion
from messages.message import State
from messages.permission.suppression import fields_of, key_of
from profiles.redis.commands import RedisCommands, Script
from profiles.sansio import Steps
from tracker.durations import DAY_MS
from tracker.redis_connection import REDIS_ERRORS, NoScriptError, connect, is_cluster, redis_errors
from tracker.unavailable import Unavailable

MOST_DUE = 1_000_000
"""Occasions of one campaign that may wait."""
REMEMBERED_MS = 8 * DAY_MS
"""How long after it was due an occasion is known. A trigger that comes later than LATE_MS makes none any more."""
STALE_MS = 500
"""The oldest reading of the person on which a claim may rest."""
LEASE_MS = 60_000
UNANSWERED_MS = 180_000
"""A claim without an answer is unknown after so long; no channel takes that long."""
BATCH = 500

Verdict = Literal["claimed", "stale", "gone", "again", "cancelled", "suppressed"]


class LedgerUnavailable(Unavailable):
    """The ledger cannot be read or written now."""


class Claim(NamedTuple):
    """What claiming came to. ``detail`` says more of it, such as the state of one that is gone."""

    verdict: Verdict
    detail: str = ""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A claim to be made. ``read_at`` (ms of Redis's clock, ``Ledger.moment``) is when the person was read, ``names``
    are all their profile ids. ``digest`` is of the address."""

    occasion: Occasion
    claimant: str
    read_at: int
    again_ms: int = 0
    names: tuple[str, ...] = ()
    digest: str = ""
    service: bool = False


def _script(name: str) -> Script:
    return Script((Path(__file__).parent / f"{name}.lua").read_text(encoding="utf-8"))


class Ledger:
    """Methods that return Steps can be run synchronously or on an event loop (``profiles.sansio``). All raise
    LedgerUnavailable. A claim whose answer is lost may have been made: it is then unknown, and nothing is sent."""

    def __init__(self, url: str, timeout: float = 2.0) -> None:
        self._redis = connect(url, timeout)
        self._commands = RedisCommands(self._redis)
        self._one_node = not is_cluster(self._redis)
        self._add, self._take, self._note = _script("add"), _script("take"), _script("note")
        self._claim, self._settle = _script("claim"), _script("settle")

    def add(self, occasions: Iterable[Occasion], now: int) -> int:
        """How many are new. Those that are too late are left out."""
        calls = [
            (
                (_key(each, f"o:{each.id}"), _key(each, "due"), _key(each, "counts")),
                (
                    each.id,
                    each.due,
                    msgspec.json.encode(each),
                    max(0, each.due - now) + REMEMBERED_MS,
                    MOST_DUE,
                ),
            )
            for each in occasions
            if each.due + LATE_MS > now
        ]
        return sum(answer == 1 for answer in self._all(self._add, calls))

    def note(self, site: str, campaign: str, names: Sequence[str], ts: int, keep_ms: int) -> None:
        """Somebody did at ``ts`` (ms) what cancels the campaign's occasions of before."""
        tag = _tag(site, campaign)
        self._all(self._note, [((f"{tag}:unless:{name}",), (ts, keep_ms)) for name in names])

    def moment(self) -> Steps[int]:
        """Now, in ms, by the clock of Redis."""
        (answer,) = yield from self._sending(("TIME",))
        return int(answer[0]) * 1000 + int(answer[1]) // 1000

    def take(self, site: str, campaign: str, now: int, limit: int) -> Steps[list[Occasion]]:
        """Occasions that are due at ``now`` (ms), leased to the caller for LEASE_MS."""
        tag = _tag(site, campaign)
        try:
            ids = yield from self._commands.running_script(
                self._take, [f"{tag}:due"], [now, limit, now + LEASE_MS]
            )
        except REDIS_ERRORS as error:
            raise LedgerUnavailable(str(error)) from error
        if not ids:
            return []
        told = yield from self._sending(*(("HGET", f"{tag}:o:{each.decode()}", "what") for each in ids))
        missing = [each for each, raw in zip(ids, told, strict=True) if raw is None]
        if missing:  # forgotten meanwhile
            yield from self._sending(("ZREM", f"{tag}:due", *missing))
        return [msgspec.json.decode(raw, type=Occasion) for raw in told if raw is not None]

    def claim(self, attempt: Attempt) -> Steps[Claim]:
        """Claim the occasion, in one atomic step."""
        one, names = attempt.occasion, attempt.names or attempt.occasion.names
        keys = [_key(one, f"o:{one.id}"), _key(one, "due"), _key(one, "claimed"), _key(one, "counts")]
        keys += [_key(one, f"sent:{name}") for name in names]
        keys += [_key(one, f"unless:{name}") for name in names]
        arguments = [
            one.id,
            attempt.claimant,
            attempt.read_at,
            STALE_MS,
            attempt.again_ms,
            len(names),
            one.ts,
        ]
        if self._one_node and attempt.digest:
            keys.append(key_of(one.site, attempt.digest))
            arguments += [
                each for each in fields_of(attempt.digest) if not attempt.service or each.endswith(":b")
            ]
        try:
            verdict, detail = yield from self._commands.running_script(self._claim, keys, arguments)
        except REDIS_ERRORS as error:
            raise LedgerUnavailable(str(error)) from error
        return Claim(verdict.decode(), detail.decode())

    def answer(
        self, one: Occasion, claimant: str, state: State, reason: str = "", due: int = 0
    ) -> Steps[bool]:
        """What became of a claim. State "due": it certainly did not go out, and is due again at ``due`` (ms)."""
        return (yield from self._settling(one, claimant, state, reason, due))

    def refuse(self, one: Occasion, reason: str) -> Steps[bool]:
        """It is not sent, and was not claimed."""
        return (yield from self._settling(one, "", "refused", reason))

    def postpone(self, one: Occasion, due: int) -> Steps[bool]:
        """It was not claimed, and is due at ``due`` (ms)."""
        return (yield from self._settling(one, "", "due", "", due))

    def give_up(self, site: str, campaign: str, limit: int = BATCH) -> Steps[list[Occasion]]:
        """Mark claims that nobody answered as unknown; those occasions."""
        tag, now = _tag(site, campaign), (yield from self.moment())
        latest = now - UNANSWERED_MS
        (ids,) = yield from self._sending(
            ("ZRANGEBYSCORE", f"{tag}:claimed", "-inf", latest, "LIMIT", 0, limit)
        )
        lost = []
        for each in ids:
            (raw,) = yield from self._sending(("HGET", f"{tag}:o:{each.decode()}", "what"))
            if raw is None:
                yield from self._sending(("ZREM", f"{tag}:claimed", each))
                continue
            one = msgspec.json.decode(raw, type=Occasion)
            if (yield from self._settling(one, "", "unknown", "no answer", latest=str(latest))):
                lost.append(one)
        return lost

    def state(self, site: str, campaign: str, occasion: str) -> tuple[State, str] | None:
        """State and reason of an occasion; None for one that is not known."""
        found = self._now(("HMGET", f"{_tag(site, campaign)}:o:{occasion}", "state", "reason"))
        return (found[0].decode(), (found[1] or b"").decode()) if found[0] else None

    def counts(self, site: str, campaign: str) -> dict[str, int]:
        """How many occasions came to each state since the campaign began; "refused:<reason>" for each reason."""
        with redis_errors("read the ledger", LedgerUnavailable):
            found = self._redis.hgetall(f"{_tag(site, campaign)}:counts")
        return {name.decode(): int(count) for name, count in found.items()}

    def waiting(self, site: str, campaign: str) -> tuple[int, int, int]:
        """How many occasions wait, when (ms) the oldest is due (0 for none), and how many are claimed."""
        tag = _tag(site, campaign)
        oldest = self._now(("ZRANGE", f"{tag}:due", 0, 0, "WITHSCORES"))
        due = (
            int(float(oldest[1] if not isinstance(oldest[0], list | tuple) else oldest[0][1]))
            if oldest
            else 0
        )
        return int(self._now(("ZCARD", f"{tag}:due"))), due, int(self._now(("ZCARD", f"{tag}:claimed")))

    def _settling(
        self, one: Occasion, claimant: str, state: State, reason: str, due: int = 0, latest: str = ""
    ) -> Steps[bool]:
        keys = [_key(one, f"o:{one.id}"), _key(one, "due"), _key(one, "claimed"), _key(one, "counts")]
        try:
            done = yield from self._commands.running_script(
                self._settle, keys, [one.id, claimant, state, reason, due, latest]
            )
        except REDIS_ERRORS as error:
            raise LedgerUnavailable(str(error)) from error
        return bool(done)

    def _sending(self, *commands: tuple[object, ...]) -> Steps[list[Any]]:
        try:
            answers: list[Any] = yield from self._commands.sending(*commands)
            return answers
        except REDIS_ERRORS as error:
            raise LedgerUnavailable(str(error)) from error

    def _now(self, command: tuple[object, ...]) -> Any:
        try:
            answer: Any = self._commands.execute([command])[0]
            return answer
        except REDIS_ERRORS as error:
            raise LedgerUnavailable(str(error)) from error

    def _all(self, script: Script, calls: Sequence[tuple[Sequence[str], Sequence[object]]]) -> list[Any]:
        """The script's answers to all calls, a few in each round trip."""
        answers: list[Any] = []
        try:
            for start in range(0, len(calls), BATCH):
                some = [(len(keys), *keys, *arguments) for keys, arguments in calls[start : start + BATCH]]
                try:
                    answers += self._commands.execute([("EVALSHA", script.digest, *each) for each in some])
                except NoScriptError:
                    answers += self._commands.execute([("EVAL", script.text, *each) for each in some])
        except REDIS_ERRORS as error:
            raise LedgerUnavailable(str(error)) from error
        return answers


def _tag(site: str, campaign: str) -> str:
    return f"dg:messages:{{{site}:{campaign}}}"


def _key(one: Occasion, name: str) -> str:
    return f"{_tag(one.site, one.campaign)}:{name}"
