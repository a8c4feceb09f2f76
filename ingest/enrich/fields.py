"""The values of one event's fields, as exact as they were sent; what is lost of them is noted."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from tracker.admission.placeholder_ids import placeholder
from tracker.currencies import UNKNOWN, iso_code
from tracker.fields.exact_ids import ID_CHARACTERS, exact_id
from tracker.fields.exchange_rates import rate
from tracker.fields.losses import Loss, loss
from tracker.money import LIMIT, Money, money
from tracker.sites import Site

TEXT_CHARACTERS = 200


class FieldReader:
    """Reads the fields of one event of a site. What cannot be read, or loses something, is noted in ``losses``.

    ``currency`` is what the event's amounts are in unless one names another; ``told``: whether the event says so.
    """

    __slots__ = ("_ts", "currency", "losses", "site", "told")

    def __init__(self, site: Site, ts: int, currency: object = None) -> None:
        self.site, self._ts = site, ts
        self.losses: list[Loss] = []
        self.told = currency is not None and currency != ""
        self.currency = iso_code(currency) or UNKNOWN if self.told else site.currency
        if self.currency == UNKNOWN:
            self.lose("currency", "not_iso", currency)

    def lose(self, field: str, reason: str, value: object = "") -> None:
        self.losses.append(loss(field, reason, value))

    def amount(self, field: str, value: object) -> Money:
        """An amount of money, in ``currency`` unless it names another."""
        read = money(value, self.currency, self.site.decimal_mark)
        if read.amount is None and read.reason != "missing":
            self.lose(field, read.reason, value)
        return read

    def number(self, field: str, value: object) -> float | None:
        """A number that is no money, such as a quantity."""
        if (plain := _plain(value)) is not None:
            return plain
        read = money(value, "", self.site.decimal_mark)
        reason = "unreadable" if read.currency else read.reason
        if reason and reason != "missing":
            self.lose(field, reason, value)
        return None if read.amount is None or reason else float(read.amount)

    def price(self, value: object) -> float | None:
        """A price per unit in ``currency``. Of an event that tells no currency, the first price may name it."""
        if (plain := _plain(value)) is not None:
            return plain
        read = self.amount("price", value)
        if read.amount is None:
            return None
        if not self.told:
            self.told, self.currency = bool(read.currency), read.currency or self.currency
        if read.currency and read.currency != self.currency:
            self.lose("price", "contradiction", value)
            return None
        return float(read.amount)

    def id(self, field: str, value: object, no_id: Callable[[str], bool] = placeholder) -> str:
        """An exact id; "" where there is none, and for a placeholder such as "undefined" (``no_id``)."""
        if type(value) is str and len(value) <= ID_CHARACTERS:  # as nearly all are
            text, reason = value.strip(), ""
        else:
            text, reason = exact_id(value)
        if text and no_id(text):
            text, reason = "", "placeholder"
        if reason and reason != "missing":
            self.lose(field, reason, value)
        return text

    def text(self, field: str, value: object) -> str:
        """A text of at most TEXT_CHARACTERS, or a number as one."""
        if not isinstance(value, str):
            return exact_id(value)[0]
        if len(text := value.strip()) > TEXT_CHARACTERS:
            self.lose(field, "cut", text)
        return text[:TEXT_CHARACTERS]

    def rate(self) -> Decimal | None:
        """What one unit of ``currency`` is worth in the site's on the day of the event; None where nobody knows."""
        if self.currency == self.site.currency:
            return Decimal(1)
        dated = self.site.rates
        return rate(dated, self.currency, _day(self._ts, self.site.zone)) if dated else None


def _plain(value: object) -> float | None:
    """A number of at most two decimals, which is most of them, without a detour."""
    if type(value) is int:
        return float(value) if -LIMIT < value < LIMIT else None
    if type(value) is float and -LIMIT < value < LIMIT and value == round(value, 2):
        return value + 0.0  # and not -0.0
    return None


def _day(ts: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(ts / 1000, zone).date().isoformat()
