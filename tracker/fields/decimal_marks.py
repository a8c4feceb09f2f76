"""Locales such as ko-KR, and the decimal mark that people write there."""

from functools import lru_cache

from tracker.money import Mark

LONGEST = 20


@lru_cache(maxsize=1024)
def decimal_mark(locale: str) -> Mark:
    """The decimal mark of ``locale``, such as de-CH or en_US; "" for no locale, and where it is another than comma and
    point. Raises ValueError for what is no locale."""
    from babel import Locale, UnknownLocaleError

    if not locale:
        return ""
    try:
        known = Locale.parse(locale[:LONGEST].replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise ValueError(f"{locale[:100]!r} is no locale, such as ko-KR or de") from error
    mark = known.number_symbols.get("latn", {}).get("decimal", "")
    return mark if mark in (".", ",") else ""
