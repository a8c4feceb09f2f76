"""Currencies: the codes of ISO 4217, which of them have no decimals, and the signs and words that name them."""

_CODES = """AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF
CHF CLF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG
HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK
MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD
SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UYW UZS VED VES
VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"""
CODES = frozenset(_CODES.split())
"""The currencies that are money today."""
UNKNOWN = "XXX"
"""ISO 4217's code for "no currency": of amounts whose currency cannot be read, which are added to no other."""
_WITHOUT_DECIMALS = "BIF CLP DJF GNF ISK JPY KMF KPW KRW PYG RWF UGX VND VUV XAF XOF XPF"
WITHOUT_DECIMALS = frozenset(_WITHOUT_DECIMALS.split())
"""An amount of these is a whole number."""
_ENGLISH = {"ALL", "BAM", "COP", "CUP", "GEL", "MOP", "PEN", "TOP", "TRY"}
"""Words of another meaning in small letters."""

_DOLLARS = """USD AUD CAD NZD HKD SGD TWD MXN ARS CLP COP BBD BMD BND BSD BZD CUP DOP FJD GYD JMD KYD LRD NAD SBD SRD
TTD UYU XCD"""
_SIGNS = {
    _DOLLARS: "$ dollar dollars",
    "USD": "us$ u$s 달러", "AUD": "a$ au$", "CAD": "c$ ca$", "NZD": "nz$", "HKD": "hk$", "SGD": "s$ sg$", "TWD": "nt$",
    "MXN": "mx$", "ARS": "ar$", "CLP": "clp$", "COP": "co$", "DOP": "rd$", "BRL": "r$",
    "EUR": "€ euro euros 유로", "GBP": "gb£", "GBP EGP FKP GIP LBP SDG SHP SSP SYP": "£", "EGP": "e£",
    "KRW KPW": "₩ 원 won", "JPY": "円 yen 엔 jp¥", "JPY CNY": "¥", "CNY": "圆 rmb yuan cn¥ 위안",
    "CNY TWD HKD": "元 圓",
    "SEK NOK DKK ISK": "kr kr.", "SEK": "skr", "NOK": "nkr", "DKK": "dkr",
    "CHF XAF XOF XPF BIF CDF DJF GNF KMF RWF": "fr fr.", "CHF": "sfr sfr.", "XOF XAF": "fcfa cfa",
    "PLN": "zł zł. zl", "CZK": "kč", "HUF XXX": "ft ft.", "RON MDL": "lei", "BGN": "лв лв.", "RSD": "din din. дин.",
    "RUB": "₽", "RUB BYN": "руб руб. р.", "UAH": "₴ грн грн.", "KZT": "₸", "AZN": "₼", "GEL": "₾", "MKD": "ден ден.",
    "TRY": "₺ tl", "ILS": "₪", "INR": "₹", "INR PKR LKR NPR MUR SCR": "rs rs. ₨", "BDT": "৳", "VND": "₫ đ đồng",
    "THB": "฿ บาท", "IDR": "rp rp.", "MYR XXX": "rm", "PHP CUP": "₱", "KHR": "៛", "LAK": "₭", "MNT": "₮",
    "ZAR XXX": "r", "NGN": "₦", "GHS": "₵ gh₵", "KES": "ksh ksh.", "CRC": "₡", "PYG": "₲", "PEN": "s/ s/.",
    "PAB": "b/.",
    "GTQ XXX": "q", "BOB VES": "bs bs.", "HNL XXX": "l",
    "SAR": "ر.س ر.س.", "AED": "د.إ د.إ.", "KWD": "د.ك د.ك.", "IRR SAR QAR OMR YER": "﷼",
}  # fmt: skip
"""Signs and words by what they can mean. XXX: something else, too, unless the currency is expected, as l: litres."""
_USUAL = {"£": "GBP", "₩": "KRW", "원": "KRW", "won": "KRW", "₱": "PHP"}
"""What a sign of several currencies means unless another of them is expected; of other signs nobody can tell."""

_NAMED = {sign: frozenset(codes.split()) for codes, signs in _SIGNS.items() for sign in signs.split()}
_NAMED |= {code: frozenset((code,)) for code in CODES}
_NAMED |= {code.lower(): frozenset((code,)) for code in CODES - _ENGLISH}


def iso_code(value: object) -> str:
    """The ISO 4217 code that ``value`` is, in either case; "" for anything else, such as "euros" or "EURO"."""
    given = value.strip().upper() if isinstance(value, str) and len(value) <= 40 else ""
    return given if given in CODES else ""


def candidates(word: str) -> frozenset[str]:
    """The currencies that a code, sign or word can mean; none where it names no currency."""
    return _NAMED.get(word) or _NAMED.get(word.lower()) or frozenset()


def meant(words: list[str], expected: str) -> str | None:
    """The one currency that all ``words`` name ("" without words) where ``expected`` is likely; None where they name
    none, several, or contradict each other."""
    if not words:
        return ""
    possible = frozenset.intersection(*map(candidates, words))
    if len(possible) == 1:
        return next(iter(possible))
    if expected in possible:
        return expected
    usual = {_USUAL[word] for word in map(str.lower, words) if word in _USUAL} & possible
    return usual.pop() if len(usual) == 1 else None
