"""Who may look after which API users: the admins of the group and those above, the operator, and nobody else (spec A4, V2)."""

from __future__ import annotations

import pytest

from messa_platform.tenants.api_users import keys
from messa_platform.tenants.api_users.users import ApiUser
from tests.support.api_user_pages import CARE, MASTER, NOBODY, SCHOOL, actions, at, key_of, word_on
from tests.support.api_users import Keyring
from tests.support.operators import an_operator, at_the_pages
from tests.support.portal import field_of as hidden
from tests.support.portal import seen
from tests.support.town import CHIEF, Desk, Town, make_admin
from tests.support.visitors import path_of


def test_keys_made_by_somebody_above_or_by_the_operator_are_another_admins(
    town: Town, ring: Keyring, alarm: ApiUser
) -> None:
    operator = Desk(at_the_pages(town.runtime, an_operator(town.world)))
    for desk in (town.chief, operator):
        word_on(desk.send(at(alarm, "new-session-key")))
    page = town.head.get(at(alarm))
    assert seen(page).count("by another admin") == 2
    for hidden_one in (CHIEF, "drift@messa.example"):
        assert hidden_one not in page.text and hidden_one not in town.head.get(at(alarm, key_of(town, alarm)))
    assert f"by {CHIEF}" in seen(town.chief.get(at(alarm)))
    make_admin(town.world, town.school, town.chief_id)
    assert f"by {CHIEF}" in seen(town.head.get(at(alarm)))


def test_a_subadmin_neither_sees_nor_changes_the_api_users_of_other_groups(town: Town, ring: Keyring) -> None:
    desk = town.head
    own = ring.user(town.school, "Egen")
    for group, base in ((town.master, MASTER), (town.care, CARE), (town.elsewhere, "/t/annan/@@api")):
        beyond = ring.user(group, "Hemlig")
        key = ring.key(group, beyond)
        for page in (base, f"{base}/{beyond.id}", f"{base}/{beyond.id}/{key.id}"):
            desk.get(page, 404)
        missing = [desk.get(f"{SCHOOL}/{one}", 404).text for one in (beyond.id, NOBODY)]
        assert missing[0].replace(str(beyond.id), NOBODY) == missing[1]
        for more in ("", "/remove", "/new-session-key", f"/{key.id}"):
            for do in ("remove", "rotate"):
                fields = {"name": "Min", "version": "1", "do": do, "overlap": "0"}
                answer = desk.send(at(own), f"{SCHOOL}/{beyond.id}{more}", **fields)
                assert answer.status_int == 404
        # nor by the page of an API user of one's own
        desk.get(at(own, key.id), 404)
        assert desk.send(at(own), at(own, key.id), do="remove").status_int == 404
        assert ring.recognise(key.word) is not None
    assert "Hemlig" not in desk.get(SCHOOL).text
    assert set(actions(town)) == {"api_user_added", "api_key_added"}


@pytest.mark.parametrize(
    "rest", ["x", "x/remove", f"{NOBODY}/", f"{NOBODY}/x", "{id}/x", "{id}/x/y", f"{{id}}/{NOBODY}"]
)
def test_what_leads_nowhere_is_not_found(town: Town, alarm: ApiUser, rest: str) -> None:
    town.head.get(f"{SCHOOL}/{rest.format(id=alarm.id)}", 404)


def test_the_operator_looks_after_the_api_users_of_any_organisation(
    town: Town, ring: Keyring, alarm: ApiUser
) -> None:
    operator = Desk(at_the_pages(town.runtime, an_operator(town.world)))
    assert "Larmsystemet" in seen(operator.get(SCHOOL))
    word = word_on(operator.send(at(alarm, "new-session-key")))
    assert ring.recognise(word) is not None
    entry = town.world.rows("SELECT actor FROM audit_entry ORDER BY id DESC LIMIT 1")[0]
    assert entry.actor == "operator"


def test_who_was_dismissed_while_the_form_was_open_makes_nothing(
    town: Town, ring: Keyring, alarm: ApiUser
) -> None:
    desk = town.head
    token = hidden(desk.get(at(alarm)), "csrf_token")
    town.world.run("DELETE FROM group_admin WHERE account_id = :id", id=town.head_id)
    for page in (SCHOOL, at(alarm), at(alarm, "new-session-key"), at(alarm, "remove")):
        fields = {"csrf_token": token, "name": "Nytt", "version": str(alarm.version)}
        assert desk.visitor.post(page, fields).status_int == 404
    assert actions(town) == ["api_user_added"] and ring.keys_of(alarm.id) == []


def test_a_form_without_its_token_makes_nothing(town: Town, ring: Keyring, alarm: ApiUser) -> None:
    answer = town.head.visitor.post(at(alarm, "new-session-key"), {"name": "Nytt"})
    assert answer.status_int == 400 and ring.keys_of(alarm.id) == []


def test_a_key_that_somebody_else_has_just_removed_is_said_to_be_gone(
    town: Town, ring: Keyring, alarm: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = ring.key(town.school, alarm)
    for name in ("rotate", "remove"):
        monkeypatch.setattr(keys, name, lambda *_: keys.Refusal.UNKNOWN)
    for do in ("rotate", "remove"):
        answer = town.head.send(at(alarm, key.id), do=do, overlap="0")
        assert answer.status_int == 303
        assert path_of(answer) == f"{at(alarm)}?said=api-key-gone"
        assert "That key was removed already." in seen(town.head.get(path_of(answer)), "body")
