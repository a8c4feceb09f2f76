"""A request that is refused: one exception that becomes a JSON error or a page."""

from collections.abc import Mapping

CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal",
    503: "unavailable",
}


class Problem(Exception):
    """A request that cannot be served: ``{"error": {code, message, field}}`` with its status.

    ``field`` is the path of the offending value (``slots[0].limit``), None when none is to blame.
    """

    def __init__(
        self, status: int, message: str, field: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.field = status, message, field
        self.headers = dict(headers or {})

    @property
    def code(self) -> str:
        return CODES.get(self.status, "error")


def unavailable(what: str, retry_after: float = 1.0) -> Problem:
    """A store does not answer: 503 with the remedy."""
    headers = {"Retry-After": str(max(1, round(retry_after)))}
    return Problem(503, f"{what} does not answer; try again in a moment", headers=headers)
