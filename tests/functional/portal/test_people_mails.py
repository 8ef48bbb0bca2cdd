"""The mails about people and numbers: who is told what, and where their links lead."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from messa_platform.core.i18n import LANGUAGES
from messa_platform.core.post import Mail, Post
from messa_platform.portal.number_mails import NumberLetters
from messa_platform.portal.people_mails import PeopleLetters
from messa_platform.tenants.numbers import RangeUse
from tests.support.world import World

LETTERS = PeopleLetters("messa.example", "https://messa.example/")
TENANT = UUID(int=1)
UNTIL = datetime(2026, 12, 7, 23, 30, tzinfo=UTC)


def consent(language: str = "en", asked_by: str = "karin@kommun.example") -> Mail:
    return LETTERS.consent(
        address="bo@annan.example",
        language=language,
        organisation="100 % Kommun",
        asked_by=asked_by,
        word="ordet",
        until=UNTIL,
        tenant_id=TENANT,
        key="consent:1",
    )


def left(addresses: list[str], more: int, language: str = "en") -> Mail:
    return LETTERS.left(
        address="eva@kommun.example",
        language=language,
        organisation="Kommunen",
        group="Omsorgen",
        way=("kommun", "omsorgen"),
        left=addresses,
        more=more,
        tenant_id=TENANT,
        key="people_left:1",
    )


@pytest.mark.parametrize("language", [*LANGUAGES, "xx"])
def test_a_question_has_its_link_who_asks_and_by_when_in_every_language(language: str) -> None:
    mail = consent(language)
    assert (mail.recipient, mail.key, mail.tenant_id) == ("bo@annan.example", "consent:1", TENANT)
    assert "100 % Kommun" in mail.subject
    assert "\nhttps://messa.example/consent/ordet\n" in mail.text
    assert "karin@kommun.example" in mail.text
    assert "8 december 2026" in mail.text.lower()  # of Stockholm, where the day begins an hour before


def test_the_platforms_operator_asks_in_the_organisations_name() -> None:
    assert consent(asked_by="").text.splitlines()[2].startswith("100 % Kommun wants to add bo@annan.example")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_admin_is_told_which_addresses_have_left_and_where_it_stands(language: str) -> None:
    mail = left(["a@kommun.example", "b@kommun.example"], 0, language)
    assert mail.recipient == "eva@kommun.example"
    assert "\n\na@kommun.example\nb@kommun.example\n\n" in mail.text
    assert "\nhttps://messa.example/t/kommun/omsorgen/@@audit\n" in mail.text
    assert "2" in mail.subject


def test_of_very_many_addresses_the_rest_is_counted() -> None:
    mail = left(["a@kommun.example"], 12_000)
    assert "a@kommun.example\n… and 12,000 more\n" in mail.text
    assert mail.subject == "12,001 addresses have left Omsorgen"
    assert left(["a@kommun.example"], 0).subject == "An address has left Omsorgen"


def test_the_operator_is_told_how_many_numbers_are_left(world: World) -> None:
    post = Post("messa.example", lambda session, actor: None)
    letters = NumberLetters("https://messa.example", "drift@messa.example", post)
    low = [RangeUse(UUID(int=1), 467301214000000, 467301214999999, True, None, 999_000, 0, 1, 999)]
    with world.database.unit_of_work() as session:
        letters.tell(session, world.clock.now(), low)
    [row] = world.rows("SELECT * FROM outgoing_mail")
    assert (row.recipient, row.tenant_id) == ("drift@messa.example", None)
    assert "+467301214000000" in row.text
    assert "1\N{NO-BREAK SPACE}000" in row.text  # as Swedish writes it
    assert "https://messa.example/operator/ranges" in row.text
    assert row.headers["From"] == "messa <no-reply@messa.example>"
