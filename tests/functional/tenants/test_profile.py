"""What an owner sees and changes of the account: limits, sender id, signature, mobile, language."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.clock import STOCKHOLM, FixedClock
from messa_platform.tenants.group_settings import Key
from messa_platform.tenants.models import Group, Lock
from messa_platform.tenants.profile import (
    MAX_NAME,
    MAX_SIGNATURE,
    Fault,
    Holder,
    Profile,
    Signature,
    Wish,
    has_password,
    profile,
    save,
)
from tests.support.observe import statements
from tests.support.world import World


def stockholm(day: str) -> datetime:
    """An instant by Stockholm's clocks: `2026-10-25 00:30`."""
    return datetime.fromisoformat(day).replace(tzinfo=STOCKHOLM)


@pytest.fixture
def clock() -> FixedClock:
    """Noon on a Thursday in autumn, ten days before the clocks go back."""
    return FixedClock(stockholm("2026-10-15 12:00"))


@pytest.fixture
def master(world: World) -> Group:
    return world.tenant()


@pytest.fixture
def school(world: World, master: Group) -> Group:
    return world.group(master, "Skolan")


@pytest.fixture
def karin(world: World, school: Group) -> UUID:
    """A teacher, in a subgroup of Master."""
    return world.account(school, "karin@kommun.example")


def of(world: World, account_id: UUID) -> Profile:
    with world.database.unit_of_work() as session:
        return profile(session, world.clock.now(), account_id)


def wish(
    world: World, account_id: UUID, *, language: str | None = None, mobile: str | None = None, **values: Any
) -> dict[str, Fault]:
    """Save what an owner wants; what is not named is left blank, the signature as it is."""
    wanted = Wish(
        values.pop("display_name", ""),
        language=language,
        mobile=mobile,
        signature=values.pop("signature", None),
    )
    assert not values
    with world.database.unit_of_work() as session:
        return save(session, profile(session, world.clock.now(), account_id), wanted)


# What is left, and until when


def test_without_a_limit_nothing_is_said_to_end(world: World, karin: UUID) -> None:
    told = of(world, karin)
    assert (told.limits, told.sms_left, told.is_held_back, told.may_send) == ((), None, False, True)


def test_every_limit_that_applies_is_told_in_order_and_the_least_is_marked(
    world: World, school: Group, karin: UUID
) -> None:
    world.account_quota(school, 30)
    world.group_quota(school, 20)
    world.reserve(karin, 3)
    told = of(world, karin)
    assert [(x.holder, x.left, x.allowed, x.is_least) for x in told.limits] == [
        (Holder.ACCOUNT, 27, 30, False),
        (Holder.GROUP, 17, 20, True),
    ]
    assert told.sms_left == 17


def test_of_two_limits_with_as_much_left_the_one_that_is_asked_first_is_marked(
    world: World, school: Group, karin: UUID
) -> None:
    world.account_quota(school, 5)
    world.group_quota(school, 5)
    assert [x.is_least for x in of(world, karin).limits] == [True, False]


def test_an_overlying_group_shows_no_figures(world: World, master: Group, karin: UUID) -> None:
    world.group_quota(master, 4, window_days=7)
    world.reserve(karin, 1)
    told = of(world, karin)
    [limit] = told.limits
    assert limit.holder is Holder.OVERLYING
    assert (limit.left, limit.allowed, limit.window_days, limit.renews_at) == (None, None, None, None)
    assert (told.sms_left, told.is_held_back, told.may_send) == (None, True, True)


def test_an_overlying_group_that_has_less_left_than_the_account_holds_it_back(
    world: World, master: Group, school: Group, karin: UUID
) -> None:
    world.group_quota(master, 4)
    world.group_quota(school, 3)
    assert not of(world, karin).is_held_back
    world.reserve(world.account(master, "lars@kommun.example"), 2)
    told = of(world, karin)
    assert (told.sms_left, told.is_held_back) == (3, True)


def test_an_overlying_group_that_has_nothing_left_stops_the_account(
    world: World, master: Group, karin: UUID
) -> None:
    world.group_quota(master, 1)
    world.reserve(karin, 1)
    told = of(world, karin)
    assert (told.may_send, told.sms_left) == (False, 0)
    assert [x.is_empty for x in told.limits] == [True]


def test_what_each_account_may_send_is_its_own_figure_even_where_an_overlying_group_set_it(
    world: World, master: Group, karin: UUID
) -> None:
    world.account_quota(master, 25)
    [limit] = of(world, karin).limits
    assert (limit.holder, limit.left, limit.allowed) == (Holder.ACCOUNT, 25, 25)


def test_in_master_the_groups_figures_are_shown(world: World, master: Group) -> None:
    world.group_quota(master, 9)
    told = of(world, world.account(master, "lars@kommun.example"))
    assert [(x.holder, x.left) for x in told.limits] == [(Holder.GROUP, 9)]


def test_not_allowed_to_send_is_told_apart_from_used_up(world: World, school: Group, karin: UUID) -> None:
    world.account_quota(school, 0)
    [limit] = of(world, karin).limits
    assert (limit.allowed, limit.left, limit.is_empty) == (0, 0, True)


def test_a_limit_without_a_window_never_renews(world: World, school: Group, karin: UUID) -> None:
    world.account_quota(school, 25)
    world.reserve(karin, 1)
    [limit] = of(world, karin).limits
    assert (limit.window_days, limit.renews_at) == (None, None)


def test_a_window_in_which_nothing_was_sent_has_nothing_to_renew(
    world: World, school: Group, karin: UUID
) -> None:
    world.account_quota(school, 25, window_days=7)
    [limit] = of(world, karin).limits
    assert (limit.window_days, limit.renews_at) == (7, None)


@pytest.mark.parametrize(
    ("days", "renews"),
    # ten days later the clocks have gone back: a day is the calendar's, not 24 hours
    [(1, "2026-10-16 00:00"), (7, "2026-10-22 00:00"), (30, "2026-11-14 00:00")],
)
def test_a_window_renews_as_many_days_after_what_was_sent_longest_ago(
    world: World, school: Group, karin: UUID, clock: FixedClock, days: int, renews: str
) -> None:
    world.account_quota(school, 2, window_days=days)
    world.reserve(karin, 2)
    [limit] = of(world, karin).limits
    assert limit.renews_at == stockholm(renews)
    clock.at = stockholm(renews) - timedelta(seconds=1)
    assert of(world, karin).sms_left == 0
    clock.at = stockholm(renews)
    assert of(world, karin).sms_left == 2


def test_a_window_of_the_account_and_one_of_the_group_renew_each_by_itself(
    world: World, school: Group, karin: UUID, clock: FixedClock
) -> None:
    world.account_quota(school, 9, window_days=3)
    world.group_quota(school, 9, window_days=3)
    world.reserve(world.account(school, "ola@kommun.example"), 1)
    clock.move(timedelta(days=1))
    world.reserve(karin, 1)
    assert [x.renews_at for x in of(world, karin).limits] == [
        stockholm("2026-10-19 00:00"),
        stockholm("2026-10-18 00:00"),
    ]


def test_what_was_given_back_keeps_no_window_waiting(world: World, school: Group, karin: UUID) -> None:
    world.account_quota(school, 9, window_days=3)
    world.reserve(karin, 1)
    world.run("UPDATE quota_usage SET parts = 0")
    assert of(world, karin).limits[0].renews_at is None


def test_the_page_costs_as_many_statements_however_much_was_sent_and_however_deep_the_group(
    world: World, master: Group, school: Group, karin: UUID, clock: FixedClock
) -> None:
    def cost(account_id: UUID) -> int:
        with world.database.unit_of_work() as session, statements(world.database.engine) as seen:
            profile(session, clock.now(), account_id)
        return len(seen)

    world.account_quota(school, 900, window_days=30)
    shallow = cost(karin)
    deep = school
    for name in ("Högstadiet", "Nian", "9B"):
        deep = world.group(deep, name)
        world.group_quota(deep, 500, window_days=7)
        world.set(deep, Key.SIGNATURE, f"/ {name}", Lock.ALL)
    world.account_quota(deep, 900, window_days=30)
    ola = world.account(deep, "ola@kommun.example")
    for _ in range(20):
        world.reserve(ola, *[1] * 5)
        clock.move(timedelta(days=1))
    assert cost(ola) == shallow == 5


# The rest of what is shown


def test_what_the_owner_chose_is_told_apart_from_what_the_organisation_has(
    world: World, school: Group, karin: UUID
) -> None:
    told = of(world, karin)
    assert (told.language, told.tenant_language, told.organisation) == (None, "sv", "Kommunen")
    assert (told.mobile, told.sender.language) == (None, "sv")
    told = of(world, world.account(school, "ola@kommun.example", language="en", mobile="+46701740605"))
    assert (told.language, told.mobile, told.sender.language) == ("en", "+46701740605", "en")


def test_whether_a_password_was_ever_chosen_is_known(world: World, school: Group, karin: UUID) -> None:
    ola = world.account(school, "ola@kommun.example", password_hash="$argon2id$x")
    with world.database.unit_of_work() as session:
        assert [has_password(session, account) for account in (karin, ola)] == [False, True]


def test_an_account_that_belongs_to_no_organisation_names_none(world: World) -> None:
    free = world.rows(
        'SELECT g.id, g.tenant_id FROM "group" g JOIN tenant t ON t.id = g.tenant_id WHERE t.is_free'
    )[0]
    assert of(world, world.account(free, "olle@hemma.example")).organisation is None


def test_where_nobody_has_set_a_signature_it_is_the_owners_affair(world: World, karin: UUID) -> None:
    assert of(world, karin).signature == Signature(text="", of_group="", may_change=True, group_name="")


@pytest.mark.parametrize(("lock", "may"), [(Lock.LOCKED, False), (Lock.SUBADMIN, False), (Lock.ALL, True)])
def test_the_lock_of_the_groups_signature_decides(
    world: World, school: Group, karin: UUID, lock: Lock, may: bool
) -> None:
    world.set(school, Key.SIGNATURE, "/ Skolan", lock)
    told = of(world, karin).signature
    assert told == Signature(text="/ Skolan", of_group="/ Skolan", may_change=may, group_name="Skolan")


def test_a_signature_that_comes_from_above_names_no_group(world: World, master: Group, karin: UUID) -> None:
    world.set(master, Key.SIGNATURE, "/ Kommunen", Lock.LOCKED)
    told = of(world, karin).signature
    assert (told.text, told.group_name) == ("/ Kommunen", None)


def test_the_nearest_group_that_has_set_a_signature_is_the_one_that_is_named(
    world: World, master: Group, school: Group, karin: UUID
) -> None:
    world.set(master, Key.SIGNATURE, "/ Kommunen", Lock.LOCKED)
    world.set(school, Key.SIGNATURE, "/ Skolan", Lock.ALL)
    told = of(world, karin).signature
    assert (told.text, told.group_name, told.may_change) == ("/ Skolan", "Skolan", True)


# What is changed


def test_what_the_owner_saves_is_what_the_page_then_shows(world: World, karin: UUID) -> None:
    faults = wish(
        world, karin, display_name="Karin Åberg", language="en", mobile="+46703456789", signature="/ Karin"
    )
    told = of(world, karin)
    assert faults == {}
    assert (told.sender.display_name, told.language, told.mobile) == ("Karin Åberg", "en", "+46703456789")
    assert told.signature.text == "/ Karin"


def test_what_is_left_blank_is_taken_away(world: World, karin: UUID) -> None:
    wish(world, karin, display_name="Karin", language="en", mobile="+46703456789", signature="/ Karin")
    wish(world, karin, signature="")
    told = of(world, karin)
    assert (told.sender.display_name, told.language, told.mobile, told.signature.text) == ("", None, None, "")


def test_a_signature_that_is_not_named_stays(world: World, karin: UUID) -> None:
    wish(world, karin, signature="/ Karin")
    wish(world, karin, display_name="Karin")
    assert of(world, karin).signature.text == "/ Karin"


def test_saving_one_account_leaves_the_others_alone(world: World, school: Group, karin: UUID) -> None:
    ola = world.account(school, "ola@kommun.example", display_name="Ola", signature="/ Ola")
    wish(world, karin, display_name="Karin", signature="/ Karin")
    told = of(world, ola)
    assert (told.sender.display_name, told.signature.text) == ("Ola", "/ Ola")


def test_an_empty_signature_silences_the_groups_and_the_groups_own_text_follows_it(
    world: World, school: Group, karin: UUID
) -> None:
    world.set(school, Key.SIGNATURE, "/ Skolan", Lock.ALL)
    wish(world, karin, signature="")
    assert of(world, karin).signature.text == ""
    wish(world, karin, signature="/ Skolan")
    world.set(school, Key.SIGNATURE, "/ Nya skolan", Lock.ALL)
    assert of(world, karin).signature.text == "/ Nya skolan"


@pytest.mark.parametrize("lock", [Lock.LOCKED, Lock.SUBADMIN])
def test_a_locked_signature_cannot_be_changed_whatever_is_posted(
    world: World, school: Group, karin: UUID, lock: Lock
) -> None:
    world.set(school, Key.SIGNATURE, "/ Skolan", lock)
    faults = wish(world, karin, display_name="Karin", signature="/ Karin")
    told = of(world, karin)
    assert faults == {"signature": Fault.LOCKED}
    assert (told.signature.text, told.sender.display_name) == ("/ Skolan", "")


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("display_name", "K" * (MAX_NAME + 1), Fault.TOO_LONG),
        ("signature", "K" * (MAX_SIGNATURE + 1), Fault.TOO_LONG),
        ("language", "no", Fault.UNKNOWN_LANGUAGE),
        ("mobile", "0703456789", Fault.NOT_A_NUMBER),
        ("mobile", "+4670345678901234", Fault.NOT_A_NUMBER),
    ],
)
def test_what_cannot_be_is_told_by_its_field_and_nothing_is_saved(
    world: World, karin: UUID, field: str, value: str, fault: Fault
) -> None:
    values: dict[str, Any] = {"display_name": "Karin", "signature": "/ Karin", field: value}
    assert wish(world, karin, **values) == {field: fault}
    told = of(world, karin)
    assert (told.sender.display_name, told.signature.text) == ("", "")


def test_as_long_as_allowed_is_allowed(world: World, karin: UUID) -> None:
    assert wish(world, karin, display_name="K" * MAX_NAME, signature="/" * MAX_SIGNATURE) == {}


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("  / Karin \r\n Åberg\t ", "/ Karin Åberg"),
        ("/ Karin\x07\x85", "/ Karin"),
        ("/ 👩‍🏫 Karin", "/ 👩‍🏫 Karin"),
        ("\ud83d Karin", "Karin"),
    ],
)
def test_a_signature_is_one_line_without_what_nobody_can_see(
    world: World, karin: UUID, written: str, kept: str
) -> None:
    assert wish(world, karin, signature=written, display_name=written) == {}
    told = of(world, karin)
    assert (told.signature.text, told.sender.display_name) == (kept, kept)
