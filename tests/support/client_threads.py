"""Clients in threads, which send requests while a test does something else."""

import threading
from collections.abc import Iterable
from typing import Any, Self


class ClientThreads:
    """A thread for each of ``names`` runs ``client`` while the context lasts. ``patience`` is how many seconds a client
    has to return once ``stopped`` is set."""

    patience = 60.0

    def __init__(self, names: Iterable[Any]) -> None:
        self.stopped = threading.Event()
        self._threads = [threading.Thread(target=self.client, args=(name,)) for name in names]

    def client(self, name: Any) -> None:
        """Sends one request after another until ``stopped`` is set."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        for thread in self._threads:
            thread.join(self.patience)
            assert not thread.is_alive(), "a client hangs"
