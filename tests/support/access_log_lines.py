"""Access logs for tests: lines in the Combined format, their import, and what is stored afterwards."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from ingest.access_log.format import named
from ingest.access_log.importer import Importer, ImportSummary
from ingest.access_log.page_views import ImportOptions
from tracker.sites import Site
from warehouse.delta import Warehouse
from warehouse.question.scope import Scope

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"
GOOGLEBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
KEY = b"a key for tests"


def line(
    path: str = "/",
    second: int = 0,
    *,
    ip: str = "203.0.113.7",
    status: int = 200,
    referrer: str = "-",
    ua: str = CHROME,
    method: str = "GET",
) -> str:
    at = datetime(2026, 3, 4, 5, 0, 0, tzinfo=UTC) + timedelta(seconds=second)
    return f'{ip} - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "{method} {path} HTTP/1.1" {status} 12 "{referrer}" "{ua}"\n'


def imported(
    warehouse: Warehouse,
    site: Site,
    path: Path,
    text: str | bytes | None = None,
    *,
    form: str = "combined",
    pattern: str = "",
    **choice: object,
) -> ImportSummary:
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Importer(warehouse, ImportOptions(named(form, pattern), site, KEY, **choice)).file(str(path))  # type: ignore[arg-type]


def stored(warehouse: Warehouse, *columns: str) -> list[tuple[object, ...]]:
    """Columns of all stored rows, by time."""
    rows = warehouse.rows(
        f"select {', '.join(columns)} from events order by ts, path", Scope("default", bots=True)
    )
    return [tuple(row[name] for name in columns) for row in rows]
