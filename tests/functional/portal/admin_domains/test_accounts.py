"""The accounts that come with a domain: told of beforehand, moved, taken along, and brought back (spec D1-D4)."""

from __future__ import annotations

import re
from datetime import timedelta

from messa_platform.core.ids import new_id
from tests.support.domain_pages import CHEF, NAME, Office, words
from tests.support.visitors import signed_in

TOO = "Accounts at the domain outside your groups come too, also from outside the organisation."


def test_the_page_says_beforehand_how_many_of_ones_own_will_move(office: Office) -> None:
    for n in range(3):
        office.world.account(office.school, f"a{n}@{NAME}")
    office.world.account(office.school, f"hand@{NAME}", placed_by_hand=True)
    page = office.chef.follow(office.add(office.chef, "", NAME))
    assert "3 accounts in your groups will be moved to Master" in words(page)
    assert "1 account that an admin has placed in another group stays there" in words(page)
    assert f"{TOO} How many they are is told once the proof is there." in words(page)


def test_who_has_not_proven_a_domain_does_not_learn_how_many_accounts_others_have(office: Office) -> None:
    """Else whoever claims a name would learn how many of its people use messa."""
    other = office.world.tenant("annan", "Annan kommun")
    office.add(office.rektor, "/skolan", NAME)
    office.look()
    klass = office.world.group(office.school, "7A")
    paths = [f"@@{name}?id={office.id_of(NAME)}" for name in ("domain", "domain-live", "move-domain")]
    paths[2] += f"&group={klass.id}"

    def seen() -> list[str]:
        return [words(office.rektor.get(f"/t/kommun/skolan/{path}")) for path in paths]

    before = seen()
    assert "No account in your groups needs to be moved." in before[0] and TOO in before[0]
    for n in range(7):
        office.free(f"fri{n}@{NAME}")
        office.world.account(other, f"annan{n}@{NAME}")
        office.world.account(office.master, f"ovan{n}@{NAME}", placed_by_hand=bool(n % 2))
    office.world.domain(other, f"skolan.{NAME}")
    office.world.domain(other, NAME)
    assert seen() == before
    office.world.account(office.school, f"har@{NAME}")
    office.world.account(klass, f"klass@{NAME}")
    assert "1 account in your groups will be moved to Skolan" in seen()[0]


def test_with_the_proof_the_page_tells_all_who_come(office: Office) -> None:
    for n in range(3):
        office.free(f"a{n}@{NAME}")
    office.world.account(office.school, f"b@{NAME}")
    page = office.chef.follow(office.add(office.chef, "", NAME))
    assert "1 account in your groups will be moved to Master" in words(page)
    office.prove(NAME)
    address = f"/t/kommun/@@domain?id={office.id_of(NAME)}"
    page = office.chef.get(address)
    assert "Moving accounts here: 0 of 4" in words(page) and TOO not in words(page)
    office.work()
    assert "4 accounts were moved here." in words(office.chef.get(address))


def test_a_verified_domain_shows_its_move_and_can_be_undone_for_a_day(office: Office) -> None:
    account = office.free(f"anna@{NAME}")
    before = office.home(account)
    domain_id = office.verified()
    assert office.home(account) == office.master.id
    address = f"/t/kommun/@@domain?id={domain_id}"
    page = office.chef.get(address)
    assert "1 account was moved here." in words(page) and "Undo the move" in words(page)
    task_id = re.search(r'name="task" value="([^"]+)"', page.text)
    assert task_id is not None
    undo = address.replace("@@domain", "@@undo-take")
    page = office.chef.follow(office.chef.send(address, {"task": task_id[1]}, to=undo))
    assert "They are on their way back." in words(page) and "Moving them back: 0 of 1" in words(page)
    office.work()
    assert office.home(account) == before
    page = office.chef.get(address)
    assert "1 account was moved back." in words(page) and "Undo the move" not in words(page)
    again = office.chef.follow(office.chef.send(address, {"task": task_id[1]}, to=undo))
    assert "That can no longer be undone" in words(again)


def test_after_a_day_the_move_is_not_shown_any_more(office: Office) -> None:
    office.free(f"anna@{NAME}")
    domain_id = office.verified()
    office.world.clock.move(timedelta(days=1))
    fresh = signed_in(office.runtime, CHEF)
    assert "moved here" not in words(fresh.get(f"/t/kommun/@@domain?id={domain_id}"))


def test_a_domain_moves_to_another_group_with_its_accounts(office: Office) -> None:
    account = office.free(f"anna@{NAME}")
    domain_id = office.verified()
    address = f"/t/kommun/@@move-domain?id={domain_id}"
    page = office.chef.get(address)
    assert "Skolan" in words(page)
    page = office.chef.get(f"{address}&group={office.school.id}")
    assert "1 account will be moved to Master › Skolan" in words(page)
    done = office.chef.follow(
        office.chef.send(f"{address}&group={office.school.id}", {"group": str(office.school.id)}, to=address)
    )
    assert "The domain belongs to the other group now." in words(done)
    office.work()
    assert office.home(account) == office.school.id
    assert office.chef.get(f"/t/kommun/skolan/@@domain?id={domain_id}").status_int == 200


def test_a_domain_moves_only_to_another_group_that_its_admin_sees(office: Office) -> None:
    office.add(office.rektor, "/skolan", "skolan.example")
    address = f"/t/kommun/skolan/@@move-domain?id={office.id_of('skolan.example')}"
    for group in (office.master.id, office.school.id, new_id(), "x"):
        page = office.rektor.get(f"{address}&group={group}")
        assert page.status_int == 422 and "Master" not in words(page)
        answer = office.rektor.send(address, {"group": str(group)})
        assert answer.status_int == 422
    assert office.world.value("SELECT group_id FROM domain") == office.school.id


def test_those_placed_by_hand_are_taken_along_on_wish(office: Office) -> None:
    account = office.world.account(office.school, f"hand@{NAME}", placed_by_hand=True)
    domain_id = office.verified()
    assert office.home(account) == office.school.id
    address = f"/t/kommun/@@take-along?id={domain_id}"
    assert "1 account at kommun.example was placed in another group" in words(office.chef.get(address))
    page = office.chef.follow(office.chef.send(address, {}))
    assert "They are on their way." in words(page)
    office.work()
    assert office.home(account) == office.master.id
    assert "Everybody at kommun.example is in the group already." in words(office.chef.get(address))


def test_nobody_is_taken_along_with_a_domain_that_is_not_proven(office: Office) -> None:
    account = office.world.account(office.school, f"hand@{NAME}", placed_by_hand=True)
    office.add(office.chef, "", NAME)
    address = f"/t/kommun/@@take-along?id={office.id_of(NAME)}"
    assert office.chef.get(address).status_int == 404
    assert office.chef.send("/t/kommun/@@domains", {}, to=address).status_int == 404
    office.work()
    assert office.home(account) == office.school.id
