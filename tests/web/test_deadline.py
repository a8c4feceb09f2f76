"""Work within a budget: who waits gets the result in time, what it raised, or DeadlineExceeded; the rest is dropped."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from web.personalize.deadline import PATIENCE, Deadline, DeadlineExceeded, DeadlinePool

LONG = 30.0


def waited(bounded: DeadlinePool, work: Callable[[], Any], seconds: float) -> Any:
    return bounded.call(work, seconds)


def awaited(bounded: DeadlinePool, work: Callable[[], Any], seconds: float) -> Any:
    return asyncio.run(bounded.soon(work, seconds))


ways = pytest.mark.parametrize("call", [waited, awaited])


def fail() -> None:
    raise ValueError("broken")


@ways
def test_the_result_or_what_was_raised(call: Callable[..., Any]) -> None:
    bounded = DeadlinePool("t", 1)
    assert call(bounded, lambda: 7, LONG) == 7
    with pytest.raises(ValueError, match="broken"):
        call(bounded, fail, LONG)
    assert call(bounded, threading.get_ident, LONG) != threading.get_ident()


@ways
def test_what_takes_too_long_is_not_waited_for_and_pauses_the_rest(call: Callable[..., Any]) -> None:
    now = 100.0
    bounded, release = DeadlinePool("t", PATIENCE + 1, lambda: now), threading.Event()
    for _ in range(PATIENCE):
        with pytest.raises(DeadlineExceeded):
            call(bounded, lambda: release.wait(LONG), 0.01)
    with pytest.raises(DeadlineExceeded):
        call(bounded, lambda: 1, LONG)
    now += 1.1
    assert call(bounded, lambda: 1, LONG) == 1
    release.set()


@ways
def test_what_nobody_waits_for_any_more_is_never_begun(call: Callable[..., Any]) -> None:
    bounded, begun, release = DeadlinePool("t", 1), threading.Event(), threading.Event()
    with pytest.raises(DeadlineExceeded):
        call(bounded, lambda: release.wait(LONG), 0.01)
    with pytest.raises(DeadlineExceeded):
        call(bounded, begun.set, 0.01)
    release.set()
    call(bounded, lambda: None, LONG)  # the only thread has passed the dropped one
    assert not begun.is_set()


def test_many_at_once_share_the_threads_and_the_loop_goes_on() -> None:
    bounded, all_there = DeadlinePool("t", 4), threading.Barrier(4)

    async def run() -> list[int]:
        return await asyncio.gather(*(bounded.soon(lambda: all_there.wait(LONG), LONG) for _ in range(12)))

    assert len(asyncio.run(run())) == 12


def test_a_client_that_goes_is_no_store_that_is_late() -> None:
    bounded, release = DeadlinePool("t", PATIENCE + 1), threading.Event()

    async def gone() -> None:
        task = asyncio.create_task(bounded.soon(lambda: release.wait(LONG), LONG))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    for _ in range(PATIENCE):
        asyncio.run(gone())
    assert bounded.call(lambda: 1, LONG) == 1
    release.set()


def test_no_time_left_is_late() -> None:
    with pytest.raises(DeadlineExceeded):
        DeadlinePool("t", 1).call(lambda: 1, Deadline(0.0).left)
