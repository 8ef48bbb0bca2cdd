"""What Vonage is asked, and what its answers mean that no conforming fake gives by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest

from messa_platform.core.gsm import fits_gsm
from messa_platform.core.outbound import Fault, NoAnswer
from messa_platform.providers.base import (
    Accepted,
    Outcome,
    Rejected,
    State,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.http import MALFORMED
from messa_platform.providers.kit.desk import Desk, a_text
from messa_platform.providers.registry import checked_settings
from messa_platform.providers.vonage.fake import VonageFake
from messa_platform.providers.vonage.plugin import VonageProvider
from tests.support.one_answer import OneAnswer, answer

GSM = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà\f^{}\\[~]|€"
)
TAKEN = {"status": "0", "message-id": "0A01", "message-price": "0.03330000"}


def provider(line: OneAnswer, **changed: Any) -> VonageProvider:
    settings = checked_settings(VonageProvider, {**VonageFake().settings(), **changed})
    return VonageProvider(settings, Surroundings("test", line, "https://sms.example/providers/c"))


def told(told: Any, status: int = 200, **changed: Any) -> Outcome:
    """The outcome of a send that is answered so."""
    return asyncio.run(provider(OneAnswer(answer(told, status)), **changed).send(a_text()))


def of_parts(*parts: Mapping[str, Any], **changed: Any) -> Outcome:
    return told({"message-count": str(len(parts)), "messages": list(parts)}, **changed)


def of_statuses(*statuses: Any) -> Outcome:
    return of_parts(
        *({**TAKEN, "status": status, "message-id": f"0A{n}"} for n, status in enumerate(statuses))
    )


@pytest.fixture
def desk() -> Iterator[Desk]:
    fake = VonageFake()
    with fake.running():
        yield Desk(VonageProvider, fake)
    assert fake.wrong == []


# The request


def test_a_text_is_asked_for_as_documented_and_with_our_id() -> None:
    line, text = OneAnswer(answer({})), a_text("Hej", "Skolan")
    asyncio.run(provider(line).send(text))
    [(method, url, asked)] = line.asked
    assert method == "POST"
    assert url.endswith("/sms/json")
    assert asked["form"] == {
        "api_key": "a1b2c3d4",
        "api_secret": "Zx9Api8Secret7Vonage",
        "from": "Skolan",
        "to": "46701740605",
        "text": "Hej",
        "type": "text",
        "client-ref": str(text.message_id),
        "status-report-req": "1",
        "callback": "https://sms.example/providers/c/receipts",
    }


def test_numbers_go_without_a_plus() -> None:
    line = OneAnswer(answer({}))
    asyncio.run(provider(line).send(a_text(sender="+46701740600")))
    assert (line.asked[0][2]["form"]["from"], line.asked[0][2]["form"]["to"]) == (
        "46701740600",
        "46701740605",
    )


@pytest.mark.parametrize("written", ["Pris: 45 €", GSM, ""])
def test_what_is_in_gsm_goes_as_text(written: str) -> None:
    assert fits_gsm(written)


@pytest.mark.parametrize("stranger", "çáíóú`–…’”\xa0\t\x1bЖ\U0001f600ÀÊ")
def test_what_is_not_in_gsm_goes_as_unicode(stranger: str) -> None:
    line = OneAnswer(answer({}))
    asyncio.run(provider(line).send(a_text(f"Hej {stranger}")))
    assert line.asked[0][2]["form"]["type"] == "unicode"


def test_gsm_has_its_128_characters_and_ten_more_without_the_escape() -> None:
    assert sum(fits_gsm(chr(n)) for n in range(0x110000)) == 127 + 10


# What was taken


def test_each_part_of_a_long_text_has_its_reference(desk: Desk) -> None:
    outcome = desk.send_one(a_text("a" * 307, parts=3))
    assert isinstance(outcome, Accepted)
    assert (outcome.reference, *outcome.more) == desk.fake.taken[0].references
    assert (outcome.parts, len(set(outcome.more))) == (3, 2)


def test_a_text_of_one_part_has_one_reference() -> None:
    assert of_parts(TAKEN) == Accepted("0A01", parts=1)


def test_a_status_may_be_a_number() -> None:
    assert of_statuses(0, 0) == Accepted("0A0", parts=2, more=("0A1",))
    assert of_statuses(6) == Rejected(permanent=True, code="6")


def test_prices_are_in_the_account_s_currency_and_are_told_only_in_crowns() -> None:
    assert of_parts(TAKEN, TAKEN) == Accepted("0A01", parts=2, more=("0A01",))
    priced = of_parts(TAKEN, TAKEN, currency="SEK")
    assert priced == Accepted("0A01", parts=2, price=Decimal("0.0666"), more=("0A01",))


@pytest.mark.parametrize("odd", ["", "free", "NaN", "Infinity", None, True, [], {}])
def test_a_price_that_is_not_known_of_every_part_is_none(odd: Any) -> None:
    outcome = of_parts(TAKEN, {**TAKEN, "message-price": odd}, currency="SEK")
    assert outcome == Accepted("0A01", parts=2, price=None, more=("0A01",))


@pytest.mark.parametrize("reference", ["", None, 7])
def test_a_part_that_was_taken_and_has_no_reference_leaves_a_doubt(reference: Any) -> None:
    assert of_parts({**TAKEN, "message-id": reference}) == MALFORMED
    assert of_parts(TAKEN, {**TAKEN, "message-id": reference}) == MALFORMED


# What was not, or may not have been


@pytest.mark.parametrize("status", ["2", "3", "6", "7", "12", "15", "29", "33"])
def test_what_is_wrong_with_the_text_is_refused_for_good(status: str) -> None:
    assert of_statuses(status) == Rejected(permanent=True, code=status)


@pytest.mark.parametrize("status", ["1", "4", "5", "8", "9", "10", "11", "14", "23", "32", "99"])
def test_what_is_wrong_with_the_account_or_with_vonage_or_is_not_known_costs_no_text(status: str) -> None:
    assert of_statuses(status) == Rejected(permanent=False, code=status)


def test_one_part_that_can_never_go_is_enough() -> None:
    assert of_statuses("1", "12", "1") == Rejected(permanent=True, code="12")
    assert of_statuses("1", "9") == Rejected(permanent=False, code="1")


@pytest.mark.parametrize("statuses", [("0", "1"), ("1", "0"), ("0", "6"), ("0", "0", "9")])
def test_a_text_that_was_taken_in_part_is_in_doubt(statuses: tuple[str, ...]) -> None:
    assert of_statuses(*statuses) == Unknown("partly_taken")


def test_a_long_text_that_runs_out_of_money_is_in_doubt(desk: Desk) -> None:
    assert isinstance(desk.fake, VonageFake)
    desk.fake.statuses = ("0", "0", "9")
    assert desk.send_one(a_text("a" * 307, parts=3)) == Unknown("partly_taken")


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"[]",
        b"null",
        b"\xff",
        {},
        {"messages": None},
        {"messages": []},
        {"messages": {}},
        {"messages": ["0"]},
        {"messages": [TAKEN, None]},
        {"messages": [{}]},
        {"messages": [{"message-id": "0A01"}]},
        {"messages": [{**TAKEN, "status": "ok"}]},
        {"messages": [{**TAKEN, "status": True}]},
        {"messages": [{**TAKEN, "status": "-1"}]},
    ],
)
def test_an_answer_that_makes_no_sense_leaves_a_doubt(odd: Any) -> None:
    assert told(odd) == MALFORMED


@pytest.mark.parametrize("status", [400, 401, 404, 420, 429, 500, 503])
def test_what_is_not_answered_with_200_is_not_vonage_s_word_on_the_text(status: int) -> None:
    assert told({"messages": [TAKEN]}, status) == Rejected(permanent=False, code=f"http_{status}")


def test_another_status_of_success_leaves_a_doubt() -> None:
    assert told({"messages": [TAKEN]}, 202) == MALFORMED


# The test of a channel


def test_the_test_of_a_channel_tells_what_the_account_holds(desk: Desk) -> None:
    verdict = desk.using(lambda each: each.check())
    assert verdict == Verdict(State.WELL, balance=Decimal("10.28"), currency="EUR")
    verdict = desk.using(lambda each: each.check(), desk.settings(currency="SEK"))
    assert verdict.currency == "SEK"


@pytest.mark.parametrize("odd", [b"<html>", b"[]", {}, {"value": None}, {"value": True}, {"value": "much"}])
def test_an_answer_without_a_balance_is_strange(odd: Any) -> None:
    assert asyncio.run(provider(OneAnswer(answer(odd))).check()) == Verdict(State.STRANGE, "malformed_answer")


def test_no_answer_and_no_access_are_told_apart() -> None:
    assert asyncio.run(provider(OneAnswer(NoAnswer(Fault.UNREACHABLE))).check()).state is State.UNREACHABLE
    assert asyncio.run(provider(OneAnswer(answer({}, 401))).check()).state is State.WRONG_KEY
    assert asyncio.run(provider(OneAnswer(answer({"value": 1}, 500))).check()).state is State.STRANGE


# The settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"signature_method": "sha3"},
        {"callback_age": 4},
        {"callback_age": 10_081},
        {"currency": "kr"},
        {"url": ""},
        {"signature_secret": ""},
    ],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        checked_settings(VonageProvider, {**VonageFake().settings(), **wrong})


def test_settings_have_safe_defaults() -> None:
    given = {"api_key": "k", "api_secret": "s", "signature_secret": "t"}
    assert checked_settings(VonageProvider, given) == {
        **given,
        "signature_method": "sha256",
        "callback_age": 1_500,
        "currency": "EUR",
        "url": "https://rest.nexmo.com",
    }
