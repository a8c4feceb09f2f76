"""Group commit: nothing acknowledged before it is durable, nothing waits for ever."""

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from tracker.delivery import group_commit
from tracker.delivery.group_commit import Committer
from tracker.log.port import LogUnavailable, Record


class SlowLog:
    """Remembers every append; each takes a while, as an fsync does."""

    def __init__(self, seconds: float = 0.005) -> None:
        self.appends: list[list[Record]] = []
        self.seconds = seconds
        self.error: Exception | None = None

    def append(self, records: Sequence[Record]) -> None:
        time.sleep(self.seconds)
        if self.error:
            raise self.error
        self.appends.append(list(records))


def submit(group: Committer, records: list[Record]) -> None:
    async def wait() -> None:
        await group.submit(records)

    asyncio.run(wait())


def record(n: int) -> Record:
    return Record(f"k{n % 7}", str(n).encode())


def test_requests_share_appends_and_keep_their_order() -> None:
    log = SlowLog()
    group = Committer(log.append)

    def client(first: int) -> None:
        for n in range(first, first + 20):
            submit(group, [record(n)])
            assert any(record(n) in batch for batch in log.appends), "acknowledged before it was appended"

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(client, range(0, 320, 20)))
    group.close()
    values = [int(each.value) for batch in log.appends for each in batch]
    assert sorted(values) == list(range(320))
    assert len(log.appends) < 160
    for first in range(0, 320, 20):
        mine = [value for value in values if first <= value < first + 20]
        assert mine == sorted(mine)


@pytest.mark.parametrize("error", [LogUnavailable("gone", retry_after=7), RuntimeError("bug")])
def test_everyone_who_waits_hears_of_a_failure(error: Exception) -> None:
    log = SlowLog()
    log.error = error
    group = Committer(log.append)

    def client(n: int) -> float:
        with pytest.raises(LogUnavailable) as caught:
            submit(group, [record(n)])
        return caught.value.retry_after

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(client, range(30))) == {7 if isinstance(error, LogUnavailable) else 1.0}
    log.error = None
    submit(group, [record(1)])
    assert log.appends == [[record(1)]]
    group.close()


def test_close_finishes_what_was_accepted_and_refuses_the_rest() -> None:
    log = SlowLog(0.05)
    group = Committer(log.append)
    done = []
    threads = [
        threading.Thread(target=lambda n=n: done.append(submit(group, [record(n)]))) for n in range(10)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.02)
    group.close()
    for thread in threads:
        thread.join(5)
    assert len(done) == 10
    assert sum(map(len, log.appends)) == 10
    with pytest.raises(LogUnavailable):
        submit(group, [record(1)])


def test_a_log_that_hangs_does_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "WAITING_LIMIT", 5)
    free = threading.Event()
    group = Committer(lambda records: free.wait(5) and None)
    threads = [threading.Thread(target=submit, args=(group, [record(n)] * 2)) for n in range(2)]
    for thread in threads:
        thread.start()
    time.sleep(0.05)
    with pytest.raises(LogUnavailable):
        submit(group, [record(1)] * 2)
    free.set()
    for thread in threads:
        thread.join(5)
    submit(group, [record(1)] * 2)
    group.close()
