"""A group's permissions, sender name and signature in the portal, filled in as by a browser without any script (spec G2-G9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from webtest import Form, TestResponse

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from tests.support.observe import statements
from tests.support.portal import seen
from tests.support.town import an_admin
from tests.support.visitors import Visitor, signed_in
from tests.support.world import World

MASTER, SCHOOL, CLASS = "/t/kommun", "/t/kommun/skolan", "/t/kommun/skolan/4b"


@dataclass
class Town:
    """A municipality with a school and a class; `boss` administers all of it, `head` the school. Both read English."""

    world: World
    master: Group
    school: Group
    class_: Group
    boss: Visitor
    head: Visitor

    def value(self, group: Group, key: Key) -> Any:
        """What a group has set itself."""
        rows = self.world.rows(
            "SELECT value FROM group_setting WHERE group_id = :id AND key = :key", id=group.id, key=key.value
        )
        return rows[0].value if rows else None

    def lock(self, group: Group, key: Key) -> str:
        return str(
            self.world.value(
                "SELECT lock FROM group_setting WHERE group_id = :id AND key = :key",
                id=group.id,
                key=key.value,
            )
        )


def administer(world: World, runtime: Runtime, group: Group, address: str) -> Visitor:
    an_admin(world, runtime, address, group)
    return signed_in(runtime, address)


@pytest.fixture
def town(world: World, runtime: Runtime, master: Group) -> Town:
    school = world.group(master, "Skolan")
    class_ = world.group(school, "4B")
    boss = administer(world, runtime, master, "chef@kommun.example")
    head = administer(world, runtime, school, "rektor@kommun.example")
    return Town(world, master, school, class_, boss, head)


def opened(visitor: Visitor, path: str) -> TestResponse:
    page = visitor.get(path)
    assert page.status_int == 200, page.status
    return page


def form_of(page: TestResponse) -> Form:
    """The page's form of settings."""
    return next(form for form in page.forms.values() if any("-seen" in (name or "") for name in form.fields))


def filled(page: TestResponse, **fields: Any) -> TestResponse:
    """Fill in a page's form and send it; `__` in a field's name stands for its hyphen."""
    form = form_of(page)
    for name, value in fields.items():
        form[name.replace("__", "-")] = value
    return form.submit(status="*")


def save(visitor: Visitor, path: str, **fields: Any) -> TestResponse:
    """Open a page, fill in its form, send it, and go where that leads."""
    answer = filled(opened(visitor, path), **fields)
    assert answer.status_int == 303, seen(answer)[:1500]
    return visitor.follow(answer)


# Permissions


def test_every_setting_says_whether_it_is_set_here_or_where_it_comes_from(town: Town) -> None:
    town.world.set(town.master, Key.COUNTRY_CODE, "47")
    town.world.set(town.school, Key.TOO_LONG, "cut")
    text = seen(opened(town.boss, f"{CLASS}/@@settings"))
    assert "Inherited from Master" in text and "Inherit from Master: +47" in text
    assert "Inherited from Skolan" in text and "Inherit from Skolan: are cut" in text
    assert "The platform's default" in text
    assert "Set here" in seen(opened(town.boss, f"{SCHOOL}/@@settings"))


def test_an_admin_below_reads_of_an_overlying_group_and_not_its_name(town: Town) -> None:
    town.world.set(town.master, Key.COUNTRY_CODE, "47")
    town.world.group_quota(town.master, 4711)
    page = opened(town.head, f"{SCHOOL}/@@settings")
    assert "Inherited from an overlying group" in seen(page)
    assert "An overlying group has a limit, too." in seen(page)
    assert "Master" not in page.text and "4711" not in page.text and "4,711" not in page.text


def test_an_overlying_groups_quota_for_each_user_is_told_only_while_it_holds_here(town: Town) -> None:
    town.world.account_quota(town.master, 4711)
    assert "4,711 SMS" in seen(opened(town.head, f"{SCHOOL}/@@settings"))
    town.world.account_quota(town.school, 5)
    page = opened(town.head, f"{SCHOOL}/@@settings")
    assert "4,711" not in page.text and "4711" not in page.text
    assert "Inherit from an overlying group" in seen(page)


def test_to_set_a_value_here_the_box_for_inheriting_is_unticked(town: Town) -> None:
    page = save(town.boss, f"{SCHOOL}/@@settings", country_code="47", country_code__inherit=False)
    assert "Saved: Country code." in seen(page, "body")
    assert town.value(town.school, Key.COUNTRY_CODE) == "47"
    assert [
        r.subject for r in town.world.rows("SELECT subject FROM audit_entry WHERE action = 'setting_set'")
    ] == ["country_code"]
    save(town.boss, f"{SCHOOL}/@@settings", country_code__inherit=True)
    assert town.value(town.school, Key.COUNTRY_CODE) is None


def test_another_value_under_a_box_that_is_still_ticked_is_not_lost_in_silence(town: Town) -> None:
    answer = filled(opened(town.boss, f"{SCHOOL}/@@settings"), country_code="47")
    assert answer.status_int == 422
    assert "holds once you untick the box below it" in seen(answer)
    form = form_of(answer)
    assert form["country_code"].value == "47"
    form["country_code-inherit"] = False
    assert form.submit(status="*").status_int == 303
    assert town.value(town.school, Key.COUNTRY_CODE) == "47"


def test_another_lock_for_what_is_inherited_is_not_lost_in_silence_either(town: Town) -> None:
    answer = filled(opened(town.boss, f"{SCHOOL}/@@settings"), country_code__lock="locked")
    assert answer.status_int == 422
    assert "holds once you untick the box below it" in seen(answer)


@pytest.mark.parametrize(
    ("name", "word"), [("too_long", "shout"), ("too_long-lock", "all"), ("too_long-lock", "")]
)
def test_what_no_form_of_ours_has_is_refused(town: Town, name: str, word: str) -> None:
    form = form_of(opened(town.boss, f"{SCHOOL}/@@settings"))
    fields = {n: str(v) for n, v in form.submit_fields() if n} | {name: word}
    del fields["too_long-inherit"]
    answer = town.boss.post(f"{SCHOOL}/@@settings", fields)
    assert answer.status_int == 422
    assert "Choose one of the alternatives." in seen(answer)


def test_a_form_that_is_sent_as_it_came_changes_nothing(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "47")
    town.world.group_quota(town.school, 500, 30, 3)
    page = save(town.boss, f"{SCHOOL}/@@settings")
    assert "Nothing was changed." in seen(page, "body")
    assert town.world.rows("SELECT id FROM audit_entry") == []


def test_all_of_the_form_can_be_set_at_once(town: Town) -> None:
    keys = ("country_code", "may_receive", "smart_characters", "too_long", "group_quota", "account_quota")
    save(
        town.boss, f"{SCHOOL}/@@settings", **{f"{key}__inherit": False for key in keys},
        country_code="+358", may_receive="yes", smart_characters="no", too_long="cut", too_long__lock="locked",
        group_quota="number", group_quota__sms="12 500", group_quota__window="30",
        account_quota="barred", account_quota__parts="3", account_quota__lock="subadmin",
    )  # fmt: skip
    values = [town.value(town.school, Key(key)) for key in keys]
    assert values[:4] == ["358", True, False, "cut"]
    assert values[4] == {"sms": 12500, "window_days": 30, "max_parts": 9}
    assert values[5] == {"sms": 0, "window_days": None, "max_parts": 3}
    assert town.lock(town.school, Key.GROUP_QUOTA) == town.lock(town.school, Key.TOO_LONG) == "locked"
    assert town.lock(town.school, Key.ACCOUNT_QUOTA) == town.lock(town.school, Key.COUNTRY_CODE) == "subadmin"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"country_code": "999"}, "Enter a country code in digits"),
        ({"country_code": "fyrtiosex"}, "Enter a country code in digits"),
        ({"group_quota": "number", "group_quota__sms": "många"}, "Enter a number of SMS"),
        ({"group_quota": "number", "group_quota__sms": "999999999"}, "Enter a number of SMS"),
        ({"group_quota": "number", "group_quota__sms": ""}, "Enter a number of SMS"),
        ({"group_quota": "unlimited", "group_quota__sms": "50"}, "Choose the alternative with a number"),
        (
            {"account_quota": "number", "account_quota__sms": "5", "account_quota__window": "400"},
            "Enter a number of days",
        ),
        (
            {"account_quota": "number", "account_quota__sms": "5", "account_quota__window": "0"},
            "Enter a number of days",
        ),
    ],
)
def test_what_cannot_be_is_said_at_its_field_and_nothing_is_saved(
    town: Town, fields: dict[str, str], sentence: str
) -> None:
    unticked = {
        f"{key}__inherit": False for key in ("country_code", "group_quota", "account_quota", "too_long")
    }
    answer = filled(opened(town.boss, f"{SCHOOL}/@@settings"), **unticked, **fields)
    assert answer.status_int == 422
    assert sentence in seen(answer)
    name = re.search(r'<li><a href="#([\w-]+)">', answer.text)
    assert name and f'id="{name[1]}"' in answer.text and f'id="{name[1]}-error"' in answer.text
    assert town.world.rows("SELECT key FROM group_setting WHERE group_id = :id", id=town.school.id) == []


def test_a_quota_shows_what_is_used_and_left_for_this_group_and_those_above_it(
    town: Town, clock: FixedClock
) -> None:
    town.world.group_quota(town.master, 5000)
    town.world.group_quota(town.school, 10, window_days=7)
    anna = town.world.account(town.school, "anna@kommun.example")
    clock.move(timedelta(minutes=1))
    town.world.reserve(anna, 3)
    page = opened(town.boss, f"{SCHOOL}/@@settings")
    text = seen(page)
    assert "This group : 3 of 10 SMS used, 7 left" in text and "Counted today and the 6 days before" in text
    assert "Master : 3 of 5,000 SMS used, 4,997 left" in text
    assert re.findall(r'<progress class="progress" max="(\d+)" value="(\d+)"', page.text) == [
        ("10", "3"),
        ("5000", "3"),
    ]


def test_the_page_warns_while_master_lets_nobody_send(town: Town) -> None:
    page = opened(town.boss, f"{MASTER}/@@settings")
    assert "Do not choose this for the topmost group" in seen(page)
    assert "Nobody in the organisation can send." not in seen(page)
    save(town.boss, f"{MASTER}/@@settings", group_quota="barred", group_quota__inherit=False)
    for path in (MASTER, SCHOOL):
        assert "Nobody in the organisation can send." in seen(opened(town.boss, f"{path}/@@settings"))
    assert "Nobody in the organisation" not in seen(opened(town.head, f"{SCHOOL}/@@settings"))


@pytest.mark.parametrize(
    ("quota", "sentence"),
    [
        (None, "may send as much as the group's limits allow"),
        ((0, None), "The users in this group may not send."),
        ((25, None), "may send 25 SMS in all"),
        ((25, 1), "may send 25 SMS a day"),
        ((25, 7), "may send 25 SMS in 7 days: today and the days before"),
    ],
)
def test_what_the_quota_of_each_user_means_is_said_in_a_sentence(
    town: Town, quota: Any, sentence: str
) -> None:
    if quota is not None:
        town.world.account_quota(town.master, *quota)
    assert sentence in seen(opened(town.head, f"{SCHOOL}/@@settings"))


def test_a_quota_without_a_window_goes_on_unless_it_is_to_count_from_now(
    town: Town, clock: FixedClock
) -> None:
    path, key = f"{SCHOOL}/@@settings", Key.GROUP_QUOTA
    save(town.boss, path, group_quota="number", group_quota__sms="10", group_quota__inherit=False)
    anna = town.world.account(town.school, "anna@kommun.example")
    clock.move(timedelta(minutes=1))
    town.world.reserve(anna, 3)
    assert "3 of 8 SMS used" in seen(save(town.boss, path, group_quota__sms="8"))
    clock.move(timedelta(minutes=1))
    assert "0 of 8 SMS used" in seen(save(town.boss, path, group_quota__anew=True))
    assert town.value(town.school, key)["sms"] == 8


def test_turning_receiving_off_has_the_numbers_taken_back(town: Town) -> None:
    town.world.set(town.school, Key.MAY_RECEIVE, True)
    page = save(town.boss, f"{SCHOOL}/@@settings", may_receive="no")
    assert "numbers of those who can receive no more are being taken back" in seen(page, "body")
    kinds = town.world.rows("SELECT kind, group_id FROM task JOIN task_work USING (id)")
    assert [tuple(row) for row in kinds] == [("recall_numbers", town.school.id)]


# Locks


def test_what_master_has_locked_is_shown_read_only_to_the_school_with_the_reason(town: Town) -> None:
    town.world.set(town.master, Key.COUNTRY_CODE, "47", Lock.LOCKED)
    page = opened(town.head, f"{SCHOOL}/@@settings")
    assert "Locked by an overlying group" in seen(page)
    assert "+47" in seen(page) and 'name="country_code"' not in page.text
    assert 'name="too_long"' in page.text
    assert 'name="country_code"' in opened(town.boss, f"{SCHOOL}/@@settings").text


def test_where_everything_is_locked_there_is_nothing_to_save(town: Town) -> None:
    town.world.set(town.master, Key.SENDER_NAME, "Kommunen", Lock.LOCKED)
    page = opened(town.head, f"{SCHOOL}/@@sender-name")
    assert "Kommunen" in seen(page) and ">Save<" not in page.text


def test_a_subadmin_cannot_unlock_what_master_has_locked_even_with_a_form_of_before(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "47")
    page = opened(town.head, f"{SCHOOL}/@@settings")
    save(town.boss, f"{SCHOOL}/@@settings", country_code__lock="locked")
    answer = filled(page, country_code="45", country_code__lock="subadmin")
    assert answer.status_int == 409
    assert "has locked this meanwhile, and nothing of yours was saved: Country code" in seen(answer)
    assert (town.value(town.school, Key.COUNTRY_CODE), town.lock(town.school, Key.COUNTRY_CODE)) == (
        "47",
        "locked",
    )


def test_the_page_tells_how_many_groups_below_have_their_own_and_removes_those_if_one_wants(
    town: Town,
) -> None:
    town.world.set(town.class_, Key.COUNTRY_CODE, "358")
    assert "1 group below has its own" in seen(opened(town.boss, f"{SCHOOL}/@@settings"))
    save(town.boss, f"{SCHOOL}/@@settings", country_code="47", country_code__inherit=False)
    assert town.value(town.class_, Key.COUNTRY_CODE) == "358"
    save(town.boss, f"{SCHOOL}/@@settings", country_code__below=True)
    assert town.value(town.class_, Key.COUNTRY_CODE) is None


# Two at once


def test_of_two_admins_the_second_is_shown_both_values_and_may_save_again(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "46")
    late = opened(town.boss, f"{SCHOOL}/@@settings")
    save(town.head, f"{SCHOOL}/@@settings", country_code="47", too_long="cut", too_long__inherit=False)
    answer = filled(late, country_code="45", smart_characters="no", smart_characters__inherit=False)
    assert answer.status_int == 409
    text = seen(answer)
    assert "Somebody else has changed the same thing meanwhile" in text
    assert "rektor@kommun.example: Changed the setting Country code" in text and "+46 → +47" in text
    assert re.search(r"Country code\s+\+45\s+\+47", text)
    assert (town.value(town.school, Key.COUNTRY_CODE), town.value(town.school, Key.SMART_CHARACTERS)) == (
        "47",
        None,
    )
    form = form_of(answer)
    assert (form["country_code"].value, form["smart_characters"].value, form["too_long"].value) == (
        "45",
        "no",
        "cut",
    )
    assert form.submit(status="*").status_int == 303
    values = [town.value(town.school, k) for k in (Key.COUNTRY_CODE, Key.SMART_CHARACTERS, Key.TOO_LONG)]
    assert values == ["45", False, "cut"]


def test_two_admins_who_change_different_things_do_not_disturb_each_other(town: Town) -> None:
    late = opened(town.boss, f"{SCHOOL}/@@settings")
    save(town.head, f"{SCHOOL}/@@settings", country_code="47", country_code__inherit=False)
    assert filled(late, too_long="cut", too_long__inherit=False).status_int == 303
    assert [town.value(town.school, k) for k in (Key.COUNTRY_CODE, Key.TOO_LONG)] == ["47", "cut"]


def test_an_admin_below_is_not_told_who_above_was_first(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "46")
    late = opened(town.head, f"{SCHOOL}/@@settings")
    save(town.boss, f"{SCHOOL}/@@settings", country_code="47")
    answer = filled(late, country_code="45")
    assert answer.status_int == 409
    assert "an admin of an overlying group" in seen(answer) and "chef@" not in answer.text


def test_after_a_fault_of_the_form_a_change_of_another_is_still_noticed(town: Town) -> None:
    town.world.set(town.school, Key.COUNTRY_CODE, "46")
    faulty = filled(opened(town.boss, f"{SCHOOL}/@@settings"), country_code="999")
    save(town.head, f"{SCHOOL}/@@settings", country_code="47")
    assert filled(faulty, country_code="45").status_int == 409


# Sender name


def test_a_sender_name_is_set_and_inherited_below(town: Town) -> None:
    save(town.boss, f"{MASTER}/@@sender-name", sender_name=" Kommunen ", sender_name__inherit=False)
    assert town.value(town.master, Key.SENDER_NAME) == "Kommunen"
    assert "Inherited from an overlying group" in seen(opened(town.head, f"{SCHOOL}/@@sender-name"))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "Enter a sender name."),
        ("112", "Add a letter"),
        ("Skolan i byn", "Shorten the sender name to 11"),
        ("Skolan & co", "This does not fit: &"),
        ("Škola <b>", "This does not fit: Š &lt; &gt;"),
    ],
)
def test_a_sender_name_that_cannot_be_is_refused_with_what_is_wrong(
    town: Town, name: str, sentence: str
) -> None:
    answer = filled(
        opened(town.boss, f"{SCHOOL}/@@sender-name"), sender_name=name, sender_name__inherit=False
    )
    assert answer.status_int == 422
    assert sentence in seen(answer)
    assert town.value(town.school, Key.SENDER_NAME) is None


def test_the_page_says_where_names_are_refused_and_when_the_name_is_not_used(town: Town) -> None:
    text = seen(opened(town.boss, f"{SCHOOL}/@@sender-name"))
    assert "United States" in text and "Canada" in text and "Nobody can answer a name" in text
    town.world.set(town.school, Key.MAY_RECEIVE, True)
    assert "own numbers show instead of the name" in seen(opened(town.boss, f"{SCHOOL}/@@sender-name"))


# Signature


@pytest.mark.parametrize("lock", ["locked", "subadmin", "all"])
def test_a_signature_is_set_with_its_lock(town: Town, lock: str) -> None:
    save(
        town.boss,
        f"{SCHOOL}/@@signature",
        signature="/Skolan\ni byn",
        signature__inherit=False,
        signature__lock=lock,
    )
    assert (town.value(town.school, Key.SIGNATURE), town.lock(town.school, Key.SIGNATURE)) == (
        "/Skolan i byn",
        lock,
    )


def test_a_signature_of_the_school_stays_when_it_is_too_long_to_be_saved(town: Town) -> None:
    town.world.set(town.school, Key.SIGNATURE, "/Skolan")
    answer = filled(opened(town.boss, f"{SCHOOL}/@@signature"), signature="/" * 121)
    assert answer.status_int == 422
    assert "Shorten the signature to 120 characters" in seen(answer) and "1 character too long" in seen(
        answer
    )
    assert town.value(town.school, Key.SIGNATURE) == "/Skolan"


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("", "No signature"),
        ("/Skolan", "Takes 8 of the 160 characters of an SMS; 152 are left for the text"),
        ("/Skolan – 4B", "Takes 13 of the 160 characters"),
        (
            "/Skolan 😀",
            "Takes 11 of the 70 characters of an SMS; 59 are left for the text · 😀 leaves room for 70 characters",
        ),
        ("/" * 125, "5 characters too long"),
    ],
)
def test_while_a_signature_is_written_its_length_is_told(town: Town, signature: str, words: str) -> None:
    page = opened(town.boss, f"{SCHOOL}/@@signature")
    answer = town.boss.post(
        f"{SCHOOL}/@@signature-count",
        {"signature": signature, "csrf_token": form_of(page)["csrf_token"].value},
    )
    assert (answer.status_int, words in seen(answer)) == (200, True), answer.text


# Whose pages they are


@pytest.mark.parametrize("view", ["@@settings", "@@sender-name", "@@signature"])
def test_who_does_not_administer_the_group_finds_nothing_there(
    town: Town, world: World, runtime: Runtime, view: str
) -> None:
    sibling = world.group(town.master, "Omsorgen")
    chief = administer(world, runtime, sibling, "chef@omsorgen.example")
    for visitor, path in ((town.head, MASTER), (chief, SCHOOL)):
        token = form_of(
            opened(visitor, f"/t/kommun/{'skolan' if visitor is town.head else 'omsorgen'}/{view}")
        )["csrf_token"].value
        assert visitor.get(f"{path}/{view}").status_int == 404
        assert visitor.post(f"{path}/{view}", {"csrf_token": token, "country_code": "47"}).status_int == 404


@pytest.mark.parametrize("view", ["@@settings", "@@sender-name", "@@signature"])
def test_a_page_costs_the_same_statements_with_forty_groups_as_with_two_and_stays_small(
    town: Town, view: str
) -> None:
    def ask() -> tuple[int, int]:
        with statements(town.boss.runtime.database.engine) as asked:
            page = opened(town.boss, f"{SCHOOL}/{view}")
        return len(asked), len(page.body)

    few, _ = ask()
    for index in range(40):
        group = town.world.group(town.school, f"Klass {index}")
        town.world.set(group, Key.COUNTRY_CODE, "47")
    many, size = ask()
    assert many == few
    assert size < 100_000
