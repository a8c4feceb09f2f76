"""The desk's languages: which one this request speaks, its catalog, and how it writes numbers and dates.

Texts are written in English where they are shown, as ``_("…")``; their Korean stands in ``translations/ko.po``,
which is compiled when the process starts.
"""

import io
from functools import cache
from pathlib import Path
from typing import cast

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, request
from flask_babel import Babel, Domain, get_locale  # type: ignore[import-untyped]
from flask_babel import gettext as _gettext
from flask_babel import lazy_gettext as _lazy_gettext
from flask_babel import ngettext as _ngettext
from werkzeug import Response

from tracker.durations import DAY_SECONDS

FOLDER = Path(__file__).parent / "translations"
LOCALES = {"en": Locale("en", "GB"), "ko": Locale("ko", "KR")}
NAMES = {"en": "English", "ko": "한국어"}
COOKIE = "dangol_language"
COOKIE_SECONDS = 365 * DAY_SECONDS


@cache
def catalog(language: str) -> NullTranslations:
    """What ``language`` says for each English text; nothing for English itself. Raises FileNotFoundError: a page
    that says it is Korean speaks Korean."""
    if language == "en":
        return NullTranslations()
    with (FOLDER / f"{language}.po").open("rb") as source:
        messages = read_po(source, locale=language)
    compiled = io.BytesIO()
    write_mo(compiled, messages)
    compiled.seek(0)
    return Translations(compiled)


def gettext(text: str, **values: object) -> str:
    """``text`` in the language of this request, with its %(name)s filled in."""
    return str(_gettext(text, **values))


def ngettext(one: str, many: str, number: int, **values: object) -> str:
    """The same of a text that depends on a number."""
    return str(_ngettext(one, many, number, **values))


def lazy_gettext(text: str) -> str:
    """The same for constants: translated each time it is shown. ``str`` makes a real text of it."""
    return cast(str, _lazy_gettext(text))


class _Catalogs(Domain):  # type: ignore[misc]  # Flask-Babel is untyped
    def get_translations(self) -> NullTranslations:
        return catalog(language())


class _Languages(Babel):  # type: ignore[misc]
    @property
    def domain_instance(self) -> Domain:
        return _Catalogs()


def locale() -> Locale:
    """How this request writes numbers and dates; English outside of one."""
    return cast(Locale | None, get_locale()) or LOCALES["en"]


def language() -> str:
    """``en`` or ``ko``."""
    return str(locale().language)


def register_language(app: Flask) -> None:
    """Each request speaks the language of the switch, else the best that the browser asks for."""
    _Languages(app, locale_selector=lambda: str(LOCALES[_chosen()]))
    app.jinja_env.globals.update(language=language, languages=NAMES)


def remember(response: Response, chosen: str) -> None:
    """Keep what the switch was set to. Raises KeyError for a language that is none of ours."""
    value = {name: name for name in LOCALES}[chosen]
    response.set_cookie(
        COOKIE,
        value,
        max_age=COOKIE_SECONDS,
        path="/desk",
        secure=request.is_secure,
        httponly=True,
        samesite="Lax",
    )


def _chosen() -> str:
    switched = request.cookies.get(COOKIE, "")
    return switched if switched in LOCALES else request.accept_languages.best_match(LOCALES, "en") or "en"
