"""Several processes read the blocks of a log at once; the results come in the order of the blocks.

The first block is read here, since it tells the site's host, while the helpers start; a log of one block starts none.
After that a block goes to a helper that has not enough, else it is read here. A helper that dies costs time only: its
block is read here. Helpers end with this process, however it ends: they read from a pipe that it holds.
"""

import logging
import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Self

from ingest.access_log.lines import LogUnreadable
from ingest.access_log.page_views import BlockResult, ImportOptions, read

logger = logging.getLogger(__name__)

MOST_HELPERS = 3
"""One process stores what all read: it would keep more of them waiting."""
AT_HAND = 2
"""Blocks that a helper is given: the next one lies ready when it is done with one."""
WAITING = 3
"""For each process, blocks that wait for an earlier one: a few tens of megabytes each."""


def portions(
    blocks: Iterator[bytes], choice: ImportOptions, helpers: int | None = None
) -> Iterator[BlockResult]:
    """What the blocks say, in their order. ``helpers``: processes beside this one, as many as there are processors
    for unless told. Raises LogUnreadable as ``blocks`` does, after what came before."""
    count = min(_cores() - 1, MOST_HELPERS) if helpers is None else helpers
    broken: LogUnreadable | None = None
    waiting: deque[Future[BlockResult]] = deque()
    with _Team(choice, count) as team:
        try:
            for number, block in enumerate(blocks):
                waiting.append(team.read(block) if number else team.read_first(block))
                while waiting and (waiting[0].done() or len(waiting) > WAITING * (count + 1)):
                    yield waiting.popleft().result()
        except LogUnreadable as error:
            broken = error
        while waiting:
            yield waiting.popleft().result()
    if broken:
        raise broken


class _Team:
    """This process and its helpers."""

    def __init__(self, choice: ImportOptions, count: int) -> None:
        self.choice, self.count, self.ended = choice, count, False
        self.helpers: list[_Helper] | None = None
        self.idle: SimpleQueue[_Helper] = SimpleQueue()
        self.threads = ThreadPoolExecutor(
            AT_HAND * count + 1, "read"
        )  # they wait for helpers; one reads the first

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True
        for helper in self.helpers or ():
            helper.end()
        self.threads.shutdown()

    def read_first(self, block: bytes) -> Future[BlockResult]:
        self.first = self.threads.submit(read, block, self.choice, self.choice.host or None)
        return self.first

    def read(self, block: bytes) -> Future[BlockResult]:
        """By a helper that has not enough to do, else here and now."""
        if self.helpers is None:
            self.helpers = list(self._started())
        host = self.first.result().host
        try:
            helper = self.idle.get_nowait()
        except Empty:
            done: Future[BlockResult] = Future()
            done.set_result(read(block, self.choice, host))
            return done
        return self.threads.submit(self._with, helper, block, host)

    def _started(self) -> Iterator["_Helper"]:
        for _ in range(self.count):
            try:
                helper = _Helper(self.choice)
            except OSError as error:
                logger.warning("reading with fewer processes: %s", error)
                return
            for _ in range(AT_HAND):
                self.idle.put(helper)
            yield helper

    def _with(self, helper: "_Helper", block: bytes, host: str) -> BlockResult:
        try:
            portion = helper.read(block, host)
        except (EOFError, OSError):
            if self.ended:
                raise
            logger.warning("a process that helped to read has ended; this one reads on")
            return read(block, self.choice, host)
        self.idle.put(helper)
        return portion


class _Helper:
    """A process that reads one block at a time."""

    def __init__(self, choice: ImportOptions) -> None:
        context = multiprocessing.get_context(
            "spawn"
        )  # a fork would copy locks of threads that it does not have
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_help, args=(theirs, choice), daemon=True, name="log reader")
        self.process.start()
        theirs.close()
        self.lock = Lock()

    def read(self, block: bytes, host: str) -> BlockResult:
        """Raises EOFError and OSError when the process has ended."""
        with self.lock:
            self.pipe.send(host)
            self.pipe.send_bytes(block)
            portion: BlockResult = self.pipe.recv()
        return portion

    def end(self) -> None:
        self.process.terminate()
        self.process.join()
        self.pipe.close()


def _help(pipe: "Connection[BlockResult, str]", choice: ImportOptions) -> None:
    """What a helper does until the other end of its pipe is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that it helps decides what Ctrl-C means
    try:
        while True:
            host = pipe.recv()
            pipe.send(read(pipe.recv_bytes(), choice, host))
    except (EOFError, OSError):
        return


def _cores() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
