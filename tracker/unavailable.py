"""The error of anything that does not answer now: a store, the event log, a server."""


class Unavailable(Exception):
    """Something that is needed does not answer now. Try again after ``retry_after`` seconds."""

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
