"""Steps: the same work driven by a thread that waits and by an event loop that does not."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from profiles import sansio
from profiles.sansio import Call, Steps

waited = sansio.run_sync


def awaited(work: Steps[Any]) -> Any:
    async def in_thread(call: Callable[[], Any]) -> Any:
        return await asyncio.to_thread(call)

    return asyncio.run(sansio.run_async(work, in_thread))


ways = pytest.mark.parametrize("drive", [waited, awaited])


def half(number: int) -> Steps[float]:
    answer: float = yield Call(lambda: 1 / number)
    return answer


def halves(*numbers: int) -> Steps[list[float]]:
    found = []
    for number in numbers:
        try:
            found.append((yield from half(number)))
        except ZeroDivisionError:
            found.append(0.0)
    return found


@ways
def test_answers_and_failures_arrive_where_they_were_asked_for(drive: Callable[[Steps[Any]], Any]) -> None:
    assert drive(halves(1, 0, 2)) == [1.0, 0.0, 0.5]
    assert drive(halves()) == []


@ways
def test_what_nobody_catches_is_raised(drive: Callable[[Steps[Any]], Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        drive(half(0))


def test_steps_that_nobody_waits_for_are_closed_where_they_are() -> None:
    left: list[str] = []

    def work() -> Steps[None]:
        try:
            yield Call(lambda: None)
            left.append("went on")
        finally:
            left.append("closed")

    async def give_up() -> None:
        async def never(_: Callable[[], Any]) -> Any:
            await asyncio.sleep(60)

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await sansio.run_async(work(), never)

    asyncio.run(give_up())
    assert left == ["closed"]
