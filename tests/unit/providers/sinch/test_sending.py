"""Texts to Sinch: the request by the channel's settings, and what its answers mean."""

from __future__ import annotations

import asyncio
import json
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
from messa_platform.providers.kit.desk import Desk, a_text
from messa_platform.providers.registry import checked_settings
from messa_platform.providers.sinch.fake import SECRET, TOKEN, SinchFake
from messa_platform.providers.sinch.plugin import SinchProvider
from tests.support.one_answer import OneAnswer

OUR_ID = UUID("0195a0c0-0000-7000-8000-000000000001")
TEXT = OutgoingText(OUR_ID, "+46701740605", "Skolan", "Hej", 1)
MADE = Answer(201, {}, b'{"id":"01FC66621"}')
SETTINGS = {"service_plan_id": "plan7", "token": TOKEN, "webhook_secret": SECRET}


def a_provider(http: OneAnswer, **changed: Any) -> SinchProvider:
    settings = checked_settings(SinchProvider, {**SETTINGS, **changed})
    return SinchProvider(settings, Surroundings("sinch", http, "https://messa.example/providers/sinch"))


def sent(answer: Answer | NoAnswer, text: OutgoingText = TEXT, **changed: Any) -> tuple[Outcome, Any]:
    """The outcome of a send that is answered so, and what was asked."""
    http = OneAnswer(answer)
    outcome = asyncio.run(a_provider(http, **changed).send(text))
    [asked] = http.asked
    return outcome, asked


def outcome_of(status: int, body: bytes) -> Outcome:
    return sent(Answer(status, {}, body))[0]


def test_a_text_is_a_batch_of_one_with_our_id_and_the_address_of_receipts() -> None:
    outcome, (method, url, asked) = sent(MADE)
    assert outcome == Accepted("01FC66621")
    assert (method, url) == ("POST", "https://eu.sms.api.sinch.com/xms/v1/plan7/batches")
    assert asked["headers"] == {"Authorization": f"Bearer {TOKEN}"}
    assert asked["json"] == {
        "type": "mt_text",
        "from": "Skolan",
        "to": ["+46701740605"],
        "body": "Hej",
        "delivery_report": "per_recipient",
        "callback_url": "https://messa.example/providers/sinch/receipts",
        "client_reference": str(OUR_ID),
    }


@pytest.mark.parametrize(
    ("changed", "url"),
    [
        ({"region": "us"}, "https://us.sms.api.sinch.com/xms/v1/plan7/batches"),
        ({"prefix": "v2/"}, "https://eu.sms.api.sinch.com/v2/plan7/batches"),
        ({"prefix": ""}, "https://eu.sms.api.sinch.com/plan7/batches"),
        ({"url": ""}, "https://eu.sms.api.sinch.com/xms/v1/plan7/batches"),
        (
            {"url": "https://sinch.example:8443/", "region": "us"},
            "https://sinch.example:8443/xms/v1/plan7/batches",
        ),
        ({"service_plan_id": "a/../b?c"}, "https://eu.sms.api.sinch.com/xms/v1/a%2F..%2Fb%3Fc/batches"),
    ],
)
def test_the_settings_say_where_texts_go(changed: dict[str, Any], url: str) -> None:
    assert sent(MADE, **changed)[1][1] == url


@pytest.mark.parametrize("region", ["", "evil.example/", "EU", "eu.sms.api.sinch.com"])
def test_a_region_that_sinch_does_not_have_is_refused(region: str) -> None:
    with pytest.raises(ValueError, match="region"):
        checked_settings(SinchProvider, {**SETTINGS, "region": region})


@pytest.mark.parametrize(
    "text",
    [
        "Kostar ${pris} kr",
        "$${pris} och $5",
        "${",
        "${d}",
        "${}$",
        "Bara $5 {och} inget annat $",
    ],
)
def test_a_text_that_looks_like_a_template_reaches_the_phone_as_it_is(text: str) -> None:
    fake = SinchFake()
    with fake.running():
        outcome = Desk(SinchProvider, fake).send_one(a_text(text))
    assert isinstance(outcome, Accepted), outcome
    assert [taken.text for taken in fake.taken] == [text]
    assert fake.wrong == []


def test_no_dollar_sign_of_a_template_is_left_to_be_read_as_an_escape() -> None:
    _, (_, _, asked) = sent(MADE, OutgoingText(OUR_ID, "+46701740605", "Skolan", "$${pris}", 1))
    assert asked["json"]["body"] == "${d}${d}{pris}"
    assert asked["json"]["parameters"] == {"d": {"default": "$"}}


def test_a_text_that_is_no_template_goes_without_parameters() -> None:
    _, (_, _, asked) = sent(MADE, OutgoingText(OUR_ID, "+46701740605", "Skolan", "$5 {netto} $", 1))
    assert asked["json"]["body"] == "$5 {netto} $"
    assert "parameters" not in asked["json"]


def test_the_fake_takes_no_text_for_which_a_value_is_missing() -> None:
    batch = {**sent(MADE)[1][2]["json"], "body": "Hej ${namn}"}

    async def post(provider: Any) -> Any:
        return await provider._http.request("POST", provider._batches, headers=provider._headers, json=batch)

    fake = SinchFake()
    with fake.running():
        answer = Desk(SinchProvider, fake).using(post)
    assert answer.status == 400
    assert fake.wrong == ["unmatched parameter namn"]
    assert fake.taken == []


@pytest.mark.parametrize(
    "code", ["syntax_invalid_json", "syntax_invalid_parameter_format", "syntax_constraint_violation"]
)
def test_what_sinch_finds_wrong_with_a_text_is_so_for_good(code: str) -> None:
    body = json.dumps({"code": code, "text": "something about it"}).encode()
    assert outcome_of(400, body) == Rejected(permanent=True, code=code)


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (401, b"", "http_401"),
        (402, b"", "http_402"),
        (403, b'{"code":"missing_callback_url","text":"none"}', "missing_callback_url"),
        (404, b"", "http_404"),
        (405, b"<html>", "http_405"),
        (415, b"", "http_415"),
        (429, b"", "http_429"),
        (500, b"", "http_500"),
        (503, b"[]", "http_503"),
    ],
)
def test_what_says_nothing_of_the_text_lets_it_wait(status: int, body: bytes, code: str) -> None:
    assert outcome_of(status, body) == Rejected(permanent=False, code=code)


@pytest.mark.parametrize("status", [502, 504, 520])
def test_a_proxy_s_fault_leaves_a_doubt(status: int) -> None:
    assert outcome_of(status, b"<html>Bad gateway</html>") == Unknown(f"http_{status}")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{}", b'{"id":""}', b'{"id":7}', b'{"id":null}', b"{", b"\xff"]
)
def test_an_answer_that_names_no_batch_leaves_a_doubt(body: bytes) -> None:
    assert outcome_of(201, body) == Unknown("malformed_answer")


def test_a_batch_that_is_answered_by_200_is_taken_too() -> None:
    assert outcome_of(200, MADE.body) == Accepted("01FC66621")


@pytest.mark.parametrize(
    "body", [b'{"code":7}', b'{"code":""}', b'{"text":"x"}', b'{"code":{"a":1}}', b"oops"]
)
def test_a_refusal_without_a_code_is_told_by_its_status(body: bytes) -> None:
    assert outcome_of(400, body) == Rejected(permanent=True, code="http_400")


def test_a_code_without_end_is_cut() -> None:
    outcome = outcome_of(400, b'{"code":"' + b"x" * 5000 + b'"}')
    assert outcome == Rejected(permanent=True, code="x" * 200)


def test_no_answer_leaves_a_doubt_only_where_something_left() -> None:
    assert sent(NoAnswer(Fault.UNREACHABLE))[0] == Rejected(permanent=False, code="unreachable")
    assert sent(NoAnswer(Fault.TOO_SLOW, sent=True))[0] == Unknown("too_slow")


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        (Answer(200, {}, b'{"count":0,"batches":[]}'), Verdict(State.WELL)),
        (Answer(401, {}, b""), Verdict(State.WRONG_KEY, "http_401")),
        (Answer(404, {}, b""), Verdict(State.STRANGE, "http_404")),
        (NoAnswer(Fault.UNKNOWN_HOST), Verdict(State.UNREACHABLE, "unknown_host")),
    ],
)
def test_a_test_of_a_channel_asks_for_one_batch_and_sends_none(
    answer: Answer | NoAnswer, verdict: Verdict
) -> None:
    http = OneAnswer(answer)
    assert asyncio.run(a_provider(http).check()) == verdict
    [(method, url, asked)] = http.asked
    assert (method, url) == ("GET", "https://eu.sms.api.sinch.com/xms/v1/plan7/batches")
    assert asked["query"] == {"page_size": "1"}


def test_a_provider_shows_no_secret() -> None:
    shown = repr(a_provider(OneAnswer(MADE)))
    assert TOKEN not in shown
    assert SECRET not in shown
