"""What a text is asked for with, and what becomes of Twilio's answers, the odd ones too."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from messa_platform.core.outbound import Answer, Fault, NoAnswer
from messa_platform.providers.base import Accepted, Outcome, Rejected, State, Surroundings, Unknown, Verdict
from messa_platform.providers.kit.desk import Desk, a_text
from messa_platform.providers.kit.fake import CALLBACKS
from messa_platform.providers.registry import WrongChannelSettings, checked_settings
from messa_platform.providers.twilio.fake import SERVICE, SID, TOKEN, TwilioFake, segments
from messa_platform.providers.twilio.plugin import TwilioProvider
from tests.support.one_answer import OneAnswer, answer

MALFORMED = Unknown("malformed_answer")
SENT = {"sid": "SM1", "status": "queued", "num_segments": "1", "price": None, "price_unit": "USD"}


def settings(**changed: Any) -> dict[str, Any]:
    return checked_settings(TwilioProvider, {"account_sid": SID, "auth_token": TOKEN, **changed})


def told(status: int, body: Any) -> Answer:
    return answer(body, status)


def error(status: int, code: Any) -> Answer:
    return told(status, {"code": code, "message": "…", "more_info": "https://…", "status": status})


def outcome_of(answer: Answer | NoAnswer, text: str = "Hej") -> Outcome:
    provider = TwilioProvider(settings(), Surroundings("kit", OneAnswer(answer), CALLBACKS))
    return asyncio.run(provider.send(a_text(text)))


@pytest.fixture
def fake() -> Iterator[TwilioFake]:
    made = TwilioFake()
    with made.running():
        yield made
    assert made.wrong == []


@pytest.fixture
def desk(fake: TwilioFake) -> Desk:
    return Desk(TwilioProvider, fake)


# What it is asked with


def test_a_text_goes_out_as_it_is_with_the_address_for_receipts(fake: TwilioFake, desk: Desk) -> None:
    assert isinstance(desk.send_one(a_text("“Hej” – då", "Skolan")), Accepted)
    assert fake.forms == [
        {
            "To": "+46701740605",
            "From": "Skolan",
            "Body": "“Hej” – då",
            "StatusCallback": f"{CALLBACKS}/receipts",
            "SmartEncoded": "false",
        }
    ]


def test_a_messaging_service_takes_the_place_of_the_sender(fake: TwilioFake, desk: Desk) -> None:
    outcome = desk.send_one(settings=desk.settings(messaging_service_sid=SERVICE))
    assert fake.forms[0]["MessagingServiceSid"] == SERVICE
    assert "From" not in fake.forms[0]
    assert outcome == Accepted(fake.taken[0].references[0], parts=None)


@pytest.mark.parametrize(("given", "asked"), [(900, "900"), ("36000", "36000"), (None, None)])
def test_a_validity_is_asked_for_only_if_it_is_set(
    fake: TwilioFake, desk: Desk, given: Any, asked: str | None
) -> None:
    assert isinstance(desk.send_one(settings=desk.settings(validity_period=given)), Accepted)
    assert fake.forms[0].get("ValidityPeriod") == asked


@pytest.mark.parametrize(
    "wrong",
    [
        {"validity_period": 0},
        {"validity_period": 36_001},
        {"account_sid": "AC123"},
        {"account_sid": f"{SID}/Calls"},
        {"account_sid": f"{SID}\n"},
        {"messaging_service_sid": SID},
        {"auth_token": ""},
    ],
)
def test_settings_that_twilio_would_not_take_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(WrongChannelSettings, match=next(iter(wrong))):
        settings(**wrong)


def test_its_address_is_twilios_unless_it_is_set() -> None:
    line = OneAnswer(told(201, SENT))
    provider = TwilioProvider(settings(), Surroundings("kit", line, CALLBACKS))
    assert asyncio.run(provider.send(a_text())) == Accepted("SM1", 1)
    [(method, url, _)] = line.asked
    assert method == "POST"
    assert url == f"https://api.twilio.com/2010-04-01/Accounts/{SID}/Messages.json"


def test_a_text_of_1600_characters_goes_and_one_more_is_refused_before_anybody_is_asked(
    fake: TwilioFake, desk: Desk
) -> None:
    assert isinstance(desk.send_one(a_text("😀" * 1600)), Accepted)
    assert desk.send_one(a_text("a" * 1601)) == Rejected(permanent=True, code="21617")
    assert fake.asked == 1


# What it answers


@pytest.mark.parametrize(
    ("written", "parts"),
    [("1", 1), ("11", 11), ("0", None), ("", None), (None, None), (2, None), ("٣", None), ("9" * 5000, None)],
)
def test_parts_are_told_where_the_answer_has_their_number(written: Any, parts: int | None) -> None:
    assert outcome_of(told(201, SENT | {"num_segments": written})) == Accepted("SM1", parts)


@pytest.mark.parametrize(
    ("price", "unit", "ours"),
    [
        ("-0.51500", "SEK", Decimal("0.51500")),
        ("-0.05150", "USD", None),
        ("-0.05150", None, None),
        (None, "SEK", None),
        (-0.5, "SEK", None),
        ("dear", "SEK", None),
        ("NaN", "SEK", None),
    ],
)
def test_a_price_is_told_only_in_kronor(price: Any, unit: Any, ours: Decimal | None) -> None:
    assert outcome_of(told(201, SENT | {"price": price, "price_unit": unit})) == Accepted("SM1", 1, ours)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b"<TwilioResponse/>", {"sid": ""}, {"sid": 5}, {"sid": None}, b"\xff"]
)
def test_an_answer_that_all_is_well_without_an_id_leaves_a_doubt(body: Any) -> None:
    for status in (200, 201):
        assert outcome_of(told(status, body)) == MALFORMED


@pytest.mark.parametrize("code", [21211, 21212, 21408, 21606, 21610, 21612, 21614, 21617, 21635, 21999])
def test_what_twilio_says_of_a_text_is_for_good(code: int) -> None:
    assert outcome_of(error(400, code)) == Rejected(permanent=True, code=str(code))


@pytest.mark.parametrize("code", [21408, 21610])
def test_a_recipient_who_may_have_no_texts_has_none_whatever_the_status(code: int) -> None:
    assert outcome_of(error(403, code)) == Rejected(permanent=True, code=str(code))


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, 14107),
        (400, 20008),
        (400, 21608),
        (400, 21611),
        (400, 21703),
        (400, 21705),
        (400, 30002),
        (401, 20003),
        (403, 20003),
        (403, 20005),
        (403, 29999),
        (404, 20404),
        (409, 29999),
        (429, 14107),
        (429, 20429),
        (500, 20500),
        (503, 20503),
    ],
)
def test_what_twilio_says_of_the_account_or_of_the_moment_costs_no_text(status: int, code: int) -> None:
    assert outcome_of(error(status, code)) == Rejected(permanent=False, code=str(code))


@pytest.mark.parametrize("status", [400, 401, 404, 405, 413, 429, 500])
@pytest.mark.parametrize("body", [b"<html>", b"", b"[]", {"code": None}, {"code": True}, {"code": "x"}])
def test_an_error_that_is_not_twilios_own_costs_no_text(status: int, body: Any) -> None:
    assert outcome_of(told(status, body)) == Rejected(permanent=False, code=f"http_{status}")


@pytest.mark.parametrize("status", [502, 504])
def test_what_a_gateway_answers_for_twilio_leaves_a_doubt(status: int) -> None:
    assert outcome_of(told(status, b"Bad gateway")) == Unknown(f"http_{status}")


def test_no_answer_leaves_a_doubt_only_if_something_was_sent() -> None:
    assert outcome_of(NoAnswer(Fault.TOO_SLOW, sent=True)) == Unknown("too_slow")
    assert outcome_of(NoAnswer(Fault.UNREACHABLE)) == Rejected(permanent=False, code="unreachable")


# The test of a channel


def verdict_of(desk: Desk) -> Verdict:
    return desk.using(lambda provider: provider.check())


def test_a_channel_that_works_tells_what_the_account_holds(desk: Desk) -> None:
    assert verdict_of(desk) == Verdict(State.WELL, "", Decimal("123.45"), "USD")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"code": 20404}),
        (200, {"balance": None, "currency": None}),
        (200, {"balance": "much", "currency": "USD"}),
        (200, {"balance": "Infinity", "currency": "USD"}),
        (403, {"balance": "1.0", "currency": "USD"}),
    ],
)
def test_an_account_without_a_balance_of_its_own_works_all_the_same(
    fake: TwilioFake, desk: Desk, status: int, body: dict[str, Any]
) -> None:
    fake.balance = (status, body)
    assert verdict_of(desk) == Verdict(State.WELL)


@pytest.mark.parametrize("status", ["suspended", "closed"])
def test_an_account_that_is_not_active_is_told_of(fake: TwilioFake, desk: Desk, status: str) -> None:
    fake.account = {"status": status}
    assert verdict_of(desk) == Verdict(State.STRANGE, status)


@pytest.mark.parametrize("body", [b"Welcome", b"[]", b"{}", b'{"status": 1}'])
def test_an_answer_that_tells_nothing_of_an_account_is_strange(body: bytes) -> None:
    provider = TwilioProvider(settings(), Surroundings("kit", OneAnswer(told(200, body)), CALLBACKS))
    assert asyncio.run(provider.check()) == Verdict(State.STRANGE, "malformed_answer")


# Its words


@pytest.mark.parametrize("code", ["21610", "20003", "undelivered 30003", "failed 21610", "undelivered"])
def test_codes_are_put_into_words_as_they_stand_in_the_log(code: str) -> None:
    assert TwilioProvider.codes[code].endswith(".")


def test_the_fake_counts_parts_as_the_network_does() -> None:
    counted = {
        "a" * 160: 1,
        "a" * 161: 2,
        "a" * 152 + "{" + "a" * 152: 3,
        "a" * 152 + "{" + "a" * 151: 2,
        "😀" * 35: 1,
        "😀" * 36: 2,
        "😀" * 67: 3,
        "Ж" * 66 + "😀" + "Ж" * 66: 3,
    }
    assert {text: segments(text) for text in counted} == counted
