"""Links by mail: the first password, and a new one for a forgotten one (spec I1)."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from messa_platform.tenants.access import links, second_factor
from messa_platform.tenants.accounts import WELCOME_LIFE, issue_token
from messa_platform.tenants.models import TokenKind
from tests.support.visitors import ANNA, PASSWORD, Visitor, path_of
from tests.support.world import World

NEW = "fyra gröna grisar"
CHOICE = {"password": NEW, "repeat": NEW}


def mailed(runtime: Runtime, world: World) -> list[str]:
    """Work the requests off; gives the texts of the mails to Anna."""
    links.send_links(runtime.database, runtime.clock, runtime.link_mails)
    rows = world.rows("SELECT text FROM outgoing_mail WHERE recipient = :to ORDER BY id", to=ANNA)
    return [row.text for row in rows]


def link_in(text: str) -> str:
    found = re.search(r"http://127\.0\.0\.1:6543(/reset/\S+)", text)
    assert found, text
    return found[1]


def test_a_forgotten_password_is_replaced_by_a_mailed_link(
    visitor: Visitor, runtime: Runtime, world: World, anna: UUID
) -> None:
    assert visitor.send("/forgot", {"email": ANNA}).status_int == 200
    [text] = mailed(runtime, world)
    answer = visitor.send(link_in(text), CHOICE)
    assert (answer.status_int, path_of(answer)) == (303, "/messages")
    assert visitor.get("/messages").status_int == 200
    assert Visitor(runtime).sign_in(ANNA, NEW).status_int == 303
    assert Visitor(runtime).sign_in(ANNA, PASSWORD).status_int == 401


def test_the_answer_is_the_same_for_an_address_without_account(
    visitor: Visitor, runtime: Runtime, world: World, anna: UUID
) -> None:
    pages = [visitor.send("/forgot", {"email": address}).text for address in (ANNA, "eva@kommunen.example")]
    assert pages[0].replace(ANNA, "") == pages[1].replace("eva@kommunen.example", "")
    assert len(mailed(runtime, world)) == 1
    assert world.value("SELECT count(*) FROM outgoing_mail") == 1


def test_what_is_no_address_is_said_beside_the_field(visitor: Visitor) -> None:
    answer = visitor.send("/forgot", {"email": "anna"})
    assert answer.status_int == 422 and 'id="email-error"' in answer.text


def test_looking_at_a_link_does_not_use_it_up(
    visitor: Visitor, runtime: Runtime, world: World, anna: UUID
) -> None:
    visitor.send("/forgot", {"email": ANNA})
    link = link_in(mailed(runtime, world)[0])
    for _ in range(3):  # as mail filters do
        assert Visitor(runtime, agent="Filter/1.0").get(link).status_int == 200
    assert visitor.send(link, CHOICE).status_int == 303


def test_a_used_link_says_so_kindly(visitor: Visitor, runtime: Runtime, world: World, anna: UUID) -> None:
    visitor.send("/forgot", {"email": ANNA})
    link = link_in(mailed(runtime, world)[0])
    visitor.send(link, CHOICE)
    answer = Visitor(runtime).get(link)
    assert answer.status_int == 410
    assert "redan använd" in answer.text and "/forgot" in answer.text


def test_an_old_link_says_so_kindly(
    visitor: Visitor, runtime: Runtime, world: World, anna: UUID, clock: FixedClock
) -> None:
    visitor.send("/forgot", {"email": ANNA})
    link = link_in(mailed(runtime, world)[0])
    page = visitor.get(link)
    clock.move(timedelta(minutes=61))
    answer = visitor.get(link)
    assert answer.status_int == 410 and "för gammal" in answer.text and "/forgot" in answer.text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    late = visitor.post(link, {"csrf_token": token[1], **CHOICE})
    assert late.status_int == 410 and "för gammal" in late.text


def test_a_link_that_was_never_ours_leads_nowhere_and_says_so(visitor: Visitor) -> None:
    answer = visitor.get("/reset/inte-en-riktig-länk".replace("ä", "%C3%A4"))
    assert answer.status_int == 404 and "/forgot" in answer.text


def test_a_welcome_link_is_no_reset_link(visitor: Visitor, runtime: Runtime, anna: UUID) -> None:
    with runtime.database.unit_of_work() as session:
        word = issue_token(session, runtime.clock.now(), anna, TokenKind.WELCOME, WELCOME_LIFE)
    assert visitor.get(f"/reset/{word}").status_int == 404
    assert visitor.get(f"/welcome/{word}").status_int == 200


def test_a_new_password_ends_every_other_session(
    visitor: Visitor, runtime: Runtime, world: World, anna: UUID
) -> None:
    elsewhere = Visitor(runtime)
    elsewhere.sign_in(ANNA, remember=True)
    in_address = Visitor(runtime, cookies=False)
    messages = path_of(in_address.sign_in(ANNA))
    visitor.send("/forgot", {"email": ANNA})
    visitor.send(link_in(mailed(runtime, world)[0]), CHOICE)
    assert elsewhere.get("/messages").status_int == 303
    assert in_address.get(messages).status_int == 303
    assert visitor.get("/messages").status_int == 200


def test_the_owner_is_told_by_mail(visitor: Visitor, runtime: Runtime, world: World, anna: UUID) -> None:
    visitor.send("/forgot", {"email": ANNA})
    visitor.send(link_in(mailed(runtime, world)[0]), CHOICE)
    assert "byttes" in mailed(runtime, world)[-1]


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"password": "kort", "repeat": "kort"}, "password"),
        ({"password": "a" * 201, "repeat": "a" * 201}, "password"),
        ({"password": ANNA, "repeat": ANNA}, "password"),
        ({"password": "aaaaaaaaaaaa", "repeat": "aaaaaaaaaaaa"}, "password"),
        ({"password": NEW, "repeat": NEW + "x"}, "repeat"),
        ({"password": "", "repeat": ""}, "password"),
    ],
)
def test_a_password_that_will_not_do_is_told_and_the_link_still_works(
    visitor: Visitor, runtime: Runtime, world: World, anna: UUID, fields: dict[str, str], wrong: str
) -> None:
    visitor.send("/forgot", {"email": ANNA})
    link = link_in(mailed(runtime, world)[0])
    answer = visitor.send(link, fields)
    assert answer.status_int == 422 and f'id="{wrong}-error"' in answer.text
    assert visitor.send(link, CHOICE).status_int == 303


def test_without_cookies_it_leads_into_a_session_in_the_address(
    runtime: Runtime, world: World, anna: UUID
) -> None:
    visitor = Visitor(runtime, cookies=False)
    visitor.send("/forgot", {"email": ANNA})
    assert path_of(visitor.send(link_in(mailed(runtime, world)[0]), CHOICE)).startswith("/~")


def test_a_second_factor_is_asked_for_all_the_same(
    visitor: Visitor, runtime: Runtime, world: World, anna: UUID
) -> None:
    code = second_factor_of(runtime, anna)
    visitor.send("/forgot", {"email": ANNA})
    answer = visitor.send(link_in(mailed(runtime, world)[0]), CHOICE)
    assert path_of(answer).startswith("/sign-in-code?stamp=")
    assert visitor.get("/messages").status_int == 303
    page = visitor.follow(answer)
    stamp = re.search(r'name="stamp" value="([^"]+)"', page.text)
    assert stamp
    entered = visitor.send(path_of(answer), {"stamp": stamp[1], "code": code()}, to="/sign-in-code")
    assert path_of(entered) == "/messages"


def second_factor_of(runtime: Runtime, account_id: UUID) -> CodeNow:
    """Turn the second factor on; gives what the owner's app shows."""
    with runtime.database.unit_of_work() as session:
        enrolment = second_factor.begin(session, runtime.keys, account_id)
        assert enrolment
        app = pyotp.TOTP(enrolment.secret)
        now = runtime.clock.now()
        assert second_factor.confirm(
            session, now, runtime.keys, account_id, app.at(now - timedelta(seconds=30))
        )
    return CodeNow(runtime, app)


class CodeNow:
    """The owner's app."""

    def __init__(self, runtime: Runtime, app: pyotp.TOTP) -> None:
        self._runtime = runtime
        self._app = app

    def __call__(self) -> str:
        return str(self._app.at(self._runtime.clock.now()))


def test_the_code_is_asked_for_after_the_password(visitor: Visitor, runtime: Runtime, anna: UUID) -> None:
    code = second_factor_of(runtime, anna)
    answer = visitor.sign_in(ANNA, next="/account")
    onward = path_of(answer)
    assert onward.startswith("/sign-in-code?stamp=")
    assert "messa_session" not in visitor.app.cookies
    fields = {"stamp": onward.partition("stamp=")[2]}
    wrong = visitor.send(onward, {**fields, "code": "000000"}, to="/sign-in-code")
    assert wrong.status_int == 401 and 'id="code-error"' in wrong.text
    right = visitor.send(onward, {**fields, "code": code()}, to="/sign-in-code")
    assert (right.status_int, path_of(right)) == (303, "/account")
    again = Visitor(runtime)
    entered = again.send(path_of(again.sign_in(ANNA)), {**fields, "code": code()}, to="/sign-in-code")
    assert entered.status_int == 401, "a code works once"


def test_the_page_for_the_code_is_of_no_use_to_another_browser(
    visitor: Visitor, runtime: Runtime, anna: UUID
) -> None:
    second_factor_of(runtime, anna)
    onward = path_of(visitor.sign_in(ANNA))
    assert path_of(Visitor(runtime, agent="Annan/1.0").get(onward)) == "/sign-in?said=too-late"


def test_after_ten_minutes_the_password_is_asked_for_again(
    visitor: Visitor, runtime: Runtime, anna: UUID, clock: FixedClock
) -> None:
    second_factor_of(runtime, anna)
    onward = path_of(visitor.sign_in(ANNA))
    clock.move(timedelta(minutes=11))
    assert path_of(visitor.get(onward)) == "/sign-in?said=too-late"
