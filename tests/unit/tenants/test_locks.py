"""Who may change a setting (spec G3). Master stands at depth 0, a school at 1, a class at 2."""

from __future__ import annotations

import pytest

from messa_platform.tenants.locks import may_change
from messa_platform.tenants.models import Lock

MASTER, SCHOOL, CLASS = 0, 1, 2


def test_what_nobody_has_set_any_admin_may_set() -> None:
    assert may_change([], CLASS, CLASS)


@pytest.mark.parametrize("lock", [Lock.SUBADMIN, Lock.ALL])
@pytest.mark.parametrize("actor", [MASTER, SCHOOL, CLASS])
def test_what_is_not_locked_binds_nobody(lock: Lock, actor: int) -> None:
    assert may_change([(MASTER, lock, MASTER), (SCHOOL, lock, MASTER)], CLASS, actor)


def test_what_master_has_locked_the_school_may_change_neither_at_its_own_group_nor_below() -> None:
    rows = [(SCHOOL, Lock.LOCKED, MASTER)]
    assert not may_change(rows, SCHOOL, SCHOOL)
    assert not may_change(rows, CLASS, SCHOOL)
    assert not may_change(rows, CLASS, CLASS)
    assert may_change(rows, SCHOOL, MASTER)
    assert may_change(rows, CLASS, MASTER)


def test_what_is_locked_at_master_itself_binds_every_group_below() -> None:
    rows = [(MASTER, Lock.LOCKED, MASTER)]
    assert not may_change(rows, SCHOOL, SCHOOL)
    assert not may_change(rows, CLASS, CLASS)
    assert may_change(rows, MASTER, MASTER)


def test_the_schools_own_lock_binds_its_classes_and_not_itself() -> None:
    rows = [(SCHOOL, Lock.LOCKED, SCHOOL)]
    assert may_change(rows, SCHOOL, MASTER)
    assert may_change(rows, SCHOOL, SCHOOL)
    assert not may_change(rows, CLASS, CLASS)


def test_a_lock_further_down_says_nothing_of_the_groups_above_it() -> None:
    assert may_change([(CLASS, Lock.LOCKED, MASTER)], SCHOOL, SCHOOL)


def test_of_several_locks_any_that_binds_is_enough() -> None:
    free, binding = (MASTER, Lock.SUBADMIN, MASTER), (SCHOOL, Lock.LOCKED, SCHOOL)
    assert not may_change([free, binding, (CLASS, Lock.SUBADMIN, CLASS)], CLASS, CLASS)
    assert may_change([free, binding, (CLASS, Lock.SUBADMIN, CLASS)], CLASS, SCHOOL)
