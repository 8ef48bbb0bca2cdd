"""The settings in force for a group (spec G2-G9), against a model that is too plain to be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.core.ids import new_id
from messa_platform.tenants.group_settings import (
    DEFAULTS,
    MAX_PARTS,
    MAX_SENDER_NAME,
    GroupNode,
    InForce,
    Key,
    TooLong,
    fits,
    in_force,
    one_line,
    signature_for,
)
from messa_platform.tenants.models import Lock

TENANT = new_id()
MONDAY = datetime(2026, 11, 16, 8, 0, tzinfo=UTC)

QUOTAS = st.none() | st.fixed_dictionaries(
    {
        "sms": st.none() | st.integers(0, 500),
        "window_days": st.none() | st.integers(1, 31),
        "max_parts": st.integers(1, 9),
    }
)
VALUES: dict[Key, st.SearchStrategy[Any]] = {
    Key.COUNTRY_CODE: st.sampled_from(["46", "47", "45", "358"]),
    Key.MAY_RECEIVE: st.booleans(),
    Key.SENDER_NAME: st.sampled_from(["Skolan", "Omsorgen", "Kommunen"]),
    Key.SMART_CHARACTERS: st.booleans(),
    Key.TOO_LONG: st.sampled_from([t.value for t in TooLong]),
    Key.SIGNATURE: st.sampled_from(["", "/Skolan", "Hälsningar\nKommunen"]),
    Key.GROUP_QUOTA: QUOTAS,
    Key.ACCOUNT_QUOTA: QUOTAS,
}
OWN = st.fixed_dictionaries(
    {},
    optional={
        key: st.tuples(
            value, st.sampled_from(Lock), st.integers(0, 50).map(lambda h: MONDAY + timedelta(hours=h))
        )
        for key, value in VALUES.items()
    },
)


def node(name: str, **own: Any) -> GroupNode:
    """A group that has set these values itself, on Monday, changeable by subadmins."""
    return GroupNode(new_id(), name, {Key(k): (v, Lock.SUBADMIN, MONDAY) for k, v in own.items()})


def of(*path: GroupNode) -> InForce:
    return in_force(TENANT, path)


@pytest.mark.parametrize(
    ("key", "above", "here"),
    [
        ("country_code", "46", "47"),
        ("may_receive", True, False),
        ("sender_name", "Kommunen", "Skolan"),
        ("smart_characters", False, True),
        ("too_long", TooLong.CUT, TooLong.REFUSE),
        ("signature", "Kommunen", ""),
    ],
)
def test_a_setting_comes_from_the_nearest_group_that_has_it(key: str, above: Any, here: Any) -> None:
    master, middle, school = (
        node("Master", **{key: above}),
        node("Förvaltningen"),
        node("Skolan", **{key: here}),
    )
    assert getattr(of(master, middle), key) == above
    assert getattr(of(master, middle, school), key) == here
    assert getattr(of(master, middle, school, node("4B")), key) == here


def test_under_master_lie_the_platforms_defaults() -> None:
    found = of(node("Master"), node("Skolan"))
    assert (found.country_code, found.may_receive, found.sender_name) == ("46", False, "messa")
    assert (found.smart_characters, found.too_long, found.signature) == (True, TooLong.REFUSE, "")
    assert (found.group_quotas, found.account_quota, found.max_parts) == ((), None, MAX_PARTS)
    assert set(DEFAULTS) == set(Key)


def test_group_quotas_add_up_from_the_group_itself_to_master() -> None:
    master = node("Master", group_quota={"sms": 100, "window_days": 30, "max_parts": 5})
    school = node("Skolan", group_quota={"sms": 10, "window_days": None, "max_parts": 9})
    found = of(master, node("Förvaltningen"), school)
    assert [(q.group_name, q.sms, q.window_days) for q in found.group_quotas] == [
        ("Skolan", 10, None),
        ("Master", 100, 30),
    ]
    assert [(q.group_id, q.since) for q in found.group_quotas] == [(school.id, MONDAY), (master.id, MONDAY)]


def test_an_account_quota_is_inherited_only_while_the_group_has_set_none() -> None:
    master = node("Master", account_quota={"sms": 5, "window_days": 1, "max_parts": 2})
    inherited = of(master, node("Skolan")).account_quota
    assert inherited is not None
    assert (inherited.sms, inherited.group_name) == (5, "Master")
    own = of(
        master, node("Skolan", account_quota={"sms": 50, "window_days": 7, "max_parts": 2})
    ).account_quota
    assert own is not None
    assert (own.sms, own.window_days, own.group_name) == (50, 7, "Skolan")


def test_a_group_can_lift_the_account_quota_that_it_would_inherit() -> None:
    master = node("Master", account_quota={"sms": 5, "window_days": 1, "max_parts": 2})
    assert of(master, node("Skolan", account_quota=None)).account_quota is None


def test_the_parts_allowed_are_the_least_of_every_limit_that_applies() -> None:
    master = node(
        "Master", group_quota={"sms": None, "max_parts": 4}, account_quota={"sms": None, "max_parts": 3}
    )
    assert of(master).max_parts == 3
    assert of(master, node("Skolan", group_quota={"sms": 7, "max_parts": 1})).max_parts == 1
    assert of(master, node("Skolan", account_quota={"sms": 7, "max_parts": 9})).max_parts == 4


@pytest.mark.parametrize(
    ("lock", "own", "signature"),
    [
        (Lock.LOCKED, "/Anna", "/Skolan"),
        (Lock.SUBADMIN, "/Anna", "/Skolan"),
        (Lock.ALL, "/Anna", "/Anna"),
        (Lock.ALL, "", ""),
        (Lock.ALL, None, "/Skolan"),
        (Lock.LOCKED, None, "/Skolan"),
    ],
)
def test_an_own_signature_counts_only_where_the_group_lets_all_change_it(
    lock: Lock, own: str | None, signature: str
) -> None:
    master = GroupNode(new_id(), "Master", {Key.SIGNATURE: ("/Skolan", lock, MONDAY)})
    assert signature_for(of(master, node("Skolan")), own) == signature


def test_the_nearest_groups_lock_is_the_one_that_holds() -> None:
    master = GroupNode(new_id(), "Master", {Key.SIGNATURE: ("/Kommunen", Lock.LOCKED, MONDAY)})
    school = GroupNode(new_id(), "Skolan", {Key.SIGNATURE: ("/Skolan", Lock.ALL, MONDAY)})
    assert signature_for(of(master), "/Anna") == "/Kommunen"
    assert signature_for(of(master, school), "/Anna") == "/Anna"


def test_where_no_group_has_a_signature_an_account_has_its_own() -> None:
    assert signature_for(of(node("Master")), "/Anna") == "/Anna"
    assert signature_for(of(node("Master")), None) == ""


class Model:
    """What is in force for a path, found by walking up, one setting at a time."""

    def __init__(self, path: list[GroupNode]) -> None:
        self.path = path

    def value(self, key: Key) -> Any:
        at = len(self.path)
        while at > 0:
            at -= 1
            if key in self.path[at].own:
                return self.path[at].own[key][0]
        return DEFAULTS[key]

    def quotas(self) -> list[tuple[UUID, Any]]:
        """Who limits with what: groups from the last up, then, for the accounts, the nearest that has said something."""
        return [
            (group.id, group.own[Key.GROUP_QUOTA][0])
            for group in self.path[::-1]
            if group.own.get(Key.GROUP_QUOTA, (None,))[0] is not None
        ]

    def max_parts(self) -> int:
        limits: list[int] = [quota["max_parts"] for _, quota in self.quotas()]
        account = self.value(Key.ACCOUNT_QUOTA)
        limits += [account["max_parts"]] if account else []
        return min([*limits, 9])


@given(st.lists(OWN, min_size=1, max_size=6))
def test_what_is_in_force_is_what_a_walk_up_the_tree_finds(
    owns: list[dict[Key, tuple[Any, Lock, datetime]]],
) -> None:
    path = [GroupNode(new_id(), f"Grupp {depth}", own) for depth, own in enumerate(owns)]
    model, found = Model(path), in_force(TENANT, path)
    plain = (
        Key.COUNTRY_CODE,
        Key.MAY_RECEIVE,
        Key.SENDER_NAME,
        Key.SMART_CHARACTERS,
        Key.TOO_LONG,
        Key.SIGNATURE,
    )
    assert {k: getattr(found, k) for k in plain} == {k: model.value(k) for k in plain}
    assert [
        (q.group_id, {"sms": q.sms, "window_days": q.window_days, "max_parts": q.max_parts})
        for q in found.group_quotas
    ] == model.quotas()
    wanted = model.value(Key.ACCOUNT_QUOTA)
    account = found.account_quota
    assert (
        account and {"sms": account.sms, "window_days": account.window_days, "max_parts": account.max_parts}
    ) == wanted
    assert found.max_parts == model.max_parts()
    assert found.path == tuple(group.id for group in path)
    assert (found.tenant_id, found.group_id, found.group_name) == (TENANT, path[-1].id, path[-1].name)


@given(st.text(st.sampled_from("aÅß1 9") | st.sampled_from("€-\n٣"), max_size=MAX_SENDER_NAME + 2))
def test_a_sender_name_is_short_has_a_letter_and_no_space_at_its_ends(name: str) -> None:
    is_good = (
        0 < len(name) <= MAX_SENDER_NAME
        and set(name) <= set("aÅß1 9")
        and name == name.strip()
        and any(c.isalpha() for c in name)
    )
    assert fits(Key.SENDER_NAME, name) is is_good


@given(st.text(st.sampled_from("a \t\n\x01\x85\u2028\x1f") | st.characters()))
def test_what_was_put_on_one_line_is_a_signature(written: str) -> None:
    """A control character between two blanks left two of them, which no signature may have."""
    assert fits(Key.SIGNATURE, one_line(written))


def test_a_text_is_put_on_one_line() -> None:
    assert one_line(" Skolan\r\n i \x01  Norr\ud800 ") == "Skolan i Norr"
