"""The web application, with a worker that applies what it appends to the log: on a real Redis and real tables."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest.dead_letters import DeadLetters
from ingest.enrich.enrich import facts
from ingest.worker.worker import Bounds, Worker
from profiles.erasures import RedisErased
from profiles.redis.store import RedisProfiles
from tests.support.ingest_streams import records
from tests.support.web_stage import Stage
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope


class Shop:
    """The web application, and a worker that applies what it appends."""

    def __init__(self, stage: Stage, folder: Path, redis_url: str, clock: Callable[[], float]) -> None:
        self.stage, self.clock = stage, clock
        self.letters = DeadLetters(folder)
        self.worker = Worker(
            log=stage.stores.log,
            store=RedisProfiles(redis_url),
            warehouse=Warehouse(stage.warehouse.path),
            sites=stage.stores.sites,
            facts=facts,
            deadletters=self.letters,
            erased=RedisErased(RedisProfiles(redis_url).client),
            bounds=Bounds(batch=100, poll_seconds=0.0, flush_seconds=1e9),
            clock=clock,
        )

    def send(self, *events: Any) -> None:
        self.stage.stores.log.append(records(events))
        self.settle()

    def settle(self) -> None:
        while self.worker.step():
            pass
        self.worker.flush()

    def merge(self, who: str, into: str, key: str = "sk_test") -> Any:
        answer = self.stage.call("POST", f"/v1/profiles/{who}/merge", key, json={"into": into})
        self.settle()
        return answer

    def separate(self, who: str, key: str = "sk_test") -> Any:
        answer = self.stage.call("DELETE", f"/v1/profiles/{who}/merge", key)
        self.settle()
        return answer

    def profile(self, who: str) -> Any:
        return self.stage.call("GET", f"/v1/profiles/{who}").json

    def people(self) -> set[str]:
        found = Warehouse(self.stage.warehouse.path)
        rows = found.rows("select distinct profile from events", Scope("default"))
        found.engine.close()
        return {row["profile"] for row in rows}

    def orders(self, who: str) -> int:
        return int(self.profile(who)["counts"]["orders"])
