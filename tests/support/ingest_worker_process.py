"""A worker as a process of its own, for tests to kill: ``… LOG PROFILES FOLDER MEMBER``. Where the folder holds a file
``whole-enrichment``, it reads all of an order."""

import signal
import sys
import threading
from pathlib import Path

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.enrich.order_limits import with_limits
from ingest.worker.worker import Bounds, Worker
from profiles.redis.store import RedisProfiles
from tests.support.ingest_streams import simple_facts
from tracker.log.open import open_log
from tracker.sites import Sites
from warehouse.delta import Warehouse


def main(log: str, profiles: str, folder: str, member: str) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    path = Path(folder)
    whole = (path / "whole-enrichment").exists()
    Worker(
        log=open_log(log),
        store=RedisProfiles(profiles),
        warehouse=Warehouse(str(path / "warehouse")),
        sites=Sites(path / "sites.json"),
        facts=with_limits(facts, lambda _: 0.0) if whole else simple_facts,
        deadletters=DeadLetters(path),
        member=member,
        bounds=Bounds(batch=300, poll_seconds=0.02, flush_rows=1_500, flush_seconds=0.3),
    ).run(stop)


if __name__ == "__main__":
    main(*sys.argv[1:])
