"""Tells Dangol which pages AI agents and crawlers read. One file, standard library only: copy it into your application.

    app.wsgi_app = DangolAgents(app.wsgi_app, "https://your-dangol-host", "YOUR_SECRET_KEY")  # Flask and other WSGI
    app = DangolAgentsASGI(app, "https://your-dangol-host", "YOUR_SECRET_KEY")  # FastAPI and other ASGI

It looks at the user agent of each GET of a page. Of people it tells nothing. A record waits in memory (``most`` of
them) and goes out in the background; a request never waits for Dangol, and no failure here reaches the application.
While Dangol is away records are dropped; ``sent`` and ``dropped`` count them. Dangol decides which agent it was.
"""

import json
import os
import queue
import threading
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen
from uuid import uuid4

WORDS = (
    *(
        "bot",
        "crawl",
        "spider",
        "slurp",
        "yeti",
        "daum/",
        "gpt",
        "claude",
        "perplexity",
        "gemini",
        "-user",
        "fetch",
    ),
    *(
        "scrap",
        "preview",
        "externalhit",
        "monitor",
        "archiv",
        "headless",
        "lighthouse",
        "google-",
        "googleother",
    ),
    *(
        "googleagent",
        "-agent",
        "http:",
        "https:",
        "linkcheck",
        "uptime",
        "ptst/",
        "synthetics",
        "(compatible",
    ),
)
"""Words that programs have in their user agents and browsers have not."""
BROWSERS = ("Mozilla/", "Opera/")
PAGES = ("text/html", "application/xhtml", "text/markdown")
AT_ONCE = 100
LONGEST_PAUSE = 60.0

_Scope = MutableMapping[str, Any]
_Send = Callable[[_Scope], Awaitable[None]]


class AgentRecords:
    """Records on their way to Dangol, ``most`` at once; a thread of its own sends them, in each process."""

    def __init__(
        self, host: str, key: str, timeout: float = 3.0, most: int = 1000, every: float = 1.0
    ) -> None:
        """``timeout``: of a request to Dangol; ``every``: how long the first record waits for others; in seconds."""
        self._url, self._key, self._timeout, self._every = host.rstrip("/") + "/v1/batch", key, timeout, every
        self._waiting: queue.Queue[dict[str, Any]] = queue.Queue(most)
        self._process = 0
        self._lock = threading.Lock()
        self.sent = self.dropped = 0

    def tell(self, ua: str, url: str, status: int, content_type: str) -> None:
        """Note a page that was asked for by GET, unless a person's browser did."""
        try:
            if not content_type.lower().startswith(PAGES) or not is_agent(ua):
                return
            self._start()
            self._waiting.put_nowait(record(ua, url, status))
        except queue.Full:
            self.dropped += 1
        except Exception:
            self.dropped += 1  # a fault here is not the application's

    def _start(self) -> None:
        """A server may fork after the application was made: a thread does not come along."""
        if self._process != os.getpid():
            with self._lock:
                if self._process != os.getpid():
                    threading.Thread(target=self._run, name="dangol-agents", daemon=True).start()
                    self._process = os.getpid()

    def _run(self) -> None:
        pause = 0.0
        while True:
            batch = [self._waiting.get()]
            time.sleep(self._every)
            while len(batch) < AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get())
            try:
                self._send(batch)
                self.sent += len(batch)
                pause = 0.0
            except Exception:  # Dangol is away, or refuses
                self.dropped += len(batch)
                pause = min(max(1.0, pause * 2), LONGEST_PAUSE)
                time.sleep(pause)

    def _send(self, batch: list[dict[str, Any]]) -> None:
        body = {"writeKey": self._key, "context": {"library": {"name": "dangol-agents"}}, "batch": batch}
        headers = {"Content-Type": "application/json"}
        asked = Request(self._url, json.dumps(body).encode(), headers)  # noqa: S310  the shop's own setting
        with urlopen(asked, timeout=self._timeout) as answer:  # noqa: S310
            answer.read(1000)


def is_agent(ua: str) -> bool:
    """Whether a program may have sent this user agent. Dangol looks more closely."""
    text = ua.lower()
    return bool(ua) and (not ua.startswith(BROWSERS) or any(word in text for word in WORDS))


def record(ua: str, url: str, status: int) -> dict[str, Any]:
    """A fetch as Dangol's API takes it. It has no visitor: agents of one user agent have one name."""
    return {
        "type": "page",
        "messageId": str(uuid4()),
        "anonymousId": "agent-" + sha256(ua.encode(errors="replace")).hexdigest()[:16],
        "timestamp": datetime.now(timezone.utc).isoformat(),  # noqa: UP017  older Pythons, too
        "properties": {"status": status},
        "context": {"userAgent": ua[:500], "page": {"url": url[:2000]}},
    }


class DangolAgents:
    """Around a WSGI application. ``options`` are those of ``AgentRecords``."""

    def __init__(self, app: Callable[..., Iterable[bytes]], host: str, key: str, **options: Any) -> None:
        self.app, self.records = app, AgentRecords(host, key, **options)

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("REQUEST_METHOD") != "GET":
            return self.app(environ, start_response)
        told = False

        def started(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            nonlocal told
            if not told:
                told = True
                self._tell(environ, status, headers)
            return start_response(status, headers, *error)

        return self.app(environ, started)

    def _tell(self, environ: dict[str, Any], status: str, headers: list[tuple[str, str]]) -> None:
        try:
            kind = next((value for name, value in headers if name.lower() == "content-type"), "")
            host = environ.get("HTTP_HOST") or environ.get("SERVER_NAME", "")
            path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
            url = (
                f"{environ.get('wsgi.url_scheme', 'http')}://{host}{quote(path.encode('latin-1'), safe=SAFE)}"
            )
            if query := environ.get("QUERY_STRING"):
                url += f"?{query}"
            self.records.tell(environ.get("HTTP_USER_AGENT", ""), url, int(status[:3]), kind)
        except Exception:
            self.records.dropped += 1


SAFE = "/:@!$&'()*+,;=~"


class DangolAgentsASGI:
    """Around an ASGI application. ``options`` are those of ``AgentRecords``."""

    def __init__(self, app: Callable[..., Awaitable[None]], host: str, key: str, **options: Any) -> None:
        self.app, self.records = app, AgentRecords(host, key, **options)

    async def __call__(self, scope: _Scope, receive: Callable[[], Awaitable[_Scope]], send: _Send) -> None:
        if scope.get("type") != "http" or scope.get("method") != "GET":
            await self.app(scope, receive, send)
            return

        async def sending(message: _Scope) -> None:
            if message.get("type") == "http.response.start":
                self._tell(scope, message)
            await send(message)

        await self.app(scope, receive, sending)

    def _tell(self, scope: _Scope, message: _Scope) -> None:
        try:
            asked = {bytes(name).lower(): bytes(value).decode("latin-1") for name, value in scope["headers"]}
            given = {
                bytes(name).lower(): bytes(value).decode("latin-1") for name, value in message["headers"]
            }
            path = scope.get("raw_path") or quote(scope["path"], safe=SAFE).encode()
            url = f"{scope.get('scheme', 'http')}://{asked.get(b'host', '')}{path.decode('latin-1')}"
            if query := scope.get("query_string"):
                url = f"{url.partition('?')[0]}?{query.decode('latin-1')}"
            ua, kind = asked.get(b"user-agent", ""), given.get(b"content-type", "")
            self.records.tell(ua, url, int(message["status"]), kind)
        except Exception:
            self.records.dropped += 1
