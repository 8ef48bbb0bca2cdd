"""The signature of Sinch's callbacks: the published vector, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from messa_platform.providers.base import Callback, CallbackRefused
from messa_platform.providers.sinch.fake import SECRET, signed_headers
from messa_platform.providers.sinch.signature import HEADER, demand_signature, signature

VECTOR_BODY = (
    b'{"app_id":"","accepted_time":"2021-10-18T17:49:13.813615Z",'
    b'"project_id":"e2df3a34-a71b-4448-9db5-a8d2baad28e4","contact_create_notification":{"contact":'
    b'{"id":"01FJA8B466Y0R2GNXD78MD9SM1","channel_identities":[{"channel":"SMS","identity":"48123456789",'
    b'"app_id":""}],"display_name":"New Test Contact","email":"new.contact@email.com","external_id":"",'
    b'"metadata":"","language":"EN_US"}},"message_metadata":""}'
)
VECTOR_SIGNATURE = "6bpJoRmFoXVjfJIVglMoJzYXxnoxRujzR4k2GOXewOE="
"""From the tests of Sinch's own client for .NET."""

NOW = datetime(2026, 11, 27, 10, 11, 12, tzinfo=UTC)
TOLERANCE = 300


def callback(signed_at: datetime = NOW, headers: Mapping[str, str] | None = None) -> Callback:
    """A callback that came `NOW`, with headers in the place of its own."""
    body = b'{"type":"mo_text"}'
    given = {**signed_headers(body, int(signed_at.timestamp())), **(headers or {})}
    return Callback("POST", "incoming", {}, given, body, "https://messa.example/incoming", NOW)


def refusal(refused: Callback) -> CallbackRefused:
    with pytest.raises(CallbackRefused) as caught:
        demand_signature(refused, SECRET, TOLERANCE)
    return caught.value


def test_the_published_vector_holds() -> None:
    made = signature("foo_secret1234", VECTOR_BODY, "01FJA8B4A7BM43YGWSG9GBV067", "1634579353")
    assert made == VECTOR_SIGNATURE


@pytest.mark.parametrize("seconds", [-TOLERANCE, 0, TOLERANCE])
def test_a_callback_is_taken_as_far_off_as_the_tolerance_says(seconds: int) -> None:
    demand_signature(callback(NOW + timedelta(seconds=seconds)), SECRET, TOLERANCE)


@pytest.mark.parametrize("seconds", [-TOLERANCE - 1, TOLERANCE + 1])
def test_a_callback_is_refused_a_second_further_off(seconds: int) -> None:
    refused = refusal(callback(NOW + timedelta(seconds=seconds)))
    assert (refused.status, str(refused)) == (401, "signed too long ago, or in the future")


@pytest.mark.parametrize("algorithm", ["HmacSHA256", "HMACSHA256"])
def test_the_name_of_the_algorithm_is_read_in_any_case(algorithm: str) -> None:
    demand_signature(callback(headers={f"{HEADER}-algorithm": algorithm}), SECRET, TOLERANCE)


def test_a_callback_that_names_no_algorithm_is_read_as_the_documented_one() -> None:
    one = callback()
    headers = {name: value for name, value in one.headers.items() if not name.endswith("-algorithm")}
    demand_signature(replace(one, headers=headers), SECRET, TOLERANCE)


def test_another_algorithm_is_refused_by_its_name() -> None:
    refused = refusal(callback(headers={f"{HEADER}-algorithm": "HmacSHA1"}))
    assert (refused.status, str(refused)) == (401, "signed by an algorithm other than HmacSHA256")


@pytest.mark.parametrize("name", [HEADER, f"{HEADER}-nonce", f"{HEADER}-timestamp"])
@pytest.mark.parametrize("value", ["", "å", "MTIzNDU2"])
def test_no_header_can_be_left_out_or_changed(name: str, value: str) -> None:
    refused = refusal(callback(headers={name: value}))
    assert (refused.status, str(refused)) == (401, "the signature is missing or wrong")


@pytest.mark.parametrize("timestamp", ["", "2026-11-27T10:11:12Z", "-1", "1e9", "9" * 5000])
def test_a_time_that_is_none_is_refused_even_if_it_is_signed(timestamp: str) -> None:
    one = callback()
    headers = {
        HEADER: signature(SECRET, one.body, "nonce", timestamp),
        f"{HEADER}-nonce": "nonce",
        f"{HEADER}-timestamp": timestamp,
    }
    assert refusal(replace(one, headers=headers)).status == 401


def test_a_refusal_tells_nothing_of_the_secret_or_of_the_right_signature() -> None:
    one = callback()
    said = str(refusal(replace(one, headers={**one.headers, HEADER: "wrong"})))
    assert SECRET not in said
    assert one.headers[HEADER] not in said
