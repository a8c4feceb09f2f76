"""An amount as a shop writes it is read as it is meant, or not at all and with a reason; never as another amount."""

import random
from decimal import Decimal
from typing import get_args

import pytest
from babel import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_decimal
from hypothesis import given, settings
from hypothesis import strategies as some

from tracker import currencies
from tracker.money import LIMIT, LONGEST, UNIT, Mark, Reason, money

_LOCALES = """en_US en_GB en_IN en_ZA de_DE de_CH de_AT fr_FR fr_CH fr_CA es_ES es_MX it_IT pt_BR pt_PT nl_NL pl_PL
cs_CZ hu_HU sv_SE nb_NO da_DK fi_FI is_IS ru_RU uk_UA tr_TR he_IL ar_EG ar_AE fa_IR hi_IN bn_BD ko_KR ja_JP zh_CN zh_TW
th_TH vi_VN id_ID lt_LT lv_LV et_EE bg_BG ro_RO el_GR sl_SI hr_HR"""
LOCALES = _LOCALES.split()
_MONEY = "EUR USD GBP KRW JPY CHF SEK PLN INR BRL VND KWD CZK TRY AUD CLP HUF ISK TWD"
MONEY = _MONEY.split()


@pytest.mark.parametrize(
    ("value", "currency", "mark", "amount", "names"),
    [
        (12900, "KRW", "", "12900", ""),
        (49.9, "EUR", "", "49.9", ""),
        (0.1 + 0.2, "EUR", "", "0.3", ""),
        (1.5e3, "", "", "1500", ""),
        (-0.0, "", "", "0", ""),
        (Decimal("1.00005"), "", "", "1", ""),
        (12900.5, "KRW", "", "12900.5", ""),
        ("12,900", "KRW", "", "12900", ""),
        ("12.900", "KRW", "", "12900", ""),
        ("12.900", "KRW", ".", "12900", ""),
        ("12900.00", "KRW", "", "12900", ""),
        ("12,900", "USD", ".", "12900", ""),
        ("12,900", "EUR", ",", "12.9", ""),
        ("1.234", "EUR", ",", "1234", ""),
        ("1.234", "EUR", ".", "1.234", ""),
        ("₩12,900", "EUR", "", "12900", "KRW"),
        ("￦12,900", "EUR", "", "12900", "KRW"),
        ("12900원", "KRW", "", "12900", "KRW"),
        ("１２，９００円", "KRW", "", "12900", "JPY"),
        ("1.234,56", "EUR", "", "1234.56", ""),
        ("1.234,56", "USD", ".", "1234.56", ""),
        ("1,299.00", "EUR", ",", "1299", ""),
        ("1.299,-", "EUR", "", "1299", ""),
        ("1,299.- CHF", "EUR", "", "1299", "CHF"),
        ("1.234.567", "EUR", "", "1234567", ""),
        ("49.90 USD", "EUR", "", "49.9", "USD"),
        ("19.99 eur", "USD", "", "19.99", "EUR"),
        ("12,50", "EUR", ".", "12.5", ""),
        ("€ 12,50", "KRW", "", "12.5", "EUR"),
        ("(5.00)", "EUR", "", "-5", ""),
        ("(€5.00)", "EUR", "", "-5", "EUR"),
        ("-5,00", "EUR", "", "-5", ""),
        ("\u22125,00 €", "EUR", "", "-5", "EUR"),
        ("5.00-", "EUR", "", "-5", ""),
        ("$-5.00", "USD", "", "-5", "USD"),
        ("-$5.00", "USD", "", "-5", "USD"),
        ("+5", "EUR", "", "5", ""),
        ("1 234,56 €", "EUR", "", "1234.56", "EUR"),
        ("1\u202f234,56\u00a0€", "EUR", "", "1234.56", "EUR"),
        ("12 900", "EUR", "", "12900", ""),
        ("1'234.50 CHF", "EUR", "", "1234.5", "CHF"),
        ("1’234.50", "CHF", "", "1234.5", ""),
        ("12,34,567.50", "INR", "", "1234567.5", ""),
        ("12,34,567", "INR", "", "1234567", ""),
        ("R$ 1.234,50", "BRL", "", "1234.5", "BRL"),
        ("US$5", "KRW", "", "5", "USD"),
        ("$5", "AUD", "", "5", "AUD"),
        ("USD $49.90", "EUR", "", "49.9", "USD"),
        ("5 kr", "SEK", "", "5", "SEK"),
        ("5,00 kr.", "DKK", "", "5", "DKK"),
        ("¥500", "CNY", "", "500", "CNY"),
        ("19,99 zł", "PLN", "", "19.99", "PLN"),
        ("Rs.500", "INR", "", "500", "INR"),
        ("500 F CFA", "XOF", "", "500", "XOF"),
        ("49.90 euros", "EUR", "", "49.9", "EUR"),
        ("$.50", "USD", "", "0.5", "USD"),
        ("0,900", "EUR", ".", "0.9", ""),
        ("0.900", "EUR", ",", "0.9", ""),
        ("1234,567", "EUR", ".", "1234.567", ""),
        ("12,-", "EUR", "", "12", ""),
        ("12.– CHF", "CHF", "", "12", "CHF"),
        ("49.9000", "EUR", ",", "49.9", ""),
        ("1.5e3", "EUR", "", "1500", ""),
        ("1e+07", "KRW", "", "10000000", ""),
        ("١٬٢٣٤٫٥٠", "EGP", "", "1234.5", ""),
        ("  7 ", "EUR", "", "7", ""),
        ("007", "EUR", "", "7", ""),
    ],
)
def test_an_amount_is_read_as_it_is_meant(
    value: object, currency: str, mark: Mark, amount: str, names: str
) -> None:
    assert money(value, currency, mark) == (Decimal(amount), names, "")


@pytest.mark.parametrize(
    ("value", "currency", "mark", "reason"),
    [
        (None, "EUR", "", "missing"),
        ("", "EUR", "", "missing"),
        (" \u00a0", "EUR", "", "missing"),
        (True, "EUR", "", "unreadable"),
        ([1], "EUR", "", "unreadable"),
        (float("nan"), "EUR", "", "unreadable"),
        (float("inf"), "EUR", "", "too_large"),
        (Decimal("-Infinity"), "EUR", "", "too_large"),
        ("-Infinity", "EUR", "", "too_large"),
        ("NaN", "EUR", "", "unreadable"),
        ("free", "EUR", "", "unreadable"),
        ("1,234", "EUR", "", "ambiguous"),
        ("1.234 €", "KRW", "", "ambiguous"),
        ("12.900", "KWD", "", "ambiguous"),
        ("12.90", "KRW", "", "decimals"),
        ("₩12,900.50", "EUR", "", "decimals"),
        ("$5", "EUR", "", "currency"),
        ("5 kr", "EUR", "", "currency"),
        ("¥500", "EUR", "", "currency"),
        ("€5 USD", "EUR", "", "currency"),
        ("5 Taler", "EUR", "", "currency"),
        ("12.5 kg", "EUR", "", "currency"),
        ("12 pen", "EUR", "", "currency"),
        ("1.5 L", "EUR", "", "currency"),
        ("1만 2천원", "KRW", "", "currency"),
        ("99 cents", "USD", "", "currency"),
        ("5%", "EUR", "", "unreadable"),
        ("100+", "EUR", "", "unreadable"),
        ("--5", "EUR", "", "unreadable"),
        ("-(5)", "EUR", "", "unreadable"),
        ("(5", "EUR", "", "unreadable"),
        ("12-15", "EUR", "", "unreadable"),
        ("12.90 (13.90)", "EUR", "", "unreadable"),
        ("19⁹⁹", "EUR", "", "unreadable"),
        ("12€50", "EUR", "", "unreadable"),
        ("30.11.2026", "EUR", "", "unreadable"),
        ("1.23.4", "EUR", "", "unreadable"),
        ("12 34", "EUR", "", "unreadable"),
        ("0,123,456", "EUR", "", "unreadable"),
        ("1 234'567", "EUR", "", "unreadable"),
        ("5_", "EUR", "", "unreadable"),
        ("0x10", "EUR", "", "unreadable"),
        (10**400, "EUR", "", "too_large"),
        (1e12, "EUR", "", "too_large"),
        ("1e999", "EUR", "", "too_large"),
        ("9" * LONGEST, "EUR", "", "too_large"),
        ("999999999999.99999", "EUR", "", "too_large"),
        (0.00001, "EUR", "", "too_small"),
        ("1e-999", "EUR", "", "too_small"),
        ("1" + " " * LONGEST, "EUR", "", "too_long"),
    ],
)
def test_what_cannot_be_read_has_a_reason_and_no_amount(
    value: object, currency: str, mark: Mark, reason: str
) -> None:
    read = money(value, currency, mark)
    assert (read.amount, read.reason) == (None, reason)


AMOUNTS = some.decimals(-(10**9), 10**9, places=2, allow_nan=False, allow_infinity=False)


def decimal_mark_of(locale: str) -> Mark:
    sign = Locale.parse(locale).number_symbols["latn"]["decimal"]
    return "," if sign == "," else "."


@settings(max_examples=1500, deadline=None)
@given(
    AMOUNTS,
    some.sampled_from(LOCALES),
    some.sampled_from(MONEY),
    some.sampled_from(["", *MONEY]),
    some.booleans(),
    some.sampled_from(["latn", "default"]),
)
def test_a_formatted_amount_is_read_as_it_was_or_not_at_all(
    amount: Decimal, locale: str, currency: str, expected: str, known: bool, system: str
) -> None:
    """Whatever the site's settings are, there is no other amount; with the right ones there is this one."""
    places = 0 if currency in currencies.WITHOUT_DECIMALS else 3 if currency == "KWD" else 2
    written = format_currency(amount, currency, locale=locale, numbering_system=system)
    shown = amount.quantize(Decimal(1).scaleb(-places), rounding="ROUND_HALF_EVEN")
    read = money(written, expected, decimal_mark_of(locale) if known else "")
    assert read.amount in (None, shown), written
    if read.amount is None and known and expected == currency:
        assert read.reason == "currency", written  # a word that we do not know


@settings(max_examples=500, deadline=None)
@given(AMOUNTS, some.sampled_from(LOCALES), some.sampled_from(["latn", "default"]))
def test_numbers_of_every_locale_are_read(amount: Decimal, locale: str, system: str) -> None:
    written = format_decimal(amount, locale=locale, numbering_system=system, format="#,##0.00")
    assert money(written, "EUR", decimal_mark_of(locale)).amount == amount
    assert money(written, "EUR").amount == amount  # two decimals leave no doubt


@settings(max_examples=500)
@given(some.floats() | some.integers() | some.decimals())
def test_a_number_is_itself_to_a_ten_thousandth(number: float | int | Decimal) -> None:
    read = money(number)
    if read.amount is None:
        exact = Decimal(number)
        assert exact.is_nan() or abs(exact) > LIMIT - 1 or 0 < abs(exact) <= UNIT / 2
    else:
        assert abs(read.amount - Decimal(number)) <= UNIT / 2
        assert money(str(read.amount)) == money(read.amount) == read


@settings(max_examples=1000)
@given(
    some.text(some.sampled_from("0123456789.,'-+() eE$€₩kr원円\u00a0\u202f٫٬１²½") | some.characters()),
    some.sampled_from(["", "EUR", "KRW"]),
    some.sampled_from(get_args(Mark)),
)
def test_any_text_has_an_amount_or_a_reason(text: str, currency: str, mark: Mark) -> None:
    read = money(text, currency, mark)
    assert (read.amount is None) == bool(read.reason)
    assert read.reason in get_args(Reason) and read.currency in ({""} | currencies.CODES)
    assert read.amount is None or abs(read.amount) < LIMIT


def test_long_text_is_not_looked_at() -> None:
    chosen = random.Random(1)
    for _ in range(50):
        text = "".join(chosen.choices("1,. '-()€", k=1_000_000))
        assert money(text).reason == "too_long"


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("usd", "USD"),
        (" EUR ", "EUR"),
        ("euros", ""),
        ("EURO", ""),
        ("€", ""),
        ("XXX", ""),
        (978, ""),
        ("", ""),
    ],
)
def test_a_currency_is_a_code_of_iso_4217(given: object, code: str) -> None:
    assert currencies.iso_code(given) == code


def test_babel_knows_every_currency() -> None:
    with pytest.raises(UnknownLocaleError):
        Locale.parse("xx_XX")
    known = set(Locale("en").currencies)
    assert known >= currencies.CODES and currencies.WITHOUT_DECIMALS <= currencies.CODES
    assert all(currencies.candidates(code) == {code} for code in currencies.CODES)
