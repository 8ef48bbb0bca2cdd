"""Languages: which one a visitor gets, and what it says."""

from __future__ import annotations

import gettext
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from babel.core import Locale
from jinja2 import DictLoader, Environment, StrictUndefined
from markupsafe import Markup
from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response
from webtest import TestApp

from messa_platform.core import i18n
from messa_platform.core.i18n import COOKIE, LANGUAGES, Speech, install, speech, spoken
from messa_platform.core.site import SiteSettings

NOW = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)  # 21:00 in Stockholm, in winter
SV, EN = speech("sv"), speech("en")


class Few(gettext.NullTranslations):
    """A catalogue of two entries."""

    def gettext(self, message: str) -> str:
        return {"<b>Hello</b> %(name)s": "<b>Hej</b> %(name)s"}.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return "%(num)s sak" if n == 1 else "%(num)s saker"


FEW = Speech("sv", Locale("sv", "SE"), Few())


@pytest.mark.parametrize(
    ("at", "swedish", "english"),
    [
        (NOW, "21:00", "21:00"),
        (NOW - timedelta(hours=20), "01:00", "01:00"),
        (NOW - timedelta(hours=22), "i går 23:00", "yesterday 23:00"),
        (NOW + timedelta(hours=11), "i morgon 08:00", "tomorrow 08:00"),
        (datetime(2026, 10, 3, 12, 7, tzinfo=UTC), "3 okt. 14:07", "3 Oct 14:07"),
        (datetime(2026, 5, 31, 22, 30, tzinfo=UTC), "1 juni 00:30", "1 Jun 00:30"),
        (datetime(2025, 12, 31, 22, 59, tzinfo=UTC), "31 dec. 2025 23:59", "31 Dec 2025 23:59"),
        (datetime(2027, 1, 7, 7, 0, tzinfo=UTC), "7 jan. 2027 08:00", "7 Jan 2027 08:00"),
    ],
)
def test_a_moment_is_told_as_people_in_stockholm_tell_it(at: datetime, swedish: str, english: str) -> None:
    assert (SV.moment(at, NOW), EN.moment(at, NOW)) == (swedish, english)


def test_the_clock_follows_summer_time() -> None:
    assert SV.clock(datetime(2026, 7, 1, 12, 7, tzinfo=UTC)) == "14:07"
    assert EN.clock(datetime(2026, 12, 1, 13, 7, tzinfo=UTC)) == "14:07"


def test_a_time_counts_as_its_day_in_stockholm_and_a_day_as_itself() -> None:
    late = datetime(2026, 10, 2, 22, 30, tzinfo=UTC)
    assert SV.date(late) == SV.date(date(2026, 10, 3)) == "3 oktober 2026"
    assert EN.date(late) == "3 October 2026"


def test_numbers_and_money_are_written_as_the_language_writes_them() -> None:
    assert SV.number(12500) == "12\N{NO-BREAK SPACE}500"
    assert EN.number(12500) == "12,500"
    assert SV.money(Decimal("1234.50")) == "1\N{NO-BREAK SPACE}234,50\N{NO-BREAK SPACE}kr"
    assert EN.money(Decimal("1234.50")) == "SEK\N{NO-BREAK SPACE}1,234.50"


def test_a_price_of_one_is_written_with_two_decimals_at_least_and_as_many_as_it_has() -> None:
    for amount, swedish, english in (
        ("0.350000", "0,35", "0.35"),
        ("0.345001", "0,345001", "0.345001"),
        ("0.000000", "0,00", "0.00"),
        ("0.000001", "0,000001", "0.000001"),
    ):
        assert SV.unit_price(Decimal(amount)) == f"{swedish}\N{NO-BREAK SPACE}kr"
        assert EN.unit_price(Decimal(amount)) == f"SEK\N{NO-BREAK SPACE}{english}"


def test_texts_come_from_the_catalogue_with_their_values() -> None:
    assert SV.gettext("yesterday %(time)s", time="14:07") == "i går 14:07"
    assert SV.gettext("of this nobody knows: 100 %%") == "of this nobody knows: 100 %"


def test_how_many_decides_on_the_form_and_the_number_is_written_as_the_language_writes_it() -> None:
    assert [EN.ngettext("%(num)s thing", "%(num)s things", n) for n in (0, 1, 1000)] == [
        "0 things",
        "1 thing",
        "1,000 things",
    ]
    assert FEW.ngettext("%(num)s thing", "%(num)s things", 1000) == "1\N{NO-BREAK SPACE}000 saker"
    assert EN.ngettext("%(num)s thing", "%(num)s things", 2, num="two") == "two things"


def test_a_language_is_read_once_and_an_unknown_one_is_spoken_to_in_swedish() -> None:
    assert speech("sv") is SV
    assert [spoken(language) for language in ("en", "sv", "fi", None)] == ["en", "sv", "sv", "sv"]


# templates


def rendered(source: str, autoescape: bool = True, **variables: Any) -> str:
    """What a template says that finds macros in `parts`."""
    parts = "{% macro greet(name) %}{{ _('<b>Hello</b> %(name)s', name=name) }}{% endmacro %}"
    environment = Environment(
        loader=DictLoader({"parts": parts}), autoescape=autoescape, undefined=StrictUndefined
    )
    install(environment)
    return environment.from_string(source).render(**variables)


REQUEST = SimpleNamespace(
    speech=FEW, registry={"messa.runtime": SimpleNamespace(clock=SimpleNamespace(now=lambda: NOW))}
)


def test_values_are_escaped_and_the_translators_tags_are_not() -> None:
    source = "{{ _('<b>Hello</b> %(name)s', name=who) }}"
    assert rendered(source, request=REQUEST, who="<i>") == "<b>Hej</b> &lt;i&gt;"
    assert rendered(source, request=REQUEST, who=Markup("<i>")) == "<b>Hej</b> <i>"
    assert rendered(source, speech=FEW, who="<i>", autoescape=False) == "<b>Hej</b> <i>"


def test_a_block_of_several_lines_is_one_sentence() -> None:
    source = "{% trans name=who %}\n  <b>Hello</b>\n  {{ name }}\n{% endtrans %}"
    assert rendered(source, request=REQUEST, who="<i>") == "<b>Hej</b> &lt;i&gt;"


def test_blocks_and_calls_choose_the_form_by_the_number() -> None:
    block = "{% trans num=n %}{{ num }} thing{% pluralize %}{{ num }} things{% endtrans %}"
    call = "{{ ngettext('%(num)s thing', '%(num)s things', n) }}"
    for source in (block, call):
        assert rendered(source, request=REQUEST, n=1) == "1 sak"
        assert rendered(source, request=REQUEST, n=2000) == "2\N{NO-BREAK SPACE}000 saker"


def test_a_percent_sign_in_a_block_is_one() -> None:
    assert rendered("{% trans %}25 % VAT{% endtrans %}", request=REQUEST) == "25 % VAT"


def test_filters_write_times_and_numbers() -> None:
    source = "{{ at|date }}, {{ at|clock }}, {{ at|moment }}, {{ 1200|number }}, {{ fee|money }}"
    at = NOW - timedelta(days=1)
    asked = SimpleNamespace(speech=SV, registry=REQUEST.registry)
    said = rendered(source, request=asked, at=at, fee=Decimal("0.79")).replace("\N{NO-BREAK SPACE}", " ")
    assert said == "21 november 2026, 21:00, i går 21:00, 1 200, 0,79 kr"


@pytest.mark.parametrize("source", ["{{ at|moment(now) }}", "{{ at|moment }}"])
def test_a_mail_speaks_without_a_request(source: str) -> None:
    at = NOW - timedelta(days=1)
    assert rendered(source, speech=EN, at=at, now=NOW) == "yesterday 21:00"


def test_macros_speak_where_they_are_imported_with_the_context() -> None:
    source = "{% from 'parts' import greet with context %}{{ greet('Åsa') }}"
    assert rendered(source, request=REQUEST) == "<b>Hej</b> Åsa"


def test_macros_without_the_context_say_what_they_lack() -> None:
    with pytest.raises(LookupError, match="with context"):
        rendered("{% from 'parts' import greet %}{{ greet('Åsa') }}", request=REQUEST)


# requests


class Policy:
    """Who sends the header `X-Signed-In` is signed in, with that language."""

    def identity(self, request: Request) -> Any:
        language = request.headers.get("X-Signed-In")
        return SimpleNamespace(language=language or None) if language is not None else None


def make_app(public_url: str = "http://messa.example") -> TestApp:
    config = Configurator()
    config.registry["messa.runtime"] = SimpleNamespace(
        settings={SiteSettings: SiteSettings(public_url=public_url)}
    )
    config.include(i18n)
    config.set_security_policy(Policy())
    config.add_view(lambda request: Response(request.speech.language), name="page")
    config.add_view(lambda request: Response("ok"), name="quiet")

    def vary(request: Request) -> Response:
        response = Response(request.locale_name + request.speech.language)
        response.vary = ["Accept"]
        return response

    config.add_view(vary, name="vary")
    return TestApp(config.make_wsgi_app())


@pytest.fixture(scope="module")
def app() -> TestApp:
    return make_app()


@pytest.mark.parametrize(
    ("listed", "language"),
    [
        (None, "sv"),
        ("", "sv"),
        ("*", "sv"),
        ("sv-SE,sv;q=0.9,en;q=0.8", "sv"),
        ("en-GB,en;q=0.9,sv;q=0.8", "en"),
        ("en;q=0.5,SV", "sv"),
        ("nb-NO,nb;q=0.9,en;q=0.8", "en"),
        ("nb,sv;q=0.6,en;q=0.3", "sv"),
        ("da", "en"),
        ("fi,*;q=0.5", "en"),
        ("sv;q=0,de", "en"),
        ("not a header;;", "sv"),
    ],
)
def test_a_visitor_gets_what_the_browser_is_set_to(app: TestApp, listed: str | None, language: str) -> None:
    headers = {"Accept-Language": listed} if listed is not None else {}
    assert app.get("/page", headers=headers).text == language


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_a_visitor_has_chosen_goes_before_that(app: TestApp, language: str) -> None:
    headers = {"Accept-Language": "sv" if language == "en" else "en"}
    assert app.get("/page", headers=headers | {"Cookie": f"{COOKIE}={language}"}).text == language
    other = {"Cookie": f"{COOKIE}={headers['Accept-Language']}"}
    assert app.get(f"/page?lang={language}", headers=headers | other).text == language
    app.reset()


def test_a_choice_is_kept_until_the_browser_ends(app: TestApp) -> None:
    chosen = app.get("/page?lang=en")
    cookie = chosen.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=en;")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "expires" not in cookie.lower()
    assert "max-age" not in cookie.lower()
    assert "secure" not in cookie
    again = app.get("/page?lang=en")
    assert again.text == "en"
    assert "Set-Cookie" not in again.headers
    assert app.get("/page").text == "en"
    app.reset()


def test_the_choice_is_for_https_alone_where_the_site_is_whatever_a_proxy_speaks() -> None:
    assert "secure" in make_app("https://messa.example").get("/page?lang=en").headers["Set-Cookie"]


@pytest.mark.parametrize("asked", ["/page?lang=fi", "/page?lang=", "/page?lang=%ff", "/page?%ff=1"])
def test_what_is_no_language_of_ours_asks_for_nothing(app: TestApp, asked: str) -> None:
    answer = app.get(asked, headers={"Accept-Language": "en", "Cookie": f"{COOKIE}=fi"})
    assert answer.text == "en"
    assert "Set-Cookie" not in answer.headers


def test_who_is_signed_in_gets_the_accounts_language_whatever_the_browser_says(app: TestApp) -> None:
    headers = {"Accept-Language": "en", "X-Signed-In": "sv"}
    answer = app.get("/page?lang=en", headers=headers)
    assert answer.text == "sv"
    assert "Set-Cookie" not in answer.headers


def test_an_account_that_has_chosen_no_language_gets_the_browsers(app: TestApp) -> None:
    assert app.get("/page", headers={"Accept-Language": "en", "X-Signed-In": ""}).text == "en"


def test_a_page_says_its_language_and_what_that_hung_on(app: TestApp) -> None:
    answer = app.get("/vary", headers={"Accept-Language": "en"})
    assert answer.text == "enen"
    assert answer.headers["Content-Language"] == "en"
    assert answer.headers["Vary"] == "Accept, Accept-Language, Cookie"


def test_what_speaks_no_language_says_none(app: TestApp) -> None:
    answer = app.get("/quiet?lang=en")
    assert not {"Content-Language", "Vary", "Set-Cookie"} & set(answer.headers)
