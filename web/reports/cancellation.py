"""Stopping a count, whichever process makes it: told to all of them over Redis."""

import logging
from collections.abc import Callable
from threading import Lock, Thread
from typing import Any

import msgspec

from tracker.redis_connection import REDIS_ERRORS, connect

CHANNEL = "dg:stops"
LISTEN_SECONDS = 5.0
"""How long one look for messages takes: a connection that broke is noticed so soon."""

logger = logging.getLogger(__name__)


class Cancellation(msgspec.Struct, frozen=True):
    """``job`` is not wanted any more if it began before ``at`` (seconds): who asks again afterwards wants it."""

    job: str
    at: float


class Cancellations:
    """Says and hears which counts are to end. While Redis does not answer, each process stops only its own."""

    def __init__(self, url: str, timeout: float = 1.0) -> None:
        self._url, self._timeout = url, timeout
        self._lock, self._listening = Lock(), False
        self._client: Any = None

    def say(self, stop: Cancellation) -> None:
        try:
            self._redis().publish(CHANNEL, msgspec.json.encode(stop))
        except REDIS_ERRORS:
            logger.warning("other processes do not hear of a stopped count: Redis does not answer")

    def hear(self, do: Callable[[Cancellation], object]) -> None:
        """From now on ``do`` is called in a thread for every stop that any process says. It may be called again and
        again: it listens once, and anew after the connection broke."""
        with self._lock:
            if self._listening:
                return
            try:
                heard = self._redis().pubsub(ignore_subscribe_messages=True)
                heard.subscribe(CHANNEL)
                heard.get_message(timeout=self._timeout)  # Redis says that it did
            except REDIS_ERRORS:
                logger.warning("counts cannot be stopped from other processes: Redis does not answer")
                return
            self._listening = True
        Thread(target=self._listen, args=(heard, do), name="stops", daemon=True).start()

    def close(self) -> None:
        """Say nothing more; what is heard is heard until Redis goes."""
        if self._client is not None:
            self._client.close()

    def _listen(self, heard: Any, do: Callable[[Cancellation], object]) -> None:
        try:
            while True:
                message = heard.get_message(timeout=LISTEN_SECONDS)
                if message and message["type"] == "message":
                    do(msgspec.json.decode(message["data"], type=Cancellation))
        except (*REDIS_ERRORS, msgspec.DecodeError) as error:
            logger.warning("stopped listening for stopped counts until one waits again: %s", error)
        finally:
            with self._lock:
                self._listening = False
            heard.close()

    def _redis(self) -> Any:
        if self._client is None:
            self._client = connect(self._url, self._timeout)
        return self._client
