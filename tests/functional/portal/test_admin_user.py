"""A user's form: seen and changed by the admins of its tree alone, and nothing of a second one is lost (spec G11)."""

from __future__ import annotations

from uuid import UUID

import pytest

from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from tests.support.observe import statements
from tests.support.portal import field_of, seen
from tests.support.town import CHIEF, Town, build_town, make_admin
from tests.support.visitors import PASSWORD, Visitor, path_of, token_of
from tests.support.world import World

NOBODY = "00000000-0000-7000-8000-000000000000"
SCHOOL = "/t/kommun/skolan"


@pytest.fixture
def town(world: World, runtime: Runtime) -> Town:
    return build_town(world, runtime)


@pytest.fixture
def anna(town: Town) -> UUID:
    return town.person(
        town.school,
        "anna@kommun.example",
        display_name="Anna Ek",
        password_hash=town.runtime.passwords.hash(PASSWORD),
    )


def form(identifier: UUID | str, at: str = SCHOOL) -> str:
    return f"{at}/@@user?id={identifier}"


def row(town: Town, identifier: UUID) -> tuple[object, ...]:
    return tuple(
        town.world.rows(
            "SELECT display_name, language, blocked, removed_at IS NOT NULL FROM account WHERE id = :id",
            id=identifier,
        )[0]
    )


def test_the_form_shows_what_the_admin_may_know(town: Town, anna: UUID) -> None:
    town.world.numbers()
    town.world.channel()
    town.world.set(town.master, Key.MAY_RECEIVE, True)
    town.world.account_quota(town.school, 20, 7)
    town.world.words(anna, ["+46701740605"])
    make_admin(town.world, town.school, anna)
    words = seen(town.head.get(form(anna)))
    number = town.world.value("SELECT msisdn FROM number WHERE account_id = :id", id=anna)
    for part in (
        "anna@kommun.example",
        number,
        "19 of 20 within 7 days",
        "set by Skolan",
        "Has chosen a password",
    ):
        assert part in words
    assert "Admin of Skolan" in words


def test_a_limit_of_an_overlying_group_has_neither_name_nor_figures(town: Town, anna: UUID) -> None:
    town.world.account_quota(town.master, 1234)
    page = town.head.get(form(anna))
    assert "An overlying group sets a limit on each user." in seen(page)
    for hidden in ("1234", "1,234", "Master", "Omsorgen"):
        assert hidden not in page.text
    assert "1,234 of 1,234 in all" in seen(town.chief.get(form(anna)))


def test_whoever_is_not_in_the_tree_is_not_found_like_who_is_nowhere(town: Town, anna: UUID) -> None:
    beside = town.person(town.care, "bredvid@kommun.example")
    stranger = town.person(town.elsewhere, "olle@annan.example")
    desk = town.head
    missing = [desk.get(form(one), 404).text for one in (NOBODY, beside, stranger, town.chief_id, "x", "")]
    assert len(set(missing)) == 1
    for one in (NOBODY, beside, stranger, town.chief_id):
        fields = {"csrf_token": token_of(desk.get(form(anna))), "do": "remove", "version": "1"}
        assert desk.visitor.post(form(one), fields).status_int == 404
    assert town.world.rows("SELECT 1 FROM account WHERE removed_at IS NOT NULL") == []
    assert town.chief.get(form(beside)).status_int == 200


def test_the_page_of_a_group_that_is_not_the_admins_is_not_found(town: Town, anna: UUID) -> None:
    for at in ("/t/kommun", "/t/kommun/omsorgen", "/t/annan"):
        town.head.get(form(anna, at), 404)


def change(town: Town, identifier: UUID, **fields: str) -> str:
    """Fill the form in as the head does; gives where it leads."""
    desk = town.head
    version = field_of(desk.get(form(identifier)), "version")
    answer = desk.send(form(identifier), do="save", version=version, **fields)
    assert answer.status_int == 303, seen(answer)
    return path_of(answer)


def test_name_language_and_block_are_saved_and_stand_in_the_log(town: Town, anna: UUID) -> None:
    where = change(town, anna, display_name=" Anna  Berg ", language="en", blocked="1")
    assert where == f"{form(anna)}&said=user-saved"
    assert row(town, anna) == ("Anna Berg", "en", True, False)
    assert "Blocked: the user can neither sign in nor send." in seen(town.head.get(form(anna)))
    log = town.world.rows("SELECT action, subject, before, after FROM audit_entry ORDER BY id")
    assert [entry.action for entry in log] == ["account_changed", "account_blocked"]
    assert log[0].before["display_name"] == "Anna Ek"


def test_who_is_blocked_is_signed_out_at_once(town: Town, anna: UUID) -> None:
    visitor = Visitor(town.runtime)
    visitor.sign_in("anna@kommun.example")
    assert visitor.get("/account").status_int == 200
    change(town, anna, display_name="Anna Ek", language="", blocked="1")
    assert visitor.get("/account").status_int == 303


def test_what_cannot_be_is_told_beside_its_field_and_kept(town: Town, anna: UUID) -> None:
    answer = town.head.send(form(anna), do="save", version="1", display_name="x" * 101, language="fr")
    assert answer.status_int == 422 and "Shorten the name to 100 characters" in seen(answer)
    assert "x" * 101 in answer.text and row(town, anna)[0] == "Anna Ek"


def test_the_second_of_two_admins_is_told_what_changed_and_saves_with_a_yes(town: Town, anna: UUID) -> None:
    desk = town.head
    version = field_of(desk.get(form(anna)), "version")
    chief = town.chief
    chief.sent(form(anna), do="save", version=version, display_name="Anna Chef", language="")
    answer = desk.send(form(anna), do="save", version=version, display_name="Anna Rektor", language="sv")
    assert answer.status_int == 409 and row(town, anna)[0] == "Anna Chef"
    words = seen(answer)
    assert "Anna Rektor" in answer.text and "Anna Chef" in words and "Anna Ek" in words
    assert CHIEF not in answer.text
    again = field_of(answer, "version")
    assert again != version
    saved = desk.send(form(anna), do="save", version=again, display_name="Anna Rektor", language="sv")
    assert saved.status_int == 303 and row(town, anna)[:2] == ("Anna Rektor", "sv")


@pytest.mark.parametrize("fields", [{"do": "move"}, {"do": "remove"}])
def test_nobody_moves_or_removes_a_user_as_it_was_before_another_change(
    town: Town, anna: UUID, fields: dict[str, str]
) -> None:
    desk = town.head
    version = field_of(desk.get(form(anna)), "version")
    change(town, anna, display_name="Anna Berg", language="")
    answer = desk.send(form(anna), version=version, group=str(town.class_4b.id), **fields)
    assert answer.status_int == 409
    assert town.group_of("anna@kommun.example") == town.school.id and row(town, anna)[3] is False


def test_a_user_is_moved_to_a_group_that_the_admin_sees(town: Town, anna: UUID) -> None:
    desk = town.head
    page = desk.get(form(anna))
    assert "Skolan › Klass 4B" in seen(page) and "Omsorgen" not in page.text
    version = field_of(page, "version")
    refused = desk.send(form(anna), do="move", version=version, group=str(town.care.id))
    assert refused.status_int == 422 and "Choose the group to move to." in seen(refused)
    moved = desk.sent(form(anna), do="move", version=version, group=str(town.class_4b.id))
    assert moved.request.path == f"{SCHOOL}/klass-4b/@@user" and "Moved to this group." in seen(moved)
    assert town.group_of("anna@kommun.example") == town.class_4b.id


def test_who_is_moved_out_of_the_tree_administers_it_no_longer(town: Town, anna: UUID) -> None:
    make_admin(town.world, town.school, anna)
    desk = town.chief
    version = field_of(desk.get(form(anna)), "version")
    desk.sent(form(anna), do="move", version=version, group=str(town.care.id))
    assert town.world.rows("SELECT 1 FROM group_admin WHERE account_id = :id", id=anna) == []


@pytest.mark.parametrize("block", [False, True])
def test_a_user_is_removed_and_blocked_if_that_is_ticked(town: Town, anna: UUID, block: bool) -> None:
    desk = town.head
    version = field_of(desk.get(form(anna)), "version")
    page = desk.sent(form(anna), do="remove", version=version, **({"block": "1"} if block else {}))
    assert "Removed. What the user has sent stays in the log." in seen(page)
    assert row(town, anna)[2:] == (block, True)
    desk.get(form(anna), 404)


def test_nobody_blocks_or_removes_oneself_nor_an_admin_from_above(town: Town, anna: UUID) -> None:
    own = town.head.get(form(town.head_id))
    assert "Remove the user" not in seen(own)
    for fields in ({"do": "remove"}, {"do": "save", "display_name": "", "language": "", "blocked": "1"}):
        answer = town.head.send(form(town.head_id), version="1", **fields)
        assert answer.status_int == 422 and "That is you." in seen(answer)
    make_admin(town.world, town.school, town.chief_id)
    town.world.move_account(town.chief_id, town.school)
    answer = town.head.send(form(town.chief_id), do="remove", version="1")
    assert answer.status_int == 422
    assert "An admin of more than this group." in seen(answer)
    assert row(town, town.chief_id)[2:] == (False, False)


def test_the_form_takes_the_same_statements_however_many_people_and_groups_there_are(
    town: Town, anna: UUID
) -> None:
    def cost() -> int:
        with statements(town.runtime.database.engine) as found:
            page = desk.get(form(anna))
        assert len(page.body) < 100_000
        return len(found)

    desk = town.head
    few = cost()
    town.people(town.school, 2000)
    for n in range(60):
        town.world.group(town.school, f"Klass {n:02}")
    assert cost() == few
