"""A group's sender name and signature: set, inherited, and refused with what is wrong (spec G2-G9)."""

from __future__ import annotations

import pytest

from messa_platform.tenants.group_settings import Key
from tests.support.portal import seen
from tests.support.settings_pages import MASTER, SCHOOL, Town, filled, form_of, opened, save

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
