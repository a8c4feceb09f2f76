"""Lines of an access log in the Combined format."""

from datetime import UTC, datetime, timedelta

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
