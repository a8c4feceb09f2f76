"""The exception for a store, event log or server that does not answer now."""


class Unavailable(Exception):
    """A service does not answer now. Try again after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
