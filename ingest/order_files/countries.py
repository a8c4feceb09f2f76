"""Countries as shops' files name them, as the codes of ISO 3166."""

from functools import lru_cache

from ingest.files.columns import plain

_LANGUAGES = ("en", "ko", "de", "fr", "es", "it", "nl", "pt", "ja")
_OTHERS = {
    "uk": "GB", "greatbritain": "GB", "england": "GB", "eire": "IE", "usa": "US", "unitedstatesofamerica": "US",
    "us": "US", "rsa": "ZA", "korea": "KR", "republicofkorea": "KR", "korearepublicof": "KR", "southkorea": "KR",
    "한국": "KR", "holland": "NL", "czechrepublic": "CZ", "russianfederation": "RU", "viet nam": "VN", "uae": "AE",
}  # fmt: skip


@lru_cache(maxsize=10_000)
def country_code(name: str) -> str:
    """The code of a country's name or code; "" for one that is not known, such as European Community."""
    if len(name) == 2 and name.upper() in _names().values():
        return name.upper()
    return _names().get(plain(name), "")


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Plain name → code, English before the others."""
    from babel import Locale

    found: dict[str, str] = {}
    for language in _LANGUAGES:
        for code, name in Locale(language).territories.items():
            if len(code) == 2 and code.isalpha() and code not in ("EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"):
                found.setdefault(plain(name), code)
    return {**found, **_OTHERS}
