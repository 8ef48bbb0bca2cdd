"""The mails that tell of domains: each in both languages, with its link, and nothing left to fill in (spec D1, D4)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from messa_platform.core.i18n import LANGUAGES, speech
from messa_platform.core.post import Mail
from messa_platform.portal.domain_mails import MOST_GROUPS, DomainLetters, found_in_words
from messa_platform.tenants.domains.faults import Fault, FaultKind
from messa_platform.tenants.readers import Reader

LETTERS = DomainLetters("messa.example", "https://messa.example/")
TENANT = UUID(int=7)
NAME = "xn--malm-8qa.example"
UNTIL = datetime(2026, 12, 7, 11, tzinfo=UTC)


def reader(language: str) -> Reader:
    return Reader("chef@malmö.example", language, TENANT, ("t", "malmo", "skolan", "@@domains"))


def letters(language: str) -> dict[str, Mail]:
    to, groups = reader(language), [("Skolan", 1234), ("Omsorgen", 1)]
    return {
        "verified": LETTERS.verified(to, NAME, 1234, "a"),
        "lost": LETTERS.lost(to, NAME, Fault(FaultKind.WRONG, ("messa-verification=fel",)), UNTIL, "b"),
        "suspended": LETTERS.suspended(to, NAME, "c"),
        "healed": LETTERS.healed(to, NAME, "d"),
        "refused": LETTERS.refused(to, NAME, "e"),
        "left": LETTERS.left(to, NAME, groups, "f"),
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_mail_names_the_domain_as_people_write_it_and_leads_to_its_page(language: str) -> None:
    for kind, mail in letters(language).items():
        assert "malmö.example" in mail.subject and "malmö.example" in mail.text, kind
        assert "https://messa.example/t/malmo/skolan/@@domains" in mail.text, kind
        assert "%(" not in mail.text + mail.subject, kind
        assert (mail.recipient, mail.tenant_id) == ("chef@malmö.example", TENANT)
        assert mail.sender == "no-reply@messa.example"


def test_who_has_a_language_that_we_do_not_speak_is_written_to_all_the_same() -> None:
    assert LETTERS.suspended(reader("no"), NAME, "a").text


def test_a_lost_proof_says_what_was_found_and_until_when_it_can_be_put_back() -> None:
    text = letters("en")["lost"].text
    assert "messa-verification=fel" in text and "7 December 2026" in text


def test_how_many_come_and_how_many_have_left_stand_in_the_mail() -> None:
    assert "1,234 accounts" in letters("en")["verified"].text
    assert "No account" in LETTERS.verified(reader("en"), NAME, 0, "a").text
    assert "Skolan: 1,234\nOmsorgen: 1\n" in letters("en")["left"].text


def test_of_many_groups_some_are_named_and_the_others_counted() -> None:
    groups = [(f"Grupp {n}", 1) for n in range(MOST_GROUPS + 3)]
    text = LETTERS.left(reader("en"), NAME, groups, "a").text
    assert text.count("Grupp") == MOST_GROUPS and "and 3 more groups" in text


def test_the_operator_is_told_who_wants_a_domain_and_who_has_it() -> None:
    mail = LETTERS.contested("operator@messa.example", NAME, "Kommunen", "Bolaget", TENANT, "a")
    assert mail.recipient == "operator@messa.example"
    assert all(word in mail.text for word in ("Kommunen", "Bolaget", "malmö.example", "/operator/domains"))


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_has_words(kind: FaultKind, language: str) -> None:
    said = speech(language)
    bare, told = found_in_words(said, Fault(kind)), found_in_words(said, Fault(kind, ("något",)))
    assert bare and told
    assert ("något" in told) == (kind in (FaultKind.MISSING, FaultKind.WRONG))
