"""Whether anything of a person is left: every file of a folder, every key and value of a Redis."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import redis

from profiles.redis.store import RedisProfiles


def found_in(content: bytes, words: list[str]) -> list[str]:
    return [word for word in words if word.encode() in content]


def traces(folder: Path, client: redis.Redis, words: list[str]) -> list[tuple[str, list[str]]]:
    """Every file below the folder, and every Redis key with its value, that holds one of the words."""
    hits = []
    for file in folder.rglob("*"):
        if file.is_file():
            try:
                content = file.read_bytes()
                if file.suffix == ".parquet":
                    content += str(pq.ParquetFile(file).read().to_pylist()).encode()
            except FileNotFoundError:  # a worker wrote the table anew meanwhile
                continue
            hits.append((str(file.relative_to(folder)), found_in(content, words)))
    hits += [
        (repr(key), found_in(key + value_of(client, key), words)) for key in client.scan_iter(count=1000)
    ]
    hits += profiles_with(client, words)
    return [hit for hit in hits if hit[1]]


def profiles_with(client: redis.Redis, words: list[str]) -> list[tuple[str, list[str]]]:
    """Profiles as they read, since what is stored may be packed."""
    path = client.connection_pool.connection_kwargs.get("path")
    options = client.connection_pool.connection_kwargs
    url = f"unix://{path}" if path else f"redis://{options['host']}:{options['port']}"
    store = RedisProfiles(url)
    found = [(f"profile {each.id}", found_in(str(each).encode(), words)) for each in store.scan("default")]
    store.close()
    return found


def value_of(client: redis.Redis, key: bytes) -> bytes:
    read = {
        b"string": lambda: client.get(key),
        b"hash": lambda: client.hgetall(key),
        b"list": lambda: client.lrange(key, 0, -1),
        b"set": lambda: client.smembers(key),
        b"zset": lambda: client.zrange(key, 0, -1),
        b"stream": lambda: client.xrange(key),
        b"none": lambda: b"",
    }[client.type(key)]()
    return read if isinstance(read, bytes) else json.dumps(str(read)).encode() if read else b""
