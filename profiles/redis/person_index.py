"""The search index of people in Redis: which profiles have a digest, or a word in their name.

Keys of a site, none of which grows with its traffic. They have no lifetime: a daily job takes out whose profile is
gone.
``dg:who:{site}:x:{bucket}``: a set of digest and profile id, by the first two bytes of the digest.
``dg:who:{site}:n:{word}``: a set of profile ids.
``dg:who:{site}:d:{bucket}``: a set of the words of all names.
``dg:who:{site}:t:{bucket}``: a hash of profile id and its terms, so that a change takes the old ones out.
Many small sets of a bucket's size take a quarter of the memory of a key for each digest. No command spans two keys.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from profiles.search.terms import DIGEST_BYTES, NONE, Terms
from profiles.store.port import ProfilesUnavailable
from tracker.redis_connection import redis_errors

BUCKET = 2
"""Bytes of a digest that choose its set: with 65,536 sets, a million customers have some sixty entries in each."""
TOGETHER = 2_000
"""Commands of one round trip."""

_packed = msgspec.msgpack.Encoder()
_unpacked = msgspec.msgpack.Decoder(tuple[list[bytes], list[str]])


class PersonIndex:
    """Safe from many threads and processes: each command is right whenever it is done, and a crash between two of them
    leaves too much, never too little. A search confirms what it finds."""

    def __init__(self, client: Any) -> None:
        self._redis = client

    def announce(self, site: str, wanted: Mapping[str, Terms]) -> dict[str, Terms]:
        """Make each id found by its terms, before the profile is saved. What it was found by until now, where that
        differs: ``settle`` takes it out once the profile is saved. Raises ProfilesUnavailable."""
        ids = list(wanted)
        former = dict(zip(ids, self._terms(site, ids), strict=True))
        changed = {name: terms for name, terms in former.items() if terms != wanted[name]}
        commands = []
        for name, terms in changed.items():
            new = wanted[name]
            both = Terms(terms.exact | new.exact, terms.words | new.words)
            commands += self._kept(site, name, both)
            commands += self._posted(
                site, name, Terms(new.exact - terms.exact, new.words - terms.words), "SADD"
            )
        self._run(commands)
        return changed

    def settle(self, site: str, former: Mapping[str, Terms], wanted: Mapping[str, Terms]) -> None:
        """Take out by what ids were found and are no more."""
        commands = []
        for name, old in former.items():
            new = wanted[name]
            gone = Terms(old.exact - new.exact, old.words - new.words)
            if gone != NONE:
                commands += self._posted(site, name, gone, "SREM")
                commands += self._kept(site, name, new)
        self._run(commands)

    def forget(self, site: str, ids: Iterable[str]) -> None:
        """Ids that no profile is found by any more. Raises ProfilesUnavailable."""
        names = list(ids)
        former = dict(zip(names, self._terms(site, names), strict=True))
        self.settle(site, former, dict.fromkeys(names, NONE))

    def exact(self, site: str, digests: Sequence[bytes]) -> list[list[str]]:
        replies = self._run([("SMEMBERS", _bucket(site, "x", digest)) for digest in digests])
        found = []
        for digest, members in zip(digests, replies, strict=True):
            rest = digest[BUCKET:]
            found.append(sorted(_name(each[len(rest) :]) for each in members if each.startswith(rest)))
        return found

    def words(self, site: str) -> set[str]:
        replies = self._run([("SMEMBERS", f"dg:who:{site}:d:{at:02x}") for at in range(256)])
        return {_name(word) for members in replies for word in members}

    def bearers(self, site: str, words: Sequence[str], most: int) -> list[list[str]]:
        replies = self._run([("SRANDMEMBER", _of_word(site, word), most) for word in words])
        return [[_name(each) for each in members] for members in replies]

    def bearing(self, site: str, words: Sequence[str], ids: Sequence[str]) -> list[list[bool]]:
        names = [_raw(each) for each in ids]
        replies = self._run([("SMISMEMBER", _of_word(site, word), *names) for word in words])
        return [[bool(each) for each in row] for row in replies]

    def ids(self, site: str) -> Iterator[list[str]]:
        """Every id that is found by something, in portions."""
        for at in range(1 << (8 * BUCKET)):
            if at % TOGETHER == 0:
                keys = range(at, min(at + TOGETHER, 1 << (8 * BUCKET)))
                replies = self._run([("HKEYS", f"dg:who:{site}:t:{key:04x}") for key in keys])
                if found := [_name(name) for names in replies for name in names]:
                    yield found

    def tidy_words(self, site: str) -> int:
        """Drop words that nobody bears any more from the dictionary; how many."""
        words = sorted(self.words(site))
        gone = []
        for first in range(0, len(words), TOGETHER):
            some = words[first : first + TOGETHER]
            borne = self._run([("EXISTS", _of_word(site, word)) for word in some])
            gone += [word for word, yes in zip(some, borne, strict=True) if not yes]
        self._run([("SREM", _dictionary(site, word), _raw(word)) for word in gone])
        return len(gone)

    def built(self, site: str, release: int) -> bool:
        """Whether ``mark_built`` was called for this release of the terms."""
        (known,) = self._run([("GET", f"dg:who:{site}:built")])
        return known is not None and int(known) == release

    def mark_built(self, site: str, release: int) -> None:
        self._run([("SET", f"dg:who:{site}:built", release)])

    def _terms(self, site: str, ids: Sequence[str]) -> list[Terms]:
        replies = self._run([("HGET", _bucket(site, "t", _digest(name)), _raw(name)) for name in ids])
        return [_terms_in(reply) if reply else NONE for reply in replies]

    def _kept(self, site: str, name: str, terms: Terms) -> list[tuple[Any, ...]]:
        key = _bucket(site, "t", _digest(name))
        if terms == NONE:
            return [("HDEL", key, _raw(name))]
        packed = _packed.encode((sorted(terms.exact), sorted(terms.words)))
        return [("HSET", key, _raw(name), packed)]

    def _posted(self, site: str, name: str, terms: Terms, how: str) -> list[tuple[Any, ...]]:
        """``how``: SADD or SREM."""
        commands: list[tuple[Any, ...]] = [
            (how, _bucket(site, "x", digest), digest[BUCKET:] + _raw(name)) for digest in terms.exact
        ]
        for word in terms.words:
            commands.append((how, _of_word(site, word), _raw(name)))
            if how == "SADD":
                commands.append((how, _dictionary(site, word), _raw(word)))
        return commands

    def _run(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        replies: list[Any] = []
        with redis_errors("the search index of people", ProfilesUnavailable):
            for first in range(0, len(commands), TOGETHER):
                pipe = self._redis.pipeline(transaction=False)
                for command in commands[first : first + TOGETHER]:
                    pipe.execute_command(*command)
                replies += pipe.execute()
        return replies


def _terms_in(raw: bytes) -> Terms:
    exact, words = _unpacked.decode(raw)
    return Terms(frozenset(exact), frozenset(words))


def _digest(name: str) -> bytes:
    return blake2b(_raw(name), digest_size=DIGEST_BYTES).digest()


def _bucket(site: str, kind: str, digest: bytes) -> str:
    return f"dg:who:{site}:{kind}:{digest[:BUCKET].hex()}"


def _of_word(site: str, word: str) -> bytes:
    return f"dg:who:{site}:n:".encode() + _raw(word)


def _dictionary(site: str, word: str) -> str:
    return f"dg:who:{site}:d:{_digest(word)[:1].hex()}"


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogatepass")
