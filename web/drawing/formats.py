"""Numbers, money and times as a marketer reads them, in the language of the request; also template filters."""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel import numbers
from babel.dates import format_interval, format_skeleton, get_day_names

from tracker.durations import DAY_SECONDS, HOUR_SECONDS
from web.language import gettext as _
from web.language import locale

MINUS = "\u2212"
CENTS_BELOW = 10_000
UNITS: tuple[tuple[int, Callable[[int], str]], ...] = (
    (DAY_SECONDS, lambda count: _("%(count)s d", count=count)),
    (HOUR_SECONDS, lambda count: _("%(count)s h", count=count)),
    (60, lambda count: _("%(count)s min", count=count)),
    (1, lambda count: _("%(count)s s", count=count)),
)


def number(value: float | None) -> str:
    """1234567 → 1,234,567; fractions keep one place."""
    if value is None:
        return "–"
    whole = abs(value - round(value)) < 0.05
    return _minus(numbers.format_decimal(round(value) if whole else value, "#,##0.#", locale()))


def compact(value: float) -> str:
    """Short enough for an axis: 12,400 → 12.4K, 1.2만."""
    if abs(value) < CENTS_BELOW:
        return number(value)
    return _minus(numbers.format_compact_decimal(value, locale=locale(), fraction_digits=1))


def percent(share: float | None, places: int = 1) -> str:
    """0.4237 → 42.4%; a whole number of percents without a fraction."""
    if share is None:
        return "–"
    return _minus(
        numbers.format_percent(share, "#,##0." + "#" * places + "%" if places else "#,##0%", locale())
    )


def money(value: float | None, currency: str) -> str:
    """12.5, EUR → €12.50; from ten thousand on without cents."""
    if value is None:
        return "–"
    whole = abs(value) >= CENTS_BELOW
    text = numbers.format_currency(
        round(value) if whole else value,
        currency,
        locale=locale(),
        currency_digits=not whole,
        format="¤#,##0" if whole else None,
    )
    return _minus(text)


def coded_money(value: float, currency: str) -> str:
    """120, USD → 120.00 USD: with the code, since signs are shared by several currencies."""
    return _minus(numbers.format_currency(value, currency, format="#,##0.00\xa0¤¤", locale=locale()))


def short_money(value: float, currency: str) -> str:
    """For an axis: €12.4K."""
    return numbers.get_currency_symbol(currency, locale()) + compact(value)


def _minus(text: str) -> str:
    return text.replace("-", MINUS)


def change(now: float, before: float | None) -> float | None:
    """The relative change, None when there is nothing to compare with."""
    return None if not before else (now - before) / before


def moment(ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(ms / 1000, zone)


def day(at: date) -> str:
    """15 Nov 2026."""
    return format_skeleton("yMMMd", at, locale=locale())


def short_day(at: date) -> str:
    """15 Nov."""
    return format_skeleton("MMMd", at, locale=locale())


def named_day(at: date) -> str:
    """Sun 15 Nov."""
    return format_skeleton("MMMEd", at, locale=locale())


def month(at: date) -> str:
    """Nov 2026."""
    return format_skeleton("yMMM", at, locale=locale())


def days(first: date, last: date) -> str:
    """1–28 Nov 2026; what both have in common is said once."""
    if first == last:
        return day(first)
    return format_interval(first, last, "yMMMd", locale=locale()).replace("\u2009", " ")


def weekdays() -> Sequence[str]:
    """Mon to Sun."""
    names = get_day_names("abbreviated", locale=locale())
    return [names[number] for number in range(7)]


def country(code: str) -> str:
    """KR → South Korea."""
    return str(locale().territories.get(code.upper(), code))


def when(ms: int | None, zone: ZoneInfo) -> str:
    """21 Nov 2026, 14:05 in the site's timezone."""
    if not ms:
        return "–"
    at = moment(ms, zone)
    return f"{day(at)}, {at:%H:%M}"


def ago(ms: int | None, now: float) -> str:
    """How long ago, in one unit; ``now`` in seconds."""
    if not ms:
        return _("never")
    seconds = max(0, int(now - ms / 1000))
    for size, text in UNITS[:-1]:
        if seconds >= size:
            return _("%(time)s ago", time=text(seconds // size))
    return _("just now")


def span_of(seconds: float | None) -> str:
    """A duration in its two largest units."""
    if seconds is None:
        return "–"
    whole = int(seconds)
    if not whole:
        return _("a second")
    at = next(index for index, (size, _text) in enumerate(UNITS) if whole >= size)
    (size, text), rest = UNITS[at], 0
    if at + 1 < len(UNITS):
        rest = whole % size // UNITS[at + 1][0]
    return f"{text(whole // size)} {UNITS[at + 1][1](rest)}" if rest else text(whole // size)
