"""The log's connection to Redis: names of keys, Lua scripts, and errors turned into LogUnavailable."""

from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tracker.log.port import LogUnavailable
from tracker.redis_connection import NoScriptError, ResponseError, connect, redis_errors

FOLDER = Path(__file__).parent
SHARED = (FOLDER / "shard.lua").read_text()
SCRIPTS = {
    name: SHARED + (FOLDER / f"{name}.lua").read_text()
    for name in ("append", "group", "balance", "claim", "read", "commit")
}
SEQUENCE_BITS = 20


class RedisStreams:
    """N streams ``NAME:0`` … ``NAME:N-1`` and their other keys.

    ``redis://host:6379/0?stream=events&shards=4&lease=6&timeout=3``; also ``rediss://`` and ``unix://``. ``lease`` is
    after how many silent seconds a member loses its shards, ``timeout`` how long Redis may take to answer.
    Other query parameters go to redis-py. Raises ValueError where the URL is wrong; does not connect.
    """

    def __init__(self, url: str) -> None:
        address, _, parameters = url.partition("?")
        query = dict(parse_qsl(parameters))
        self.name = query.pop("stream", "events")
        self.shards = int(query.pop("shards", "4"))
        self.lease = float(query.pop("lease", "6"))
        self.timeout = float(query.pop("timeout", "3"))
        if not 1 <= self.shards <= 1024 or self.lease < 0.1 or self.timeout < 0.1:
            raise ValueError("Redis log: shards is 1 to 1024, lease and timeout are at least 0.1 seconds")
        numbers = range(self.shards)
        self.streams = [f"{self.name}:{shard}" for shard in numbers]
        self.counts = [f"{self.name}:{shard}:counts" for shard in numbers]
        self.client = connect(f"{address}?{urlencode(query)}", self.timeout)
        try:
            pool = self.client.connection_pool
            pool.connection_class(**pool.connection_kwargs)  # does not connect
        except TypeError as error:
            raise ValueError(f"Redis log: {error}") from error
        self._loaded: dict[str, str] = {}

    def lease_key(self, group: str, shard: int) -> str:
        return f"{self.name}:{shard}:lease:{group}"

    def members_key(self, group: str) -> str:
        return f"{self.name}:members:{group}"

    @property
    def epoch_key(self) -> str:
        return f"{self.name}:epoch"

    def errors(self, what: str) -> AbstractContextManager[None]:
        """Turn whatever redis-py raises into LogUnavailable."""
        return redis_errors(f"Redis log cannot {what}", LogUnavailable)

    def run(self, script: str, keys: list[str], *args: str | bytes | float) -> Any:
        """Run one of ``SCRIPTS``, by its digest where Redis knows it. Raises redis-py's errors."""
        command = (len(keys), *keys, *args)
        try:
            return self._execute("EVALSHA", self._loaded.get(script, "0" * 40), *command)
        except NoScriptError:  # the first time, or Redis was started again
            digest = str(self.client.script_load(SCRIPTS[script]))
            self._loaded[script] = digest
            return self._execute("EVALSHA", digest, *command)

    def settings(self) -> dict[str, str]:
        """The settings that decide whether Redis may lose events, as far as this Redis shows them."""
        found: dict[str, str] = {}
        with suppress(ResponseError):  # hosted Redis often forbids these commands
            for query in (self.client.info, partial(self.client.config_get, "appendfsync")):
                found |= {str(name): str(value) for name, value in query().items()}
        return found

    def entries(self, stream: str, least: str, count: int) -> list[Any]:
        """The entries from the id ``least`` on, each with its fields. Raises redis-py's errors."""
        return list(self._execute("XRANGE", stream, least, "+", "COUNT", count))

    def wait(self, after: dict[int, int], seconds: float) -> bool:
        """Block until a shard has an entry behind the position given for it; False when none came."""
        names = [self.streams[shard] for shard in after]
        ids = [entry_id(position) for position in after.values()]
        milliseconds = max(1, int(min(seconds, self.timeout / 2) * 1000))
        return bool(self._execute("XREAD", "COUNT", 1, "BLOCK", milliseconds, "STREAMS", *names, *ids))

    def _execute(self, *command: Any) -> Any:
        return self.client.execute_command(*command)


def entry_id(position: int) -> str:
    """``ms << 20 | seq`` as the stream entry id ``ms-seq``."""
    return f"{position >> SEQUENCE_BITS}-{position & ((1 << SEQUENCE_BITS) - 1)}"


def position_of(entry: bytes) -> int:
    """The stream entry id ``ms-seq`` as a position, ``ms << 20 | seq``."""
    milliseconds, _, sequence = entry.partition(b"-")
    return int(milliseconds) << SEQUENCE_BITS | int(sequence)
