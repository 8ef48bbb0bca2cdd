"""What GatewayAPI is asked, and what its answers mean."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.outbound import Answer, Fault, NoAnswer
from messa_platform.providers.base import (
    Accepted,
    Outcome,
    OutgoingText,
    Rejected,
    State,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.gatewayapi.plugin import GatewayApiProvider
from messa_platform.providers.registry import WrongChannelSettings, checked_settings
from tests.support.one_answer import OneAnswer
from tests.support.one_answer import answer as told

OUR_ID = UUID("0195a0c0-0000-7000-8000-000000000001")
TOKEN, KEY = "Go-Create-an-API-token", "nyckeln-i-adressen"
ADDRESS = "https://messa.example/providers/gw"


def provider(http: OneAnswer, **changed: Any) -> GatewayApiProvider:
    settings = checked_settings(GatewayApiProvider, {"token": TOKEN, "callback_key": KEY, **changed})
    return GatewayApiProvider(settings, Surroundings("gw", http, ADDRESS))


def text(written: str = "Hej", sender: str = "Skolan", parts: int = 1) -> OutgoingText:
    return OutgoingText(OUR_ID, "+46701740605", sender, written, parts)


def asked(message: OutgoingText, **changed: Any) -> dict[str, Any]:
    """The body of the request by which a text was sent."""
    http = OneAnswer(told({"ids": [1]}))
    asyncio.run(provider(http, **changed).send(message))
    [(_, _, more)] = http.asked
    found: dict[str, Any] = more["json"]
    return found


def outcome(answer: Answer | NoAnswer) -> Outcome:
    return asyncio.run(provider(OneAnswer(answer)).send(text()))


def verdict(answer: Answer | NoAnswer) -> Verdict:
    return asyncio.run(provider(OneAnswer(answer)).check())


def test_a_text_goes_out_as_the_documentation_has_it() -> None:
    http = OneAnswer(told({"ids": [421332671]}))
    asyncio.run(provider(http).send(text(parts=2)))
    body = {
        "message": "Hej",
        "sender": "Skolan",
        "recipients": [{"msisdn": 46701740605}],
        "userref": str(OUR_ID),
        "callback_url": f"{ADDRESS}/receipts?key={KEY}",
        "max_parts": 2,
        "encoding": "UTF8",
        "destaddr": "MOBILE",
    }
    assert http.asked == [("POST", "https://gatewayapi.com/rest/mtsms", {"json": body, "user": (TOKEN, "")})]


def test_the_address_of_the_eu_platform_is_a_setting() -> None:
    http = OneAnswer(told({"ids": [1]}))
    asyncio.run(provider(http, url="https://gatewayapi.eu/").send(text()))
    asyncio.run(provider(http, url="https://gatewayapi.eu/").check())
    assert [url for _, url, _ in http.asked] == [
        "https://gatewayapi.eu/rest/mtsms",
        "https://gatewayapi.eu/rest/me",
    ]


def test_a_number_as_sender_goes_without_plus() -> None:
    assert asked(text(sender="+46701740600"))["sender"] == "46701740600"
    assert asked(text(sender="72456"))["sender"] == "72456"


def test_a_text_that_is_not_in_the_gsm_alphabet_goes_as_ucs2() -> None:
    assert asked(text("Åäö €"))["encoding"] == "UTF8"
    assert asked(text("Привет"))["encoding"] == "UCS2"


def test_more_parts_than_max_parts_can_name_are_not_asked_for() -> None:
    assert asked(text(parts=256))["max_parts"] == 255
    assert asked(text(parts=0))["max_parts"] == 1


def test_how_long_a_text_is_kept_is_told_only_where_it_is_set() -> None:
    assert "validity_period" not in asked(text())
    assert asked(text(), validity_period="3600")["validity_period"] == 3600


@pytest.mark.parametrize(
    "wrong",
    [{"validity_period": 59}, {"token": "with:colon"}, {"token": ""}, {"jwt_secret": "short"}],
)
def test_a_setting_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(WrongChannelSettings, match=next(iter(wrong))):
        provider(OneAnswer(told({})), **wrong)


def test_the_id_the_parts_and_a_price_in_kronor_are_read() -> None:
    usage = {"countries": {"SE": 3}, "currency": "SEK", "total_cost": 1.05}
    assert outcome(told({"ids": [4421332672], "usage": usage})) == Accepted("4421332672", 3, Decimal("1.05"))


def test_a_price_in_another_currency_is_none_of_ours() -> None:
    usage = {"countries": {"DK": 3}, "currency": "DKK", "total_cost": 0.36}
    assert outcome(told({"ids": [421332671], "usage": usage})) == Accepted("421332671", 3)


@pytest.mark.parametrize(
    "usage",
    [
        None,
        [],
        {},
        {"countries": [], "currency": "SEK", "total_cost": None},
        {"countries": {}, "currency": "SEK", "total_cost": True},
        {"countries": {"SE": "3"}, "currency": "SEK", "total_cost": float("nan")},
        {"countries": {"SE": 0}, "currency": None, "total_cost": 0.36},
        {"countries": {"SE": True}, "currency": "SEK", "total_cost": float("inf")},
    ],
)
def test_an_odd_account_of_what_it_cost_leaves_the_text_accepted(usage: Any) -> None:
    assert outcome(told({"ids": [7], "usage": usage})) == Accepted("7")


@pytest.mark.parametrize(
    "answer",
    [
        told({"ids": []}),
        told({"ids": None}),
        told({"ids": [None]}),
        told({"ids": [True]}),
        told({"ids": [""]}),
        told({"ids": ["1" * 201]}),
        told([421332671]),
        told({"ids": [421332671]}, 201),
        Answer(200, {}, b"<html>"),
        Answer(204, {}, b""),
    ],
)
def test_a_good_answer_that_names_no_text_leaves_a_doubt(answer: Answer) -> None:
    assert outcome(answer) == Unknown("malformed_answer")


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (403, "0x0215", True),
        (400, "0x0312", True),
        (403, "0x0312", True),
        (400, "0x0308", True),
        (422, "0x0222", True),
        (403, "0x0216", False),
        (400, "0x0216", False),
        (401, "0x0210", False),
        (403, "0x0213", False),
        (400, "0x0214", False),
        (400, "0x0217", False),
        (400, "0x021D", False),
        (400, "0x021d", False),
        (400, "0x0309", False),
        (400, "0x0201", False),
        (403, "0x0399", False),
        (429, "0x0399", False),
        (500, "0x0301", False),
        (500, "0x0215", False),
    ],
)
def test_a_refusal_is_for_good_only_where_the_text_can_never_go(
    status: int, code: str, permanent: bool
) -> None:
    said = {"code": code, "incident_uuid": "d8127429-fa0c-4316-b1f2-e610c3958f43", "message": f"Not {TOKEN}"}
    assert outcome(told(said, status)) == Rejected(permanent, code)


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(400, True), (422, True), (401, False), (403, False), (429, False), (404, False), (500, False)],
)
def test_a_refusal_without_a_code_is_told_by_its_http_status(status: int, permanent: bool) -> None:
    said = {"incident_uuid": "d8127429-fa0c-4316-b1f2-e610c3958f43", "message": "It failed"}
    assert outcome(told(said, status)) == Rejected(permanent, f"http_{status}")


@pytest.mark.parametrize("code", [None, 534, "", "0x", "Not \0 one", ["0x0215"], "0x0215 and more"])
def test_a_code_that_is_none_is_not_told(code: Any) -> None:
    assert outcome(told({"code": code}, 401)) == Rejected(False, "http_401")


def test_a_refusal_that_is_not_gatewayapi_s_own_costs_no_text() -> None:
    assert outcome(Answer(400, {}, b"<html>400 Bad Request</html>")) == Rejected(False, "http_400")
    assert outcome(Answer(404, {}, b"<html>Not Found</html>")) == Rejected(False, "http_404")


@pytest.mark.parametrize("status", [502, 504])
def test_what_stands_before_gatewayapi_cannot_say_whether_it_has_the_text(status: int) -> None:
    assert outcome(Answer(status, {}, b"Bad Gateway")) == Unknown(f"http_{status}")


def test_no_answer_leaves_a_doubt_only_where_something_was_sent() -> None:
    assert outcome(NoAnswer(Fault.TOO_SLOW, sent=True)) == Unknown("too_slow")
    assert outcome(NoAnswer(Fault.TOO_SLOW)) == Rejected(False, "too_slow")


def test_the_test_of_a_channel_asks_what_only_the_account_s_holder_may_ask() -> None:
    http = OneAnswer(told({"credit": 1234.56, "currency": "DKK", "id": 1}))
    found = asyncio.run(provider(http).check())
    assert found == Verdict(State.WELL, "", Decimal("1234.56"), "DKK")
    assert http.asked == [("GET", "https://gatewayapi.com/rest/me", {"user": (TOKEN, "")})]


def test_the_test_of_a_channel_tells_gatewayapi_s_own_word() -> None:
    said = {"code": "0x0213", "message": "Unauthorized IP-address: %1", "variables": ["1.2.3.4"]}
    assert verdict(told(said, 403)) == Verdict(State.WRONG_KEY, "0x0213")
    assert verdict(told({"message": "No"}, 401)) == Verdict(State.WRONG_KEY, "http_401")
    assert verdict(told({"message": "It failed"}, 500)) == Verdict(State.STRANGE, "http_500")
    assert verdict(NoAnswer(Fault.UNREACHABLE)) == Verdict(State.UNREACHABLE, "unreachable")


@pytest.mark.parametrize(
    "answer",
    [told({}), told({"credit": "1.2", "currency": 752}), told([1]), Answer(200, {}, b'{"credit": NaN}')],
)
def test_a_balance_that_is_none_is_not_told(answer: Answer) -> None:
    assert verdict(answer) == Verdict(State.WELL)
