"""The account's own page: what is left, what texts are sent as, and what the owner changes (spec U1, U4)."""

from __future__ import annotations

from uuid import UUID

import pytest
from webtest import TestResponse

from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from tests.support.observe import statements
from tests.support.portal import seen
from tests.support.visitors import KARIN, PASSWORD, Visitor, path_of, signed_in
from tests.support.world import World

MOBILE = "+46703456789"


@pytest.fixture
def school(world: World, master: Group) -> Group:
    return world.group(master, "Skolan")


@pytest.fixture
def karin(world: World, runtime: Runtime, school: Group) -> UUID:
    """A teacher in a subgroup, who reads English: so that what is looked for here is what the code says."""
    return world.account(school, KARIN, language="en", password_hash=runtime.passwords.hash(PASSWORD))


@pytest.fixture
def visitor(runtime: Runtime, karin: UUID) -> Visitor:
    """Karin, signed in."""
    return signed_in(runtime, KARIN)


def account_of(world: World, account_id: UUID) -> tuple[str, str | None, str | None, str | None]:
    """Display name, language, mobile and signature as they are kept."""
    row = world.rows(
        "SELECT display_name, language, mobile, signature FROM account WHERE id = :id", id=account_id
    )[0]
    return (row.display_name, row.language, row.mobile, row.signature)


def save(visitor: Visitor, **fields: str) -> TestResponse:
    """Fill in the account's form; what is not named is as the page has it from the start."""
    usual = {"mobile": "", "display_name": "", "language": "en", "signature": ""}
    return visitor.send("/account", usual | fields)


# What is left


def test_the_page_says_who_one_is_and_where_one_belongs(visitor: Visitor) -> None:
    words = seen(visitor.get("/account"))
    for told in (KARIN, "Kommunen", "Skolan", "Unlimited"):
        assert told in words


def test_every_limit_is_told_with_until_when_and_the_least_is_marked(
    visitor: Visitor, world: World, school: Group, karin: UUID
) -> None:
    world.account_quota(school, 25)
    world.group_quota(school, 12, window_days=30)
    world.reserve(karin, 2)
    page = visitor.get("/account")
    assert page.html.find(id="sms-left").text == "10"
    rows = [" ".join(row.text.split()) for row in page.html.find("tbody").find_all("tr")]
    assert rows[0] == "You 23 of 25 In all"
    assert rows[1].startswith("The group Skolan 10 of 12 Runs out first 30 days; more on ")
    assert [row.has_attr("data-least") for row in page.html.find("tbody").find_all("tr")] == [False, True]


def test_an_overlying_group_is_neither_named_nor_counted(
    visitor: Visitor, world: World, master: Group, school: Group
) -> None:
    world.run('UPDATE "group" SET name = :name WHERE id = :id', name="Kommunledningen", id=master.id)
    world.group_quota(master, 4711)
    world.group_quota(school, 9000)
    page = visitor.get("/account")
    assert "Kommunledningen" not in page.text
    assert "4711" not in page.text and "4,711" not in page.text
    words = seen(page)
    assert "An overlying group Not shown Runs out first" in words
    assert "An overlying group has a limit, too, and it is the one that will run out first." in words


def test_who_has_nothing_left_is_told_so(visitor: Visitor, world: World, school: Group, karin: UUID) -> None:
    world.account_quota(school, 1)
    world.reserve(karin, 1)
    page = visitor.get("/account")
    words = seen(page)
    assert page.html.find(id="sms-left").text == "0"
    assert "You cannot send just now." in words and "You 0 of 1 Stops you" in words


def test_who_may_not_send_at_all_is_told_that_and_not_that_it_is_used_up(
    visitor: Visitor, world: World, school: Group
) -> None:
    world.account_quota(school, 0)
    words = seen(visitor.get("/account"))
    assert "Sending is not allowed" in words and "0 of 0" not in words


# What texts are sent as


def test_a_group_that_may_not_receive_sends_as_its_sender_name(
    visitor: Visitor, world: World, school: Group
) -> None:
    world.set(school, Key.SENDER_NAME, "Bjorkskolan")
    words = seen(visitor.get("/account"))
    assert "Bjorkskolan" in words and "cannot answer" in words


def test_an_own_number_is_shown_as_people_write_it(
    visitor: Visitor, world: World, school: Group, karin: UUID
) -> None:
    world.set(school, Key.MAY_RECEIVE, True)
    world.channel()
    world.numbers(46730121400, 46730121499)
    assert "with your first text" in seen(visitor.get("/account"))
    world.submit(karin, ["0701740605"])
    words = seen(visitor.get("/account"))
    assert "+46 73 012 14 00" in words and "Your own number." in words


def test_a_number_that_the_numbering_plan_does_not_know_is_shown_as_it_is(
    visitor: Visitor, world: World, school: Group, karin: UUID
) -> None:
    world.set(school, Key.MAY_RECEIVE, True)
    world.channel()
    world.numbers()
    world.submit(karin, ["0701740605"])
    assert "+467301214000000" in seen(visitor.get("/account"))


def test_the_example_has_the_signature_and_says_what_it_takes(visitor: Visitor) -> None:
    save(visitor, signature="/ Karin på Björkskolan")
    page = visitor.get("/account")
    text = page.html.find(id="example").text
    assert text.endswith("Welcome!\n/ Karin på Björkskolan")
    assert f"1 SMS, {len(text)} of 160 characters" in seen(page)


def test_the_example_counts_what_one_sign_outside_the_alphabet_costs(visitor: Visitor) -> None:
    save(visitor, signature="/ Karin 🌻")
    page = visitor.get("/account")
    units = len(page.html.find(id="example").text.encode("utf-16-le")) // 2
    assert f"2 SMS, {units} of 134 characters" in seen(page)


# What the owner changes


def test_one_button_saves_it_all(visitor: Visitor, world: World, karin: UUID) -> None:
    answer = save(visitor, mobile="070-345 67 89", display_name="Karin Åberg", signature="/ Karin")
    assert (answer.status_int, path_of(answer)) == (303, "/account?said=account-saved")
    assert account_of(world, karin) == ("Karin Åberg", "en", MOBILE, "/ Karin")
    page = visitor.follow(answer)
    assert "Saved." in seen(page)
    form = page.forms[next(i for i, form in page.forms.items() if "display_name" in form.fields)]
    shown = {name: form[name].value for name in ("mobile", "display_name", "language", "signature")}
    assert shown == {
        "mobile": "070-345 67 89",
        "display_name": "Karin Åberg",
        "language": "en",
        "signature": "/ Karin",
    }


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("0703456789", MOBILE),
        ("+46 (0)70-345 67 89", MOBILE),
        ("0046703456789", MOBILE),
        ("+47 900 12 345", "+4790012345"),
        ("  ", None),
    ],
)
def test_a_mobile_may_be_written_as_people_do(
    visitor: Visitor, world: World, karin: UUID, written: str, kept: str | None
) -> None:
    assert save(visitor, mobile=written).status_int == 303
    assert account_of(world, karin)[2] == kept


def test_a_mobile_counts_as_of_the_groups_country(
    visitor: Visitor, world: World, school: Group, karin: UUID
) -> None:
    world.set(school, Key.COUNTRY_CODE, "47")
    save(visitor, mobile="900 12 345")
    assert account_of(world, karin)[2] == "+4790012345"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mobile", "ring mig"),
        ("mobile", "07012"),
        ("mobile", "0" * 41),
        ("language", "no"),
        ("display_name", "K" * 101),
        ("signature", "K" * 121),
    ],
)
def test_what_cannot_be_is_said_beside_its_field_and_nothing_is_saved_nor_lost(
    visitor: Visitor, world: World, karin: UUID, field: str, value: str
) -> None:
    page = save(visitor, **({"display_name": "Karin", "signature": "/ Karin"} | {field: value}))
    assert page.status_int == 422
    assert page.html.find(id=f"{field}-error") is not None
    assert page.html.find("a", href=f"#{field}") is not None, "the summary at the top leads there"
    assert account_of(world, karin) == ("", "en", None, None)
    if field != "language":
        assert page.html.find(id=field)["value"] == value


def test_another_language_is_spoken_at_once(visitor: Visitor, world: World, karin: UUID) -> None:
    assert visitor.follow(save(visitor, language="sv")).html.html["lang"] == "sv"
    assert visitor.follow(save(visitor, language="en")).html.html["lang"] == "en"
    world.run("UPDATE tenant SET language = 'sv'")
    assert visitor.follow(save(visitor, language="")).html.html["lang"] == "sv"
    assert account_of(world, karin)[1] is None


@pytest.mark.parametrize("lock", [Lock.LOCKED, Lock.SUBADMIN])
def test_a_locked_signature_is_shown_with_who_locked_it_and_cannot_be_changed(
    visitor: Visitor, world: World, school: Group, karin: UUID, lock: Lock
) -> None:
    world.set(school, Key.SIGNATURE, "/ Skolan", lock)
    page = visitor.get("/account")
    assert page.html.find(id="signature") is None
    locked = page.html.find(id="signature-locked")
    assert locked.has_attr("readonly") and locked["value"] == "/ Skolan" and not locked.has_attr("name")
    assert "Set by the group Skolan, and locked." in seen(page)
    answer = visitor.send("/account", {"mobile": "", "display_name": "Karin", "language": "en"})
    assert answer.status_int == 303
    assert account_of(world, karin) == ("Karin", "en", None, None)


def test_who_locked_a_signature_above_is_not_named(visitor: Visitor, world: World, master: Group) -> None:
    world.set(master, Key.SIGNATURE, "/ Kommunen", Lock.LOCKED)
    words = seen(visitor.get("/account"))
    assert "Set by an overlying group, and locked." in words and "Master" not in words


def test_a_signature_that_was_locked_while_it_was_written_is_refused_with_a_word(
    visitor: Visitor, world: World, school: Group, karin: UUID
) -> None:
    world.set(school, Key.SIGNATURE, "/ Skolan", Lock.LOCKED)
    page = save(visitor, display_name="Karin", signature="/ Karin")
    assert page.status_int == 422
    assert "was locked meanwhile" in seen(page)
    assert account_of(world, karin) == ("", "en", None, None)


def test_a_form_changes_the_account_that_is_signed_in_whatever_it_names(
    visitor: Visitor, world: World, school: Group, karin: UUID
) -> None:
    ola = world.account(school, "ola@kommun.example", display_name="Ola")
    others = {"id": str(ola), "account": str(ola), "account_id": str(ola)}
    assert save(visitor, display_name="Karin", **others).status_int == 303
    assert account_of(world, ola)[0] == "Ola" and account_of(world, karin)[0] == "Karin"


@pytest.mark.parametrize("path", ["/account/{}", "/account/{}/password", "/account/{}/sessions"])
def test_no_address_leads_to_another_account(
    visitor: Visitor, world: World, school: Group, path: str
) -> None:
    ola = world.account(school, "ola@kommun.example", display_name="Ola")
    answer = visitor.get(path.format(ola))
    assert answer.status_int == 404
    assert "ola@kommun.example" not in answer.text


@pytest.mark.parametrize("path", ["/account", "/account/test-sms"])
def test_a_form_without_its_token_does_nothing(
    visitor: Visitor, world: World, karin: UUID, path: str
) -> None:
    world.run("UPDATE account SET mobile = :mobile", mobile=MOBILE)
    assert visitor.post(path, {"display_name": "Någon annan"}).status_int == 400
    assert account_of(world, karin)[0] == ""
    assert world.value("SELECT count(*) FROM message") == 0


def test_who_is_not_signed_in_sees_nothing_of_it(runtime: Runtime, karin: UUID) -> None:
    answer = Visitor(runtime).get("/account")
    assert answer.status_int == 303 and path_of(answer).startswith("/sign-in?next=%2Faccount")


# What it costs, and how it is kept


def test_the_page_takes_as_many_statements_however_much_there_is(
    visitor: Visitor, runtime: Runtime, world: World, school: Group, karin: UUID
) -> None:
    def cost() -> int:
        with statements(runtime.database.engine) as counted:
            assert visitor.get("/account").status_int == 200
        return len(counted)

    world.channel()
    world.account_quota(school, 900, window_days=30)
    few = cost()
    for name in ("Sjuan", "Åttan", "Nian"):
        world.group_quota(world.group(school, name), 10)
    world.group_quota(school, 5000, window_days=7)
    for n in range(40):
        world.submit(karin, [f"07017406{n:02}"], f"Prov {n}")
    assert cost() == few <= 7


def test_a_page_weighs_little_and_is_kept_by_nobody(visitor: Visitor) -> None:
    page = visitor.get("/account")
    assert len(page.body) < 20_000
    assert page.headers["Cache-Control"] == "no-store"
    assert " style=" not in page.text and " onclick=" not in page.text


@pytest.mark.parametrize(
    "path", ["/account", "/account/password", "/account/sessions", "/account/second-factor"]
)
def test_each_page_says_in_the_navigation_which_one_it_is(visitor: Visitor, path: str) -> None:
    tabs = visitor.get(path).html.find("nav", class_="tabs")
    assert [link["href"] for link in tabs.find_all("a")] == [
        "/account",
        "/account/password",
        "/account/sessions",
        "/account/second-factor",
    ]
    assert [link["href"] for link in tabs.find_all("a", attrs={"aria-current": "page"})] == [path]
