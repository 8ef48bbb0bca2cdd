"""The tab API: API users are listed, made, renamed and removed (spec A4, V2)."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from messa_platform.core.clock import STOCKHOLM, FixedClock
from messa_platform.core.site import SiteSettings
from messa_platform.portal.admin.api_users.listing import AT_A_TIME
from messa_platform.portal.admin.api_users.words import field_of
from messa_platform.tenants.api_users import keys, users
from messa_platform.tenants.api_users.models import KeyKind, Scope
from messa_platform.tenants.api_users.users import LONGEST_NAME, ApiUser
from messa_platform.tenants.group_settings import Key
from tests.support.api_user_pages import MASTER, SCHOOL, actions, at, key_of, word_on
from tests.support.api_users import Keyring
from tests.support.observe import statements
from tests.support.portal import field_of as hidden
from tests.support.portal import seen
from tests.support.town import CHIEF, Town

# API users


def test_the_tab_says_what_it_is_for_and_where_programs_send(town: Town) -> None:
    page = town.head.get(SCHOOL)
    base = town.runtime.settings[SiteSettings].public_url
    assert page.html.find(id="legacy-address").text == f"{base}/data_db/api.aspx"
    assert page.html.find(id="v2-address").text == f"{base}/v2/"
    assert "An API user is for a program" in seen(page)
    assert "No API users yet" in seen(page)


def test_every_admin_of_the_group_has_the_tab_between_admins_and_users(town: Town) -> None:
    for desk, where in ((town.head, SCHOOL), (town.chief, SCHOOL), (town.chief, MASTER)):
        tabs = [a["href"].rpartition("@@")[2] for a in desk.get(where).html.select("nav.tabs a")]
        assert tabs[tabs.index("admins") : tabs.index("users") + 1] == ["admins", "api", "users"]
        assert desk.get(where).html.find("a", attrs={"aria-current": "page", "href": where})


def test_an_api_user_is_made_and_asks_for_a_key(town: Town) -> None:
    page = town.head.sent(SCHOOL, name="  Larm\tsystemet ")
    assert "Give it a key, so that it can send." in seen(page)
    assert page.html.h1.text == "Larm systemet"
    assert "No keys yet" in seen(page)
    words = seen(town.head.get(SCHOOL))
    assert "Larm systemet – None Never" in words and "No API users yet" not in words
    assert actions(town) == ["api_user_added"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (" ", "Write a name."),
        ("x" * (LONGEST_NAME + 1), f"Shorten the name to {LONGEST_NAME} characters at the most."),
        ("LARMSYSTEMET", "The group has another API user of that name."),
    ],
)
def test_a_name_that_will_not_do_stays_in_its_form_with_the_reason(
    town: Town, ring: Keyring, alarm: ApiUser, name: str, sentence: str
) -> None:
    other = ring.user(town.school, "Journalen")
    for page, fields in ((SCHOOL, {}), (at(other), {"version": str(other.version)})):
        answer = town.head.send(page, name=name, **fields)
        assert answer.status_int == 422 and sentence in seen(answer)
        assert answer.html.find(id="name")["value"] == name
        assert answer.html.find(id="name-error")
    assert actions(town) == ["api_user_added"] * 2


def test_a_group_that_has_as_many_as_may_be_is_told_so(
    town: Town, alarm: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(users, "MOST", 1)
    answer = town.head.send(SCHOOL, name="En till")
    assert answer.status_int == 422 and "The group has 1 API users" in seen(answer)


def test_it_gets_another_name(town: Town, alarm: ApiUser) -> None:
    version = hidden(town.head.get(at(alarm)), "version")
    page = town.head.sent(at(alarm), name="Larm 112", version=version)
    assert page.html.h1.text == "Larm 112" and "Saved." in seen(page, "body")
    assert actions(town)[-1] == "api_user_renamed"


def test_who_was_overtaken_sees_what_is_different_and_may_insist(town: Town, alarm: ApiUser) -> None:
    old = hidden(town.head.get(at(alarm)), "version")
    town.chief.sent(at(alarm), name="Larm 112", version=old)
    answer = town.head.send(at(alarm), name="Brandlarmet", version=old)
    words = seen(answer)
    assert answer.status_int == 409 and "nothing of yours was saved" in words
    assert "Name Brandlarmet Larm 112" in words
    assert "an admin of an overlying group: Gave the API user the name Larm 112" in words
    assert CHIEF not in answer.text
    page = town.head.sent(at(alarm), name="Brandlarmet", version=hidden(answer, "version"))
    assert page.html.h1.text == "Brandlarmet"


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40, "²"])
def test_a_version_that_is_none_changes_nothing(town: Town, alarm: ApiUser, version: str) -> None:
    for page, fields in ((at(alarm), {"name": "Nytt"}), (at(alarm, "remove"), {})):
        assert town.head.send(page, version=version, **fields).status_int == 409
    assert actions(town) == ["api_user_added"]


def test_before_it_is_removed_the_page_tells_what_goes_with_it(
    town: Town, ring: Keyring, alarm: ApiUser, clock: FixedClock
) -> None:
    town.world.numbers()
    town.world.channel()
    town.world.set(town.school, Key.MAY_RECEIVE, True)
    town.world.words(alarm.id, ["+46701740605"])
    word = ring.key(town.school, alarm).word
    ring.key(town.school, alarm, expires_at=clock.now() + timedelta(hours=1))
    clock.move(timedelta(hours=2))
    page = town.head.get(at(alarm)).click("Remove the API user")
    words = seen(page)
    assert "1 key that works now opens nothing any more." in words
    assert "It gives its number +46" in words
    after = town.head.sent(at(alarm, "remove"), version=hidden(page, "version"))
    assert "Removed, with its keys." in seen(after, "body") and "No API users yet" in seen(after)
    assert ring.recognise(word) is None
    town.head.get(at(alarm), 404)


def test_one_that_was_renamed_meanwhile_is_not_removed(town: Town, alarm: ApiUser) -> None:
    old = hidden(town.head.get(at(alarm, "remove")), "version")
    town.chief.sent(at(alarm), name="Larm 112", version=old)
    answer = town.head.send(at(alarm, "remove"), version=old)
    assert answer.status_int == 409 and "it was not removed" in seen(answer)
    assert answer.html.h1.text == "Remove Larm 112?"
    assert "api_user_removed" not in actions(town)
    assert "It has no key that works" in seen(answer)


def test_the_list_tells_numbers_keys_in_use_and_when_one_was_used(
    town: Town, ring: Keyring, alarm: ApiUser, clock: FixedClock
) -> None:
    town.world.numbers()
    town.world.channel()
    town.world.set(town.school, Key.MAY_RECEIVE, True)
    town.world.words(alarm.id, ["+46701740605"])
    number = town.world.value("SELECT msisdn FROM number WHERE account_id = :id", id=alarm.id)
    first, second = ring.key(town.school, alarm), ring.key(town.school, alarm, KeyKind.V2)
    ring.recognise(first.word)
    ring.change(keys.rotate, town.school, alarm.id, second.id, timedelta())
    cells = [cell.text for cell in town.head.get(SCHOOL).html.select("main tbody tr > *")]
    assert cells[0] == "Larmsystemet" and cells[2] == "2" and cells[3].startswith("today ")
    assert re.sub(r"\D", "", cells[1]) == number.lstrip("+")


def test_many_are_shown_page_by_page_at_the_same_cost(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    def cost() -> int:
        with statements(town.runtime.database.engine) as found:
            page = desk.get(SCHOOL)
        assert len(page.body) < 100_000
        return len(found)

    desk = town.head
    few = cost()
    town.world.run(
        "INSERT INTO account (id, kind, tenant_id, group_id, address, display_name) SELECT gen_random_uuid(), 'api', :tenant, :group,"
        " 'api:' || n, 'A' || lpad(n::text, 59, '0') FROM generate_series(2, 200) AS n",
        tenant=town.school.tenant_id,
        group=town.school.id,
    )
    assert cost() == few
    names, page = [], desk.get(SCHOOL)
    for _ in range(200 // AT_A_TIME):
        names += [a.text for a in page.html.select("main tbody a")]
        page = page.click("Show more API users") if "Show more" in page.text else page
    assert len(names) == len(set(names)) == 200
    assert "Back to the first" in seen(page) and "Show more" not in seen(page)


# In words


def test_what_was_done_stands_in_the_audit_log_in_words(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    desk = town.head
    word_on(desk.send(at(alarm, "new-v2-key"), **{field_of(Scope.MESSAGES_SEND): "1"}))
    first = key_of(town, alarm)
    word_on(desk.send(at(alarm, first), do="rotate", overlap="24"))
    desk.sent(at(alarm, first), do="remove")
    desk.sent(at(alarm), name="Larm 112", version=str(alarm.version))
    desk.sent(at(alarm, "remove"), version=str(alarm.version + 1))
    words = seen(desk.get("/t/kommun/skolan/@@audit?kind=api"))
    until = (town.runtime.clock.now() + timedelta(hours=24)).astimezone(STOCKHOLM)
    for part in (
        "Added the API user Larmsystemet",
        "Made a key for the API user Larmsystemet The key ends with:",
        "Kind: v2 key May be used for: Send messages",
        "Rotated a key of the API user Larmsystemet",
        f"The old key works until: {until:%Y-%m-%d %H:%M}",
        "Removed a key of the API user Larmsystemet",
        "Gave the API user the name Larm 112 Name: Larmsystemet",
        "Removed the API user Larm 112 Keys that went with it: 1",
    ):
        assert part in words, part


def test_it_speaks_swedish(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    town.world.run("UPDATE account SET language = 'sv' WHERE id = :id", id=town.head_id)
    key = ring.key(town.school, alarm, KeyKind.V2)
    desk = town.head
    assert "API-användare" in seen(desk.get(SCHOOL))
    assert "v2-nyckel Allt" in seen(desk.get(at(alarm)), "tbody")
    assert "Skicka meddelanden" in seen(desk.get(at(alarm, "new-v2-key")))
    assert "Fungerar ett dygn till" in seen(desk.get(at(alarm, key.id)))
    assert "Det går inte att ångra." in seen(desk.get(at(alarm, "remove")))
