"""Signatures and greetings, against vectors that openssl made: `printf '<time>.<body>' | openssl dgst -sha256 -hmac '<secret>'`."""

from __future__ import annotations

import json

import pytest

from messa_platform.providers.simulator import wire

SECRET = "hemligt-i-testet"
NOW = 1_772_442_900
PROOF = "7faa3f47fe463397ac0ce2c4915ddb62f22c3a5a7136e15fd0a84b54a4f8f4d7"


def test_a_callback_s_signature_is_over_the_time_a_dot_and_the_body() -> None:
    assert (
        wire.sign(SECRET, str(NOW), b'{"events":[]}')
        == "86246574c9c747a56c1116bde97b9592ed42acf1207b1b4b8eba4a138b2cfb64"
    )


def test_a_greeting_is_a_line_whose_proof_is_over_the_time_a_dot_and_hello() -> None:
    line = wire.greeting(SECRET, NOW + 0.9)
    assert line.endswith(b"\n")
    assert json.loads(line) == {"op": "hello", "at": NOW, "proof": PROOF}


@pytest.mark.parametrize(("off", "genuine"), [(-301, False), (-300, True), (300, True), (301, False)])
def test_a_greeting_is_good_five_minutes_off_and_not_a_second_more(off: int, genuine: bool) -> None:
    assert wire.is_genuine(SECRET, {"op": "hello", "at": NOW, "proof": PROOF}, NOW + off) is genuine


def test_a_greeting_proves_nothing_in_the_place_of_a_callback_s_signature() -> None:
    assert not wire.is_signed(SECRET, str(NOW), b'{"events":[]}', PROOF)
    assert wire.decode(b"hello") is None  # what it does sign is no body
