"""Twilio's signature: the vectors of its documentation and of its own client libraries, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest

from messa_platform.providers.base import Callback, CallbackRefused
from messa_platform.providers.twilio.signature import signature, signed_fields

TOKEN = "12345"
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
FIELDS = [
    ("Digits", "1234"),
    ("To", "+18005551212"),
    ("CallSid", "CA1234567890ABCDE"),
    ("From", "+14158675309"),
    ("Caller", "+14158675309"),
]
FORM = b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212&Caller=%2B14158675309"
SIGNATURE = "RSOYDt4T1cUTdK1PDd93/VVr8B8="
JSON = b'{"property": "value", "boolean": true}'
DIGEST = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
JSON_SIGNATURE = "a9nBmqA0ju/hNViExpshrM61xv4="


def callback(url: str = URL, body: bytes = FORM, given: str = SIGNATURE) -> Callback:
    return Callback("POST", "receipts", {}, {"x-twilio-signature": given}, body, url, datetime.now(UTC))


def with_json(body: bytes = JSON, digest: str = DIGEST, given: str = JSON_SIGNATURE) -> Callback:
    return callback(f"{URL}&bodySHA256={digest}", body, given)


def refusal_of(wrong: Callback) -> int:
    with pytest.raises(CallbackRefused) as refused:
        signed_fields(wrong, TOKEN)
    return refused.value.status


def test_the_documented_vector_holds() -> None:
    assert signature(TOKEN, URL, FIELDS) == SIGNATURE
    assert signed_fields(callback(), TOKEN) == dict(FIELDS)


def test_values_of_one_name_are_signed_in_order_and_the_same_one_once() -> None:
    fields = [("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234")]
    assert signature(TOKEN, URL, fields) == "IK+Dwps556ElfBT0I3Rgjkr1wJU="
    assert signature(TOKEN, URL, [*fields, ("Digits", "5678")]) == "IK+Dwps556ElfBT0I3Rgjkr1wJU="


@pytest.mark.parametrize(
    ("url", "given"),
    [
        (URL.replace(".com", ".com:1234"), SIGNATURE),
        (URL.replace(".com", ".com:443"), SIGNATURE),
        (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http").replace(".com", ".com:1234"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
        (URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
    ],
)
def test_the_address_may_have_been_signed_with_its_port_or_without(url: str, given: str) -> None:
    assert signed_fields(callback(url, given=given), TOKEN) == dict(FIELDS)


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://sms.kommun.example", "https://sms.kommun.example:443"),
        ("https://[2001:db8::1]/a:b/", "https://[2001:db8::1]:443/a:b/"),
        ("https://[2001:db8::1]:8443/?a=//b:1", "https://[2001:db8::1]/?a=//b:1"),
        ("https://sms.kommun.example?a=1", "https://sms.kommun.example:443?a=1"),
        ("https://sms.kommun.example/a?", "https://sms.kommun.example:443/a?"),
    ],
)
def test_only_the_port_of_an_address_comes_and_goes(url: str, signed: str) -> None:
    for address in (url, signed):
        assert signed_fields(callback(url, given=signature(TOKEN, address, FIELDS)), TOKEN)


def test_a_body_of_json_is_signed_by_the_digest_in_the_address() -> None:
    assert signed_fields(with_json(), TOKEN) == {"property": "value", "boolean": True}


def test_a_body_of_json_that_was_changed_is_refused() -> None:
    changed = JSON.replace(b"value", b"other")
    assert refusal_of(with_json(changed)) == 403
    assert refusal_of(with_json(changed, sha256(changed).hexdigest())) == 403


def test_json_without_its_digest_in_the_address_is_refused() -> None:
    assert refusal_of(callback(body=JSON, given=signature(TOKEN, URL, []))) == 403


def test_json_that_is_no_object_is_refused() -> None:
    url = f"{URL}&bodySHA256={sha256(b'[]').hexdigest()}"
    assert refusal_of(callback(url, b"[]", signature(TOKEN, url, []))) == 400


@pytest.mark.parametrize(
    "wrong",
    [
        callback(given=""),
        callback(given=SIGNATURE.lower()),
        callback(given="\N{LATIN SMALL LETTER A WITH RING ABOVE}"),
        callback(given=signature("54321", URL, FIELDS)),
        callback(URL.replace("foo=1", "foo=2")),
        callback(URL.replace("https", "http")),
        callback("no address"),
        callback(body=FORM.replace(b"Digits=1234", b"Digits=1235")),
        callback(body=FORM + b"&Extra=1"),
        callback(body=b""),
        replace(callback(), headers={}),
    ],
)
def test_what_twilio_did_not_sign_is_refused(wrong: Callback) -> None:
    assert refusal_of(wrong) == 403


def test_no_refusal_tells_the_signature_that_would_have_been_right() -> None:
    with pytest.raises(CallbackRefused) as refused:
        signed_fields(callback(given="x"), TOKEN)
    assert SIGNATURE not in repr(refused.value) and TOKEN not in repr(refused.value)
