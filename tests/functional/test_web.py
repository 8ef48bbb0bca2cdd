"""The web server as it stands: health, headers, callbacks of providers, and the way to the simulator."""

from __future__ import annotations

import json
import smtplib
import socket
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import urlencode

import pytest
from webtest import TestApp

from messa_platform.application import make_app
from messa_platform.core.clock import SystemClock
from messa_platform.core.web import HEADERS, PAGE_POLICY
from messa_platform.runtime import read_settings
from tests.support.platform import ANNA, ANNAS_PHONE, USER, Platform, a_platform, mail
from tests.support.processes import HOST, ask, free_port


@pytest.fixture(scope="module")
def platform(server: str, template: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with a_platform(server, template, tmp_path_factory.mktemp("platform")) as made:
        yield made.start()


def test_health_is_answered_without_a_question_to_anybody(platform: Platform) -> None:
    answer = platform.get("/healthz")
    assert (answer.status, answer.body) == (200, b"ok\n")
    assert answer.headers["content-type"].startswith("text/plain")


def test_readiness_says_that_nothing_is_missing(platform: Platform) -> None:
    answer = platform.get("/readyz")
    assert (answer.status, answer.json) == (200, {"ready": True, "missing": {}})


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/nothing", "/providers/simulator/events", "/"])
def test_every_answer_has_the_security_headers(platform: Platform, path: str) -> None:
    answer = platform.get(path)
    wanted = dict(HEADERS)
    if answer.headers["content-type"].startswith("text/html"):
        wanted["Content-Security-Policy"] = PAGE_POLICY
    for name, value in wanted.items():
        assert answer.headers[name.lower()] == value


@pytest.mark.parametrize(
    "path", ["/nothing", "/no/thing/", "/providers", "/providers/simulator", "/@@nothing"]
)
def test_what_is_not_there_is_not_there(platform: Platform, path: str) -> None:
    assert platform.get(path).status == 404


def test_a_path_that_is_no_text_is_refused_and_harms_nothing(platform: Platform) -> None:
    for path, status in (("/%ff%fe", 400), ("/simulator/%ff", 400), ("/providers/%ff", 404)):
        answer = platform.get(path)
        assert answer.status == status
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert "Traceback" not in platform.children[0].said


def test_an_unknown_channel_takes_no_callback(platform: Platform) -> None:
    assert ask(platform.web_port, "POST", "/providers/unknown/events", b"{}").status == 404


@pytest.mark.parametrize(
    "headers", [{}, {"X_Simulator_Timestamp": "1", "X_Simulator_Signature": "00"}], ids=["unsigned", "forged"]
)
def test_a_callback_that_the_provider_did_not_sign_is_refused_and_changes_nothing(
    platform: Platform, headers: dict[str, str]
) -> None:
    forged = {
        "type": "incoming",
        "reference": "forged",
        "from": ANNAS_PHONE,
        "to": "+467301214000000",
        "text": "Falskt",
    }
    answer = ask(
        platform.web_port,
        "POST",
        "/providers/simulator/events",
        json.dumps({"events": [forged]}).encode(),
        **headers,
    )
    assert answer.status in (401, 403)
    assert platform.value("SELECT count(*) FROM message WHERE text = 'Falskt'") == 0


def test_the_front_page_is_there_in_development_too(platform: Platform) -> None:
    answer = platform.get("/")
    assert answer.status == 200
    assert "Skicka sms" in answer.body.decode()


def test_the_simulators_page_comes_through_with_its_own_policy_and_files(platform: Platform) -> None:
    page = platform.get("/simulator")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "style-src 'self'" in page.headers["content-security-policy"]
    style = platform.get("/simulator/static/simulator.css")
    assert (style.status, style.headers["content-type"].partition(";")[0]) == (200, "text/css")


def test_phones_mails_and_replies_come_through(platform: Platform) -> None:
    platform.send(mail("Kommer du?", subject=""))
    number = platform.until_on_phone("Kommer du?")["from"]
    assert [one["text"] for one in platform.get(f"/simulator/phones/{ANNAS_PHONE}").json] == ["Kommer du?"]
    body = json.dumps({"to": number, "text": "Ja, på måndag"}).encode()
    assert ask(platform.web_port, "POST", f"/simulator/phones/{ANNAS_PHONE}/replies", body).status == 202
    platform.until_mails(USER)
    (answer,) = platform.get(f"/simulator/mails?{urlencode({'to': USER})}").json
    assert answer["text"].startswith("Ja, på måndag")


def test_the_reply_box_works_through_the_platform(platform: Platform) -> None:
    platform.send(mail("Via formuläret", subject=""), "+46701740777@messa.example")
    number = platform.until_on_phone("Via formuläret", "+46701740777")["from"]
    form = urlencode({"phone": "+46701740777", "to": number, "text": "Åsa här", "lang": "sv"}).encode()
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    answer = ask(platform.web_port, "POST", "/simulator/reply", form, **kind)
    assert answer.status == 303
    assert answer.headers["location"].startswith(
        ("/simulator", f"http://{HOST}:{platform.web_port}/simulator")
    )
    platform.until(
        lambda: any("Åsa här" in one["text"] for one in platform.mails(USER)), says="the reply is a mail"
    )


def test_another_sites_page_cannot_make_a_phone_answer_through_the_platform(platform: Platform) -> None:
    form = urlencode({"phone": ANNAS_PHONE, "to": "+467301214000000", "text": "Inte jag"}).encode()
    headers = {"Content_Type": "application/x-www-form-urlencoded", "Sec_Fetch_Site": "cross-site"}
    assert ask(platform.web_port, "POST", "/simulator/reply", form, **headers).status == 403


def app_with_simulator_at(port: int) -> TestApp:
    """The web application alone, with its simulator at this port."""
    settings = read_settings({"web.simulator_url": f"http://{HOST}:{port}"}, {})
    runtime = SimpleNamespace(settings=settings, checks={}, clock=SystemClock())
    return TestApp(make_app(runtime))  # type: ignore[arg-type]


def test_a_simulator_that_is_away_is_said_to_be() -> None:
    answer = app_with_simulator_at(free_port()).get("/simulator", status=502)
    assert "messa simulator" in answer.text


def test_what_answers_in_the_simulators_place_and_is_no_web_server_is_a_502() -> None:
    with socket.create_server((HOST, 0)) as odd:

        def greet() -> None:  # as an SMTP server does, which speaks first
            connection, _ = odd.accept()
            with connection:
                connection.sendall(b"220 mx.example ESMTP\r\n")

        greeter = threading.Thread(target=greet, daemon=True)
        greeter.start()
        app_with_simulator_at(odd.getsockname()[1]).get("/simulator", status=502)
        greeter.join(10)


def test_without_its_database_the_process_lives_says_what_is_missing_and_claims_no_mail(
    platform: Platform,
) -> None:
    platform.settled()
    with smtplib.SMTP(HOST, platform.smtp_port, timeout=30) as smtp:
        smtp.ehlo("mx.demo.example")
        assert smtp.mail(USER)[0] == smtp.rcpt(ANNA)[0] == 250
        with platform.without_database():
            platform.until(lambda: platform.get("/readyz").status == 503, says="readyz notices")
            assert platform.get("/healthz").status == 200
            answer = platform.get("/readyz").json
            assert answer["ready"] is False
            assert answer["missing"].keys() == {"database"}
            assert answer["missing"]["database"].startswith("the database does not answer")
            assert smtp.data(bytes(mail("Borta", subject="")))[0] == 451
            with smtplib.SMTP(HOST, platform.smtp_port, timeout=30) as other:
                other.ehlo("mx.annan.example")
                assert other.mail("helt.ny@annan.example")[0] == 250
                assert other.rcpt(ANNA)[0] == 451
    platform.until(platform.is_ready, says="ready again")
    platform.send(mail("Tillbaka", subject=""))
    platform.until_on_phone("Tillbaka")
    assert "Borta" not in platform.texts()
