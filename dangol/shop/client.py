"""A small HTTP client of Dangol's public API, as a shop's backend would have one."""

import http.client
import json
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TIMEOUT = 15.0
"""Seconds for one request; a batch is acknowledged only when it is durable."""

TRIES = 5


class DangolUnreachable(ConnectionError):
    """Nothing answers at the address; the message says what to do."""


class RequestRefused(OSError):
    """Dangol answered, and said no. ``status`` is the HTTP status."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Answer(NamedTuple):
    """``reason`` in words; ``retry_after`` in seconds."""

    status: int
    reason: str
    body: bytes = b""
    retry_after: float = 1.0


class Client:
    """One connection, kept alive, for one thread. Waits and tries again when told to (429, 503)."""

    def __init__(
        self, base_url: str, authorization: str, pause: Callable[[float], object] = time.sleep
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise DangolUnreachable(f"{base_url!r} is not an http:// or https:// address")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._base_url = base_url
        self._prefix = parts.path.rstrip("/")
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT)
        self._headers = {"Authorization": authorization, "Content-Type": "application/json"}
        self._pause = pause

    def send(self, method: str, path: str, document: Mapping[str, Any]) -> None:
        """Return when the request is accepted. Raises DangolUnreachable or RequestRefused."""
        self._accepted(method, path, json.dumps(document, separators=(",", ":")).encode())

    def ask(self, path: str, document: Mapping[str, Any]) -> Any:
        """The JSON that answers this one. Raises DangolUnreachable or RequestRefused."""
        return json.loads(self._accepted("POST", path, json.dumps(document, separators=(",", ":")).encode()))

    def fetch(self, path: str) -> Any:
        """The JSON document at ``path``. Raises DangolUnreachable or RequestRefused."""
        return json.loads(self._accepted("GET", path, None))

    def close(self) -> None:
        self._connection.close()

    def _accepted(self, method: str, path: str, body: bytes | None) -> bytes:
        answer = Answer(503, "busy")
        for attempt in range(TRIES):
            answer = self._exchange(method, path, body, attempt)
            if answer.status < 300:
                return answer.body
            if answer.status not in (429, 503):
                break
            if attempt < TRIES - 1:
                self._pause(answer.retry_after)
        raise RequestRefused(
            answer.status, f"{method} {self._base_url}{path}: {answer.status} {answer.reason}"
        )

    def _exchange(self, method: str, path: str, body: bytes | None, attempt: int) -> Answer:
        try:
            self._connection.request(method, self._prefix + path, body, self._headers)
            response = self._connection.getresponse()
            content = response.read()
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            if attempt == 0 and isinstance(error, ConnectionResetError):  # a kept connection grew old
                return Answer(503, "the connection was closed", retry_after=0.1)
            raise DangolUnreachable(
                f"no Dangol answers at {self._base_url} ({error}); start it with `dangol up`, or name its address"
            ) from error
        wait = _seconds(response.headers.get("Retry-After"))
        return Answer(response.status, _reason(response.reason, content), content, wait)


def _reason(phrase: str, body: bytes) -> str:
    """The message of an error document, else the status phrase."""
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return phrase


def _seconds(retry_after: str | None) -> float:
    """Retry-After in seconds, between 0.1 and 5; an HTTP date or nonsense counts as one."""
    try:
        return min(max(float(retry_after or 1.0), 0.1), 5.0)
    except ValueError:
        return 1.0
