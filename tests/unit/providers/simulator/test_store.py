"""What the network remembers, and what it looks up in the journal once it has forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from messa_platform.providers.simulator.journal import Journal
from messa_platform.providers.simulator.records import Incoming, Mail, Submit
from messa_platform.providers.simulator.store import Store

ANNA = "+46701740605"
OURS = "+46730000001"


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(tmp_path)
    yield opened
    opened.close()


def submit(n: int, message_id: str, to: str = ANNA, code: str = "") -> Submit:
    return Submit(n, 1_700_000_000.0 + n, message_id, OURS, to, f"text {n}", 1, code, ())


def keep(store: Store, journal: Journal, *things: Submit | Incoming | Mail) -> None:
    for thing in things:
        journal.append([thing.line()])
        store.remember(thing)


def test_the_same_message_twice_is_two_texts_on_the_phone(journal: Journal) -> None:
    store = Store(journal)
    keep(store, journal, submit(1, "a"), submit(2, "a"))
    assert [text.n for text in store.phone(ANNA).received()] == [1, 2]
    assert store.find("a") == 2


def test_a_refused_text_is_on_no_phone_and_not_found_but_listed(journal: Journal) -> None:
    store = Store(journal)
    keep(store, journal, submit(1, "a", code="throttled"))
    assert store.phone_count == 0
    assert store.find("a") is None
    assert store.submits_since(0, 10) == [store.submit_json(submit(1, "a", code="throttled"))]


def test_a_phone_s_own_texts_are_not_among_those_it_received(journal: Journal) -> None:
    store = Store(journal)
    keep(store, journal, submit(1, "a"), Incoming(2, 0.0, ANNA, OURS, "Jag kommer"))
    assert [text.n for text in store.phone(ANNA).received()] == [1]
    assert len(store.phone(ANNA).texts) == 2


def test_phones_stand_in_the_order_of_their_latest_text(journal: Journal) -> None:
    store = Store(journal)
    keep(store, journal, submit(1, "a", "+46701740001"), submit(2, "b", "+46701740002"))
    keep(store, journal, submit(3, "c", "+46701740001"))
    assert [phone.number for phone in store.latest_phones(5)] == ["+46701740001", "+46701740002"]


def test_the_oldest_leave_the_memory_and_the_journal_still_finds_them(journal: Journal) -> None:
    store = Store(journal, keep_texts=2)
    keep(store, journal, *(submit(n, f"m{n}", f"+4670174000{n}") for n in range(1, 5)))
    assert [phone.number for phone in store.latest_phones(9)] == ["+46701740004", "+46701740003"]
    assert (store.find("m1"), store.find_in_journal("m1"), store.find("m4")) == (None, 1, 4)
    assert store.find_in_journal("m9") is None
    assert store.submits_since(0, 10) is None
    assert [entry["n"] for entry in store.submits_in_journal(0, 10)] == [1, 2, 3, 4]
    assert [entry["n"] for entry in store.submits_since(2, 10) or []] == [3, 4]


def test_an_id_that_came_again_is_still_known_when_its_first_text_is_forgotten(journal: Journal) -> None:
    store = Store(journal, keep_texts=2)
    keep(store, journal, submit(1, "a"), submit(2, "b"), submit(3, "a"))
    assert store.find("a") == 3


def test_submits_come_in_pages(journal: Journal) -> None:
    store = Store(journal)
    keep(store, journal, *(submit(n, f"m{n}") for n in range(1, 6)))
    assert [entry["n"] for entry in store.submits_since(0, 2) or []] == [1, 2]
    assert [entry["n"] for entry in store.submits_since(2, 2) or []] == [3, 4]
    assert store.submits_since(5, 2) == []


def test_a_text_survives_the_journal_whole(journal: Journal) -> None:
    odd = Submit(1, 1.5, "id", "Demo kommun", ANNA, 'åäö "\\" \n\u2028 😀 \ud83d', 2, "", ())
    journal.append([odd.line()])
    assert [Submit.read(entry) for entry in journal.read()] == [odd]


def test_a_mail_to_two_shows_for_each_and_is_found_without_regard_to_case(journal: Journal) -> None:
    store = Store(journal)
    keep(store, journal, Mail(1, 0.0, "a@messa.example", ("x@demo.example", "Y@demo.example"), "s", "t", {}))
    assert [to for to, _ in store.mails()] == ["x@demo.example", "Y@demo.example"]
    assert [to for to, _ in store.mails("y@DEMO.example")] == ["Y@demo.example"]


def test_the_latest_mails_are_kept(journal: Journal) -> None:
    store = Store(journal, keep_mails=2)
    keep(store, journal, *(Mail(n, 0.0, "a@b.example", ("x@b.example",), str(n), "", {}) for n in range(3)))
    assert [mail.subject for _, mail in store.mails()] == ["1", "2"]
