"""What people read: texts in their language, dates and numbers as it writes them, times as the clock goes where they are.

Message ids are English; a language's catalogue is `locale/<language>/LC_MESSAGES/messa.po`, kept by `scripts/catalogues.py` and read in
memory. Values are always interpolated, as Jinja's newstyle gettext does it: `%(name)s` in the id, `name=` beside it, and `%%` for a
percent sign.
"""

from __future__ import annotations

import gettext as catalogues
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel.core import Locale
from babel.dates import format_date
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal
from jinja2 import Environment, pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from messa_platform.core.clock import STOCKHOLM, zone_called
from messa_platform.core.site import SiteSettings

LANGUAGES = ("sv", "en")
"""What we speak; the first with whom we know nothing of."""
DEFAULT = LANGUAGES[0]
COOKIE = "messa_language"
"""Keeps the language that a visitor chose. It ends with the browser, as nothing is to stay on a shared computer (spec I2)."""
PARAMETER = "lang"

_LOCALES = {"sv": Locale("sv", "SE"), "en": Locale("en", "GB")}
# babel leaves no space between a currency's code and the amount, which CLDR wants there (UTS 35, currencySpacing)
_MONEY = {"sv": None, "en": "¤¤\N{NO-BREAK SPACE}#,##0.00"}
_UNIT_PRICE = {"sv": "#,##0.00####\N{NO-BREAK SPACE}¤", "en": "¤¤\N{NO-BREAK SPACE}#,##0.00####"}
_FOLDER = Path(__file__).parents[1] / "locale"


def msgid(message: str) -> str:
    """Mark a text of a table for the catalogue; who shows it calls `gettext` on it. Gives it as it is."""
    return message


@dataclass(frozen=True, slots=True)
class Speech:
    """One language: its texts and its way of writing dates and numbers. Times are told as the clock goes in `zone`."""

    language: str
    locale: Locale
    translations: catalogues.NullTranslations
    zone: ZoneInfo = STOCKHOLM

    def day(self, at: datetime) -> date:
        """The calendar day at an instant."""
        return at.astimezone(self.zone).date()

    def _day(self, at: datetime | date) -> date:
        return self.day(at) if isinstance(at, datetime) else at

    def gettext(self, message: str, /, **values: Any) -> str:
        """A text, with its values in it; what no catalogue has is given as it is."""
        return self.translations.gettext(message) % values

    def ngettext(self, one: str, many: str, n: int, /, **values: Any) -> str:
        """A text for `n` of something. `%(num)s` is the number as this language writes it."""
        return self.translations.ngettext(one, many, n) % {"num": self.number(n), **values}

    def date(self, at: datetime | date) -> str:
        """The day: "3 oktober 2026". A time counts as its day here."""
        return format_date(self._day(at), "long", self.locale)

    def clock(self, at: datetime) -> str:
        """The time of day: "14:07"."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def moment(self, at: datetime, now: datetime) -> str:
        """A time as people say it at `now`: "14:07" of today, "i går 14:07", "3 okt. 14:07" of this year, else with its year."""
        day, today, time = self._day(at), self._day(now), self.clock(at)
        match (day - today).days:
            case 0:
                return time
            case -1:
                return self.gettext("yesterday %(time)s", time=time)
            case 1:
                return self.gettext("tomorrow %(time)s", time=time)
        return f"{format_date(day, 'd MMM' if day.year == today.year else 'd MMM y', self.locale)} {time}"

    def when(self, at: datetime, now: datetime) -> str:
        """The same where a bare time of day would leave one asking which day: "i dag 14:07"."""
        said = self.moment(at, now)
        return self.gettext("today %(time)s", time=said) if self._day(at) == self._day(now) else said

    def number(self, n: int | Decimal) -> str:
        """A number: "12 500"."""
        return format_decimal(n, locale=self.locale)

    def money(self, amount: Decimal) -> str:
        """Kronor with öre: "1 234,50 kr", "SEK 1,234.50"."""
        return format_currency(amount, "SEK", _MONEY[self.language], locale=self.locale)

    def unit_price(self, amount: Decimal) -> str:
        """What one of something costs, to the millionth where that is not nought: "0,35 kr", "SEK 0.345001"."""
        pattern = _UNIT_PRICE[self.language]
        return format_currency(amount, "SEK", pattern, locale=self.locale, currency_digits=False)


@cache
def speech(language: str) -> Speech:
    """How we speak one of `LANGUAGES`. Raises KeyError for another."""
    return Speech(language, _LOCALES[language], _translations(language))


def speech_in(language: str, time_zone: str) -> Speech:
    """How we speak a language to somebody whose clock goes as in the IANA zone `time_zone`: in mails, which no request is behind (spec W1)."""
    return replace(speech(language), zone=zone_called(time_zone))


def _translations(language: str) -> catalogues.NullTranslations:
    if language == "en":  # the ids themselves
        return catalogues.NullTranslations()
    with (_FOLDER / language / "LC_MESSAGES" / "messa.po").open("rb") as file:
        catalogue = read_po(file, locale=language, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return catalogues.GNUTranslations(compiled)


def spoken(language: str | None) -> str:
    """The language that we speak with somebody who wants `language`."""
    return language if language in LANGUAGES else DEFAULT


def wished(request: Request) -> str:
    """The language that a visitor's browser asks for: by the address, its cookie, or its settings.

    Asks no database: a page that says that something is broken sets `request.locale_name` to it before it speaks.
    """
    return _asked_by_address(request) or _kept(request) or _set_in_browser(request)


def _asked_by_address(request: Request) -> str | None:
    try:
        asked = request.GET.get(PARAMETER)
    except UnicodeDecodeError:  # a query that is no UTF-8 asks for nothing
        return None
    return asked if asked in LANGUAGES else None


def _kept(request: Request) -> str | None:
    kept = request.cookies.get(COOKIE)
    return kept if kept in LANGUAGES else None


def _set_in_browser(request: Request) -> str:
    """The first of our languages that the browser lists. Who lists others only, and be it Norwegian, gets English."""
    listed = sorted(request.accept_language.parsed or (), key=lambda entry: -float(entry[1]))
    ranges = [name.lower().partition("-")[0] for name, weight in listed if float(weight) > 0]
    if not ranges or ranges[0] == "*":
        return DEFAULT
    return next((name for name in ranges if name in LANGUAGES), "en")


def negotiate(request: Request) -> str:
    """The language of a request: that of who is signed in, else what the browser asks for."""
    chosen = getattr(request.identity, "language", None)
    return chosen if chosen in LANGUAGES else wished(request)


def keep(response: Response, request: Request, language: str) -> None:
    """Have the browser keep the language that its visitor chose."""
    site = request.registry["messa.runtime"].settings[SiteSettings]
    response.set_cookie(COOKIE, language, secure=site.is_https, httponly=True, samesite="Lax")


def _request_speech(request: Request) -> Speech:
    zone = getattr(request.identity, "time_zone", None)
    spoken_here = speech(request.locale_name)
    if zone:
        spoken_here = replace(spoken_here, zone=zone_called(zone))
    request.add_response_callback(_tell_language)
    return spoken_here


def _tell_language(request: Request, response: Response) -> None:
    """Say which language a page has that spoke one, and on what that depended; keep what its visitor chose."""
    response.content_language = request.speech.language
    response.vary = sorted({*(response.vary or ()), "Accept-Language", "Cookie"})
    asked = _asked_by_address(request)
    if asked is not None and asked == request.speech.language != _kept(request):
        keep(response, request, asked)


def includeme(config: Configurator) -> None:
    """Give requests `locale_name` and `speech`."""
    config.set_locale_negotiator(negotiate)
    config.add_request_method(_request_speech, "speech", reify=True)


def install(environment: Environment) -> None:
    """Give templates `_`, `gettext`, `ngettext`, `{% trans %}` and the filters `date`, `clock`, `moment`, `when`, `number`, `money` and
    `unit_price`.

    They speak as the template's variable `speech`, else as its `request`; whoever imports macros that use them imports "with context".
    Values are escaped where the template escapes; the translations themselves are taken for HTML there, as the template around them.
    """
    environment.add_extension("jinja2.ext.i18n")
    # A sentence may run over several lines of a template.
    environment.policies["ext.i18n.trimmed"] = True
    # Newstyle: {% trans %} hands its values on. The functions are our own, since Jinja's would write numbers as Python does.
    environment.newstyle_gettext = True  # type: ignore[attr-defined]
    environment.globals.update(gettext=_template_gettext, ngettext=_template_ngettext)
    environment.filters.update(_FILTERS)


def _speech_of(context: Context) -> Speech:
    found = context.get("speech") or getattr(context.get("request"), "speech", None)
    if not isinstance(found, Speech):
        raise LookupError(
            f"{context.name}: neither `speech` nor `request` is known here; import the macros `with context`"
        )
    return found


def _interpolated(context: Context, text: str, values: dict[str, Any]) -> str:
    # Markup escapes what is put into it.
    return (Markup(text) if context.eval_ctx.autoescape else text) % values  # noqa: S704


@pass_context
def _template_gettext(context: Context, message: str, /, **values: Any) -> str:
    return _interpolated(context, _speech_of(context).translations.gettext(message), values)


@pass_context
def _template_ngettext(context: Context, one: str, many: str, n: int, /, **values: Any) -> str:
    said = _speech_of(context)
    text = said.translations.ngettext(one, many, n)
    return _interpolated(context, text, {"num": said.number(n), **values})


@pass_context
def _date(context: Context, at: datetime | date) -> str:
    return _speech_of(context).date(at)


@pass_context
def _clock(context: Context, at: datetime) -> str:
    return _speech_of(context).clock(at)


def _now(context: Context) -> datetime:
    """The template's variable `now`, else what the request's process takes for now."""
    now: datetime = context.get("now") or context["request"].registry["messa.runtime"].clock.now()
    return now


@pass_context
def _moment(context: Context, at: datetime, now: datetime | None = None) -> str:
    return _speech_of(context).moment(at, now or _now(context))


@pass_context
def _when(context: Context, at: datetime) -> str:
    return _speech_of(context).when(at, _now(context))


@pass_context
def _number(context: Context, n: int | Decimal) -> str:
    return _speech_of(context).number(n)


@pass_context
def _money(context: Context, amount: Decimal) -> str:
    return _speech_of(context).money(amount)


@pass_context
def _unit_price(context: Context, amount: Decimal) -> str:
    return _speech_of(context).unit_price(amount)


_FILTERS = {
    "date": _date,
    "clock": _clock,
    "moment": _moment,
    "when": _when,
    "number": _number,
    "money": _money,
    "unit_price": _unit_price,
}
