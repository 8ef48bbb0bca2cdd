"""Passwords: which will do, how they are kept and checked (spec I3)."""

from __future__ import annotations

import threading
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from argon2 import PasswordHasher
from argon2.profiles import CHEAPEST, RFC_9106_LOW_MEMORY

from messa_platform.core.settings import WrongSettings, load
from messa_platform.tenants.access.passwords import Passwords, Verdict, Weakness, weakness
from messa_platform.tenants.access.settings import AccessSettings
from tests.support.observe import together

ANNA = "anna.lindqvist@bjorkskolan.kommun.example"


@pytest.mark.parametrize(
    "password",
    [
        "regn över Umeå",
        "tre blå elefanter",
        "min hund är en katt",
        "jag cyklar till jobbet",
        "snöstorm-i-Kiruna",
        "Kallelse: sal Eken",
        "xK7#qP2!vL",
        "anna cyklar hem",
        "å" * 5 + "äöüé" * 4 + "0123",
        "🐘🦊🐻🐼🐨🐯🦁🐮🐷🐸",
        "regnöverumeå" + "x7" * 94,
    ],
)
def test_a_sentence_or_enough_chance_will_do(password: str) -> None:
    assert weakness(password, ANNA) is None


@pytest.mark.parametrize(
    ("password", "fault"),
    [
        ("", Weakness.TOO_SHORT),
        ("fågelholk", Weakness.TOO_SHORT),
        ("regn över " * 20 + "x", Weakness.TOO_LONG),
        ("anna.lindqvist", Weakness.LIKE_ADDRESS),
        ("Lindqvist2026", Weakness.LIKE_ADDRESS),
        ("Anna_Lindqvist!", Weakness.LIKE_ADDRESS),
        ("bjorkskolan-26", Weakness.LIKE_ADDRESS),
        ("Björkskolan26", Weakness.LIKE_ADDRESS),
        (ANNA, Weakness.LIKE_ADDRESS),
        ("lösenord1234", Weakness.TOO_COMMON),
        ("Sommar2026!", Weakness.TOO_COMMON),
        ("P@ssw0rd1357", Weakness.TOO_COMMON),
        ("L0s3n0rd!!!!", Weakness.TOO_COMMON),
        ("sommarsommar", Weakness.TOO_COMMON),
        ("Torsdag!Torsdag!", Weakness.TOO_COMMON),
        ("1234567890", Weakness.TOO_COMMON),
        ("qwertyuiop", Weakness.TOO_COMMON),
        ("asdfghjklö", Weakness.TOO_COMMON),
        ("abcdefgh12", Weakness.TOO_COMMON),
        ("9876543210", Weakness.TOO_COMMON),
        ("070-174 06 05", Weakness.TOO_COMMON),
        ("19800101-1234", Weakness.TOO_COMMON),
        ("aaaaaaaaaa", Weakness.TOO_COMMON),
        ("          ", Weakness.TOO_COMMON),
        ("abxabxabxabx", Weakness.TOO_COMMON),
    ],
)
def test_what_is_guessed_first_will_not_do(password: str, fault: Weakness) -> None:
    assert weakness(password, ANNA) is fault


@pytest.mark.parametrize("address", ["", "@", "a@b", "bo@x.se", "👋@exempel.se"])
def test_an_address_of_few_letters_rules_nothing_out(address: str) -> None:
    assert weakness("bo x se och några till", address) is None


def test_a_password_is_kept_as_argon2id_with_salt_and_the_parameters_of_rfc_9106() -> None:
    passwords = Passwords(2)
    stored = passwords.hash("regn över Umeå")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY).verify(stored, "regn över Umeå")
    assert passwords.verify(stored, "regn över Umeå") == Verdict(True, None)


def test_the_right_password_fits_and_no_other(passwords: Passwords) -> None:
    stored = passwords.hash("regn över Umeå")
    assert passwords.hash("regn över Umeå") != stored
    assert passwords.verify(stored, "regn över Umeå") == Verdict(True, None)
    for wrong in ("", "regn över umeå", "regn över Umeå ", "regn över Ume", "\udcff", "\x00", "x" * 100_000):
        assert passwords.verify(stored, wrong) == Verdict(False, None)


def test_the_same_letters_of_another_keyboard_are_the_same_password(passwords: Passwords) -> None:
    stored = passwords.hash(unicodedata.normalize("NFD", "regn över Umeå"))
    assert passwords.verify(stored, unicodedata.normalize("NFC", "regn över Umeå")).ok


def test_of_the_longest_password_every_character_counts(passwords: Passwords) -> None:
    longest = "x7" * 100
    stored = passwords.hash(longest)
    assert passwords.verify(stored, longest).ok
    assert not passwords.verify(stored, longest[:-1]).ok
    assert not passwords.verify(stored, longest + "x").ok


def test_no_password_is_that_of_nobody(passwords: Passwords) -> None:
    for password in ("", "regn över Umeå", "None"):
        assert passwords.verify(None, password) == Verdict(False, None)


def test_a_hash_of_former_parameters_is_to_be_replaced_when_its_password_comes(passwords: Passwords) -> None:
    former = Passwords(1, replace(CHEAPEST, time_cost=2)).hash("regn över Umeå")
    verdict = passwords.verify(former, "regn över Umeå")
    assert verdict.ok
    assert verdict.rehashed is not None
    assert "t=1" in verdict.rehashed
    assert passwords.verify(verdict.rehashed, "regn över Umeå") == Verdict(True, None)
    assert passwords.verify(former, "regn över Luleå") == Verdict(False, None)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch, name: str) -> Iterator[list[int]]:
    """Within the block, how many calls of the hasher's method `name` run at the same time, one number a call."""
    original = getattr(PasswordHasher, name)
    running, lock = [0], threading.Lock()
    seen: list[int] = []

    def slow(*args: Any) -> Any:
        with lock:
            running[0] += 1
            seen.append(running[0])
        time.sleep(0.005)
        try:
            return original(*args)
        finally:
            with lock:
                running[0] -= 1

    with monkeypatch.context() as patch:
        patch.setattr(PasswordHasher, name, slow)
        yield seen


@pytest.mark.parametrize("at_once", [1, 2])
def test_no_more_are_checked_at_once_than_was_said(monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    passwords = Passwords(at_once, CHEAPEST)
    stored = passwords.hash("regn över Umeå")
    with counted(monkeypatch, "verify") as seen:
        verdicts = together([lambda: passwords.verify(stored, "regn över Umeå") for _ in range(12)])
    assert [v.ok for v in verdicts] == [True] * 12
    assert (len(seen), max(seen)) == (12, at_once)
    with counted(monkeypatch, "hash") as seen:
        together([lambda: passwords.hash("regn över Umeå") for _ in range(12)])
    assert (len(seen), max(seen)) == (12, at_once)


def test_a_check_that_breaks_lets_the_next_one_in(
    monkeypatch: pytest.MonkeyPatch, passwords: Passwords
) -> None:
    one = Passwords(1, CHEAPEST)
    for _ in range(3):
        with pytest.raises(Exception, match="Decoding failed"):
            one.verify("$argon2id$broken", "regn över Umeå")
    assert one.verify(passwords.hash("regn över Umeå"), "regn över Umeå").ok


def test_the_setting_says_how_many_at_once() -> None:
    assert load([AccessSettings], {}, {})[AccessSettings].hashes_at_once == 2
    with pytest.raises(WrongSettings, match=r"^access\.hashes_at_once: 0 is less than one"):
        load([AccessSettings], {"access.hashes_at_once": "0"}, {})
