"""The account's password and its sessions, and that its forms are nobody else's (spec U2, I3)."""

from __future__ import annotations

import re
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from webtest import TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from messa_platform.tenants.access import sessions
from messa_platform.tenants.access.models import SessionKind
from messa_platform.tenants.models import Group
from tests.support.observe import statements
from tests.support.portal import seen
from tests.support.visitors import CAFE, KARIN, PASSWORD, Visitor, path_of, signed_in
from tests.support.world import World

OLA = "ola@kommun.example"
NEW = "sju sjösjuka sjömän"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148 Safari/604.1"
PAGE = "/account/second-factor"


@pytest.fixture
def visitor(runtime: Runtime, karin: UUID) -> Visitor:
    """Karin, signed in."""
    return signed_in(runtime, KARIN)


def is_in(visitor: Visitor) -> bool:
    """Whether the browser is signed in still."""
    return bool(visitor.get("/account/sessions").status_int == 200)


# The password


def change(
    visitor: Visitor, current: str = PASSWORD, new: str = NEW, repeat: str | None = None
) -> TestResponse:
    fields = {"current": current, "password": new, "repeat": new if repeat is None else repeat}
    return visitor.send("/account/password", fields)


def test_a_new_password_ends_every_other_session_says_so_and_is_told_by_mail(
    visitor: Visitor, runtime: Runtime, world: World
) -> None:
    other = signed_in(runtime, KARIN, agent=IPHONE)
    answer = change(visitor)
    assert (answer.status_int, path_of(answer)) == (303, "/account/password?said=password-changed")
    assert "Everywhere else you are signed out." in seen(visitor.follow(answer))
    assert is_in(visitor) and not is_in(other)
    [mail] = world.rows("SELECT recipient FROM outgoing_mail")
    assert mail.recipient == KARIN
    assert Visitor(runtime).sign_in(KARIN).status_int == 401
    assert Visitor(runtime).sign_in(KARIN, NEW).status_int == 303


def test_a_new_password_leaves_other_accounts_alone(
    visitor: Visitor, runtime: Runtime, world: World, master: Group
) -> None:
    world.account(master, OLA, password_hash=runtime.passwords.hash(PASSWORD))
    ola = signed_in(runtime, OLA)
    change(visitor)
    assert is_in(ola)
    assert Visitor(runtime).sign_in(OLA).status_int == 303


@pytest.mark.parametrize(
    ("values", "field", "words"),
    [
        ({"current": ""}, "current", "Enter the password that you have now."),
        ({"current": "inte mitt lösenord"}, "current", "That is not the password that you have now."),
        ({"new": ""}, "password", "Choose a password."),
        ({"new": "kort"}, "password", "at least 10 characters"),
        ({"new": "k" * 201}, "password", "at most 200 characters"),
        ({"new": "password123"}, "password", "first that others would guess"),
        ({"new": KARIN}, "password", "your e-mail address"),
        ({"repeat": "sju sjösjuka sjömän!"}, "repeat", "The two passwords differ."),
    ],
)
def test_what_is_wrong_with_it_is_said_in_words_beside_its_field(
    visitor: Visitor, runtime: Runtime, values: dict[str, str], field: str, words: str
) -> None:
    other = signed_in(runtime, KARIN, agent=IPHONE)
    page = change(visitor, **values)
    assert page.status_int == 422
    assert words in page.html.find(id=f"{field}-error").text
    assert NEW not in page.text and PASSWORD not in page.text, "a password never comes back"
    assert is_in(other) and Visitor(runtime).sign_in(KARIN).status_int == 303


def test_guessing_the_password_at_a_screen_left_open_is_slowed(visitor: Visitor, runtime: Runtime) -> None:
    for n in range(6):
        page = change(visitor, current=f"gissning nummer {n}")
    assert "Too many tries. Wait 1 minute, and try again." in seen(page)
    assert "Too many tries." in seen(change(visitor)), "not even the right one is looked at"
    assert Visitor(runtime).sign_in(KARIN).status_int == 303, "signing in is not slowed by it"


def test_who_has_forgotten_it_gets_a_link(visitor: Visitor, world: World) -> None:
    answer = visitor.send("/account/password", {"do": "link"})
    assert path_of(answer) == "/account/password?said=link-mailed"
    assert world.value("SELECT address FROM link_request") == KARIN


def test_who_signs_in_by_the_organisation_is_asked_for_no_password_and_may_have_a_link(
    visitor: Visitor, world: World, karin: UUID
) -> None:
    world.run("UPDATE account SET password_hash = NULL WHERE id = :id", id=karin)
    page = visitor.get("/account/password")
    assert page.html.find("input", type="password") is None
    assert "You sign in through your organisation" in seen(page)
    visitor.send("/account/password", {"do": "link"})
    assert world.value("SELECT address FROM link_request") == KARIN
    assert change(visitor).status_int == 422
    assert world.value("SELECT password_hash FROM account WHERE id = :id", id=karin) is None


# Sessions


def rows_of(page: TestResponse) -> list[str]:
    return [" ".join(row.text.split()) for row in page.html.find("tbody").find_all("tr")]


def session_of(world: World, agent: str) -> UUID:
    """The session that a browser of this name has."""
    found: UUID = world.value("SELECT id FROM web_session WHERE user_agent = :agent", agent=agent)
    return found


def test_each_session_is_told_in_words_and_the_present_one_comes_first(
    runtime: Runtime, karin: UUID, clock: FixedClock
) -> None:
    visitor = signed_in(runtime, KARIN)
    clock.move(timedelta(minutes=10))
    Visitor(runtime, agent=IPHONE, address=CAFE).sign_in(KARIN, remember=True)
    Visitor(runtime, agent="curl/8.14.1", cookies=False).sign_in(KARIN)
    first, *others = rows_of(visitor.get("/account/sessions"))
    assert first.startswith("Firefox on Linux Now ") and first.endswith("This one")
    assert "198.51.100.7 Until the browser is closed" in first
    [phone] = [row for row in others if row.startswith("Safari on iPhone ")]
    assert f"{CAFE} Stays signed in Sign out" in phone
    [odd] = [row for row in others if row.startswith("Unknown browser ")]
    assert "Without cookies, in the page's address" in odd


def test_one_can_be_ended_and_the_rest_go_on(visitor: Visitor, runtime: Runtime, world: World) -> None:
    phone, tablet = signed_in(runtime, KARIN, agent=IPHONE), signed_in(runtime, KARIN, agent="Lesebrett/1.0")
    answer = visitor.send("/account/sessions", {"end": str(session_of(world, IPHONE))})
    assert path_of(answer) == "/account/sessions?said=session-ended"
    assert (is_in(visitor), is_in(phone), is_in(tablet)) == (True, False, True)


def test_all_others_can_be_ended_at_once(visitor: Visitor, runtime: Runtime) -> None:
    others = [signed_in(runtime, KARIN, agent=IPHONE) for _ in range(3)]
    page = visitor.get("/account/sessions")
    assert "Sign out everywhere else" in page.text
    answer = visitor.send("/account/sessions", {"others": "1"})
    assert path_of(answer) == "/account/sessions?said=others-ended"
    assert is_in(visitor) and not any(is_in(other) for other in others)
    assert "Sign out everywhere else" not in visitor.get("/account/sessions").text


def test_a_strangers_session_is_neither_listed_nor_ended(
    visitor: Visitor, runtime: Runtime, world: World, master: Group
) -> None:
    world.account(master, OLA, password_hash=runtime.passwords.hash(PASSWORD))
    ola = signed_in(runtime, OLA, agent=IPHONE)
    his = str(session_of(world, IPHONE))
    page = visitor.get("/account/sessions")
    assert len(rows_of(page)) == 1 and his not in page.text
    theirs = visitor.send("/account/sessions", {"end": his})
    nobodys = visitor.send("/account/sessions", {"end": str(uuid4())})
    assert is_in(ola)
    assert (theirs.status_int, path_of(theirs)) == (nobodys.status_int, path_of(nobodys))
    visitor.send("/account/sessions", {"others": "1"})
    assert is_in(ola)


@pytest.mark.parametrize("written", ["", "none", "'; DROP TABLE web_session", "\x00"])
def test_what_names_no_session_ends_none(visitor: Visitor, runtime: Runtime, written: str) -> None:
    other = signed_in(runtime, KARIN, agent=IPHONE)
    assert visitor.send("/account/sessions", {"end": written}).status_int == 303
    assert is_in(other) and is_in(visitor)


def test_the_list_takes_as_many_statements_for_one_as_for_thirty(
    visitor: Visitor, runtime: Runtime, karin: UUID
) -> None:
    def cost() -> int:
        with statements(runtime.database.engine) as counted:
            assert is_in(visitor)
        return len(counted)

    few = cost()
    with runtime.database.unit_of_work() as session:
        for _ in range(29):
            sessions.begin(session, runtime.clock.now(), karin, SessionKind.PERSISTENT, IPHONE, CAFE)
    assert cost() == few <= 3
    assert len(rows_of(visitor.get("/account/sessions"))) == 30


# Forms


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("/account/password", {"current": PASSWORD, "password": NEW, "repeat": NEW}),
        ("/account/password", {"do": "link"}),
        ("/account/sessions", {"others": "1"}),
        (PAGE, {"do": "begin", "password": PASSWORD}),
    ],
)
def test_a_form_without_its_token_does_nothing(
    visitor: Visitor, runtime: Runtime, world: World, path: str, fields: dict[str, str]
) -> None:
    other = signed_in(runtime, KARIN, agent=IPHONE)
    assert visitor.post(path, fields).status_int == 400
    assert is_in(other) and Visitor(runtime).sign_in(KARIN).status_int == 303
    assert world.value("SELECT count(*) FROM link_request") == 0
    assert world.value("SELECT totp_secret FROM account WHERE address = :a", a=KARIN) is None


@pytest.mark.parametrize("page", ["/account", "/account/password", "/account/sessions", PAGE])
def test_without_cookies_every_form_stays_in_its_session(runtime: Runtime, karin: UUID, page: str) -> None:
    signed_in(runtime, KARIN)
    visitor = Visitor(runtime, cookies=False)
    prefix = path_of(visitor.sign_in(KARIN)).removesuffix("/messages")
    actions = re.findall(r'<form[^>]* action="([^"]*)"', visitor.get(prefix + page).text)
    assert len(actions) > 1
    assert all(action.startswith(f"{prefix}/") for action in actions)


def test_without_cookies_the_password_can_be_changed_too(runtime: Runtime, karin: UUID) -> None:
    visitor = Visitor(runtime, cookies=False)
    prefix = path_of(visitor.sign_in(KARIN)).removesuffix("/messages")
    fields = {"current": PASSWORD, "password": NEW, "repeat": NEW}
    answer = visitor.send(f"{prefix}/account/password", fields)
    assert path_of(answer) == f"{prefix}/account/password?said=password-changed"
    assert visitor.get(f"{prefix}/account").status_int == 200
