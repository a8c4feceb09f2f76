"""The embedded Redis for a command that runs beside ``dangol up``, or without it."""

from collections.abc import Iterator
from contextlib import contextmanager

from dangol.machine import redis_child
from dangol.machine.lock import FolderLock
from dangol.settings import Settings


@contextmanager
def embedded_redis(settings: Settings) -> Iterator[None]:
    """A running Redis behind the settings' embedded URIs: the supervisor's, else one for the while.

    Raises DataFolderUnusable, RedisMissing, RedisBroken.
    """
    if not settings.embedded_redis or redis_child.answers(settings.socket):
        yield
        return
    with FolderLock(settings.folder):
        child = redis_child.start(settings.folder / "redis", settings.socket)
        try:
            redis_child.wait_ready(child, settings.folder / "redis", settings.socket)
            yield
        finally:
            child.terminate()
            child.wait()
