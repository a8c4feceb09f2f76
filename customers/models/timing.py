"""When a customer buys: what every model of it answers."""

from typing import Protocol

from customers.models.distinct import Timings
from customers.purchases.history import Floats


class PurchaseTiming(Protocol):
    """A fitted model. Each answer is an array of shape (n,), one for each row of ``of``."""

    def alive(self, of: Timings) -> Floats:
        """The probability that each may still buy."""
        ...

    def purchases(self, of: Timings, days: float) -> Floats:
        """Expected purchases of each in the next ``days``."""
        ...

    def silent(self, of: Timings, days: float) -> Floats:
        """The probability that each buys nothing in the next ``days``."""
        ...
