"""A process that sends until it is killed. The other side of its channel is a file: one fsynced line for each message,
written before the answer, as a mail server takes responsibility before its 250.

    python -m tests.support.sending_process URL FOLDER NAME
"""

import asyncio
import os
import random
import sys
import time
from pathlib import Path

from messages.message import Message, NotSent, Outcome
from offers.campaign.campaign import Cap
from tests.support.sending import Post, Scripted


class Filed(Scripted):
    """Takes its time, so that a kill finds messages under way."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = os.open(folder / "taken", os.O_CREAT | os.O_APPEND | os.O_WRONLY)

    async def send(self, prepared: Message) -> Outcome:
        draw = random.random()
        await asyncio.sleep(draw / 200)
        if draw < 0.02:
            raise NotSent("421 come again", 0.2)
        os.write(self._file, f"{prepared.id} {prepared.profile.id} {time.time()}\n".encode())
        os.fsync(self._file)
        await asyncio.sleep(draw / 200)
        if draw > 0.98:
            raise ConnectionError("dropped after DATA")
        return Outcome(handed_over=True)


def main() -> None:
    url, folder, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    channel = Filed(folder)
    post = Post(url, time.time, channel, (Cap(limit=1, per="day"),), f"{name}-{os.getpid()}", folder=folder)
    stop = time.time() + 900

    async def run() -> None:
        await post.loop.run(lambda: time.time() > stop)

    asyncio.run(run())


if __name__ == "__main__":
    main()
