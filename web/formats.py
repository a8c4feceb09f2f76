"""Numbers, money and times as a marketer reads them; registered as template filters."""

from datetime import datetime
from zoneinfo import ZoneInfo

MINUS = "\u2212"
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "KRW": "₩", "JPY": "¥", "CHF": "CHF "}
WHOLE = {"KRW", "JPY"}


def number(value: float | None) -> str:
    """1234567 → 1,234,567; fractions keep one place."""
    if value is None:
        return "–"
    whole = abs(value - round(value)) < 0.05
    text = f"{abs(value):,.0f}" if whole else f"{abs(value):,.1f}"
    return f"{MINUS}{text}" if value < 0 and text.strip("0,.") else text


def compact(value: float) -> str:
    """Short enough for an axis: 12,400 → 12.4k."""
    for limit, unit in ((1e9, "bn"), (1e6, "m"), (1e4, "k")):
        if abs(value) >= limit:
            scaled = value / (1e3 if unit == "k" else limit)
            return f"{scaled:.3g}{unit}"
    return number(value)


def percent(share: float | None, places: int = 1) -> str:
    """0.4237 → 42.4%; a whole number of percents without a fraction."""
    if share is None:
        return "–"
    text = f"{share * 100:.{places}f}"
    return f"{text.removesuffix('.' + '0' * places) if places else text}%"


def money(value: float | None, currency: str) -> str:
    """12.5, EUR → €12.50; from ten thousand on without cents."""
    if value is None:
        return "–"
    places = 0 if currency in WHOLE or abs(value) >= 10_000 else 2
    sign = MINUS if value < 0 else ""
    return f"{sign}{symbol(currency)}{abs(value):,.{places}f}"


def symbol(currency: str) -> str:
    return SYMBOLS.get(currency, currency + " ")


def change(now: float, before: float | None) -> float | None:
    """The relative change, None when there is nothing to compare with."""
    return None if not before else (now - before) / before


def moment(ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ms / 1000, zone)


def when(ms: int | None, zone: ZoneInfo) -> str:
    """21 Nov 2026, 14:05 in the site's timezone."""
    if not ms:
        return "–"
    at = moment(ms, zone)
    return f"{at.day} {at:%b %Y, %H:%M}"


def ago(ms: int | None, now: float) -> str:
    """How long ago, in one unit; ``now`` in seconds."""
    if not ms:
        return "never"
    seconds = max(0, int(now - ms / 1000))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit} ago"
    return "just now"


def span_of(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    for size, unit, lower, lower_unit in (
        (86_400, "d", 3_600, "h"),
        (3_600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if whole >= size:
            rest = whole % size // lower
            return f"{whole // size} {unit} {rest} {lower_unit}" if rest else f"{whole // size} {unit}"
    return f"{whole} s" if whole else "a second"
