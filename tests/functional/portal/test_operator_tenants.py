"""The operator's pages of organisations: listed, made, suspended, closed and resumed (spec O1)."""

from __future__ import annotations

import pytest

from messa_platform.core.db import Database
from messa_platform.core.ids import new_id
from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Tenant
from tests.support.observe import statements
from tests.support.operators import an_operator, at_the_pages, done, page
from tests.support.portal import field_of, seen
from tests.support.visitors import PASSWORD, Visitor, path_of
from tests.support.world import World

NEW = {
    "name": "Västerhamns kommun",
    "slug": "",
    "language": "sv",
    "admin_address": "eva@vasterhamn.example",
    "admin_name": "Eva Lind",
}


@pytest.fixture
def operator(world: World, runtime: Runtime) -> Visitor:
    return at_the_pages(runtime, an_operator(world))


@pytest.fixture
def kommun(world: World, runtime: Runtime) -> Group:
    """A municipality with Anna, who can sign in."""
    world.numbers()
    world.channel()
    master = world.tenant()
    world.set(master, Key.MAY_RECEIVE, True)
    world.account(
        master, "anna@kommun.example", language="en", password_hash=runtime.passwords.hash(PASSWORD)
    )
    return master


def test_a_new_organisation_is_made_and_its_first_admin_comes_in_by_the_mailed_link(
    operator: Visitor, runtime: Runtime, world: World
) -> None:
    made = done(operator, "/operator/tenants/@@new", NEW)
    assert made.request.path == "/operator/tenants/vasterhamns-kommun"
    text = seen(made)
    assert "its first admin has been written to" in text and "Västerhamns kommun" in text
    [mail] = world.rows("SELECT recipient, text FROM outgoing_mail")
    link = next(word for word in mail.text.split() if "/welcome/" in word)
    eva = Visitor(runtime)
    path = link.removeprefix("http://127.0.0.1:6543")
    chosen = eva.send(path, {"password": PASSWORD, "repeat": PASSWORD})
    assert chosen.status_int == 303
    assert path_of(eva.get("/t")) == "/t/vasterhamns-kommun/@@overview"


def test_what_is_wrong_is_said_beside_its_field_and_what_was_written_stays(
    operator: Visitor, world: World
) -> None:
    world.account(world.tenant("other", "Annan kommun"), "olle@other.example")
    for changed, field, sentence in (
        ({"name": ""}, "name", "Give the organisation a name."),
        ({"slug": "å"}, "slug", "Use 2 to 40 of the letters a-z"),
        ({"slug": "other"}, "slug", "Another organisation has this address."),
        ({"language": "xx"}, "language", "Choose one of the languages."),
        ({"admin_address": "eva"}, "admin_address", "Enter an e-mail address"),
        ({"admin_address": "olle@other.example"}, "admin_address", "The address belongs to Annan kommun."),
        ({"admin_name": "x" * 101}, "admin_name", "Shorten the name to 100 characters"),
    ):
        answer = operator.send("/operator/tenants/@@new", {**NEW, **changed})
        assert answer.status_int == 422
        assert f'id="{field}-error"' in answer.text and sentence in seen(answer)
        assert {**NEW, **changed}["admin_address"] in answer.text
    assert world.value("SELECT count(*) FROM tenant") == 2


def test_organisations_are_searched_and_narrowed_by_state(operator: Visitor, world: World) -> None:
    world.tenant("orebro", "Örebro kommun")
    world.tenant("vaxjo", "Växjö kommun")
    world.run("UPDATE tenant SET state = 'suspended' WHERE slug = 'vaxjo'")
    everything = seen(page(operator, "/operator/tenants"))
    assert "Örebro kommun" in everything and "Växjö kommun" in everything and "Privatpersoner" in everything
    found = seen(page(operator, "/operator/tenants?q=%C3%B6rebro"))
    assert "Örebro kommun" in found and "Växjö kommun" not in found
    found = seen(page(operator, "/operator/tenants?state=suspended"))
    assert "Växjö kommun" in found and "Örebro kommun" not in found
    assert "No organisation like that" in seen(page(operator, "/operator/tenants?q=ystad"))
    page(operator, "/operator/tenants?q=%00&after=%00&state=%00")


def test_many_organisations_come_a_page_at_a_time_with_the_search_kept(
    operator: Visitor, world: World
) -> None:
    for i in range(60):
        world.tenant(f"kommun-{i:02}", f"Kommun nummer {i}")
    first = page(operator, "/operator/tenants?q=kommun-")
    assert "Kommun nummer 49" in first.text and "Kommun nummer 50" not in first.text
    assert 'href="/operator/tenants?after=kommun-49&amp;q=kommun-"' in first.text
    second = page(operator, "/operator/tenants?after=kommun-49&q=kommun-")
    assert "Kommun nummer 59" in second.text and "Kommun nummer 49" not in second.text
    assert 'href="/operator/tenants?q=kommun-"' in second.text


def test_a_page_of_an_organisation_leads_to_its_admin_pages(operator: Visitor, kommun: Group) -> None:
    one = page(operator, "/operator/tenants/kommun")
    assert 'href="/t/kommun/@@overview"' in one.text
    assert "Users 1" in seen(one) and "Suspend the organisation" in seen(one)
    assert "Resume" not in seen(one)


def turn(operator: Visitor, view: str, **fields: str) -> str:
    path = f"/operator/tenants/kommun/@@{view}"
    version = field_of(page(operator, path), "version")
    return seen(done(operator, path, {"version": version, **fields}))


def test_a_suspended_organisations_people_sign_in_read_why_and_send_nothing(
    operator: Visitor, runtime: Runtime, kommun: Group
) -> None:
    assert "Nobody of the organisation can send" in seen(page(operator, "/operator/tenants/kommun/@@suspend"))
    assert "The organisation is suspended." in turn(operator, "suspend")
    anna = Visitor(runtime)
    assert anna.sign_in("anna@kommun.example").status_int == 303
    assert "Your organisation is suspended from sending." in seen(page(anna, "/messages/new"))


def test_closing_tells_what_it_means_and_signs_everybody_out_and_resuming_lets_them_in(
    operator: Visitor, runtime: Runtime, world: World, kommun: Group
) -> None:
    anna = Visitor(runtime)
    anna.sign_in("anna@kommun.example")
    page(anna, "/account")
    wrong = Visitor(runtime).sign_in("anna@kommun.example", "fel lösenord")
    asked = seen(page(operator, "/operator/tenants/kommun/@@close"))
    assert "Users who can no longer sign in 1" in asked and "Its domains are released" in asked
    assert "The organisation is closed." in turn(operator, "close", name="Kommunen")
    assert path_of(anna.get("/account")).startswith("/sign-in")
    refused = Visitor(runtime).sign_in("anna@kommun.example")
    assert (refused.status_int, seen(refused)) == (401, seen(wrong))
    assert "Closed: nobody" in seen(page(operator, "/operator/tenants/kommun"))
    assert "wait to be proven anew" in seen(page(operator, "/operator/tenants/kommun/@@resume"))
    assert "active again" in turn(operator, "resume")
    assert Visitor(runtime).sign_in("anna@kommun.example").status_int == 303


def test_nothing_is_done_on_a_state_that_was_changed_meanwhile_and_who_did_it_is_told(
    operator: Visitor, runtime: Runtime, world: World, kommun: Group
) -> None:
    version = field_of(page(operator, "/operator/tenants/kommun/@@close"), "version")
    other = at_the_pages(runtime, an_operator(world, "bo@messa.example"))
    turn(other, "suspend")
    answer = operator.send("/operator/tenants/kommun/@@close", {"version": version, "name": "Kommunen"})
    text = seen(answer)
    assert answer.status_int == 409
    assert 'value="Kommunen"' in answer.text  # nobody writes it twice
    assert "Nothing was done" in text and "bo@messa.example" in text and "from active to suspended" in text
    assert world.value("SELECT state FROM tenant WHERE slug = 'kommun'") == "suspended"
    again = operator.post(
        "/operator/tenants/kommun/@@close",
        {
            "csrf_token": field_of(answer, "csrf_token"),
            "version": field_of(answer, "version"),
            "name": "Kommunen",
        },
    )
    assert again.status_int == 303
    assert world.value("SELECT state FROM tenant WHERE slug = 'kommun'") == "closed"


def test_what_was_done_already_by_another_operator_is_not_offered_once_more(
    operator: Visitor, runtime: Runtime, world: World, kommun: Group
) -> None:
    version = field_of(page(operator, "/operator/tenants/kommun/@@suspend"), "version")
    turn(operator, "suspend")
    answer = operator.send(
        "/operator/tenants/kommun/@@close", {"version": version}, "/operator/tenants/kommun/@@suspend"
    )
    assert answer.status_int == 409
    assert "Suspend the organisation" not in seen(answer)
    assert path_of(page(operator, "/operator/tenants/kommun/@@suspend", 303)) == "/operator/tenants/kommun"


@pytest.mark.parametrize("name", ["", "Kommun", "Kommunen 2", "Suspend"])
def test_an_organisation_is_not_closed_by_who_does_not_write_its_name(
    operator: Visitor, world: World, kommun: Group, name: str
) -> None:
    version = field_of(page(operator, "/operator/tenants/kommun/@@close"), "version")
    answer = operator.send("/operator/tenants/kommun/@@close", {"version": version, "name": name})
    assert answer.status_int == 422 and 'id="name-error"' in answer.text
    assert "Write “Kommunen”." in seen(answer) and f'value="{name}"' in answer.text
    assert world.value("SELECT state FROM tenant WHERE slug = 'kommun'") == "active"


def test_its_name_may_be_written_in_small_letters_and_suspending_asks_for_none(
    operator: Visitor, world: World, kommun: Group
) -> None:
    assert 'id="name"' not in page(operator, "/operator/tenants/kommun/@@suspend").text
    turn(operator, "suspend")
    assert "The organisation is closed." in turn(operator, "close", name="  kommunen ")


def test_each_way_says_what_it_does_before_one_goes_there(operator: Visitor, kommun: Group) -> None:
    text = seen(page(operator, "/operator/tenants/kommun"))
    suspend = text.index("Suspend the organisation Stops all that it sends, for as long as you like.")
    assert suspend < text.index("Close the organisation For an organisation that leaves:")


def test_the_platforms_own_cannot_be_stopped(operator: Visitor, world: World) -> None:
    assert "Close the organisation" not in seen(page(operator, "/operator/tenants/free"))
    page(operator, "/operator/tenants/free/@@close", 303)
    answer = operator.send("/operator/tenants/@@new", {"version": "1"}, "/operator/tenants/free/@@close")
    assert answer.status_int == 303
    assert world.value("SELECT state FROM tenant WHERE is_free") == "active"


def test_a_version_that_is_no_number_changes_nothing(operator: Visitor, world: World, kommun: Group) -> None:
    for version in ("", "x", "-1", "9" * 40, "²"):
        answer = operator.send("/operator/tenants/kommun/@@close", {"version": version, "name": "Kommunen"})
        assert answer.status_int == 409
    assert world.value("SELECT state FROM tenant WHERE slug = 'kommun'") == "active"


def test_the_list_costs_as_many_statements_and_hardly_more_bytes_for_200_organisations_as_for_2(
    operator: Visitor, runtime: Runtime, database: Database, world: World
) -> None:
    world.tenant("aa", "Första kommunen")

    def cost() -> tuple[int, int]:
        page(operator, "/operator/tenants")
        with statements(runtime.database.engine) as asked:
            answer = page(operator, "/operator/tenants")
        return len(asked), len(answer.body)

    few, _ = cost()
    with database.unit_of_work() as session:
        session.add_all(Tenant(id=new_id(), slug=f"k{i:03}", name=f"Kommun {i}") for i in range(200))
    many, size = cost()
    assert few == many <= 4
    assert size < 100_000


def test_the_pages_speak_swedish_to_who_reads_it(world: World, runtime: Runtime) -> None:
    operator_id = an_operator(world)
    world.run("UPDATE account SET language = 'sv' WHERE id = :id", id=operator_id)
    answer = page(at_the_pages(runtime, operator_id), "/operator/tenants")
    assert '<html lang="sv">' in answer.text
