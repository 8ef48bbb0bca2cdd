"""Signatures that Vonage's documentation and its own libraries give."""

from __future__ import annotations

import pytest

from messa_platform.providers.vonage.signature import METHODS, sign, signed

OF_ANIMALS = {
    "md5hash": "7d43241108912b32cc315b48ce681acf",
    "md5": "e0afe267aefd6dd18a848c1681517a19",
    "sha1": "b7f749de27b4adcf736cc95c9a7e059a16c85127",
    "sha256": "8d1b0428276b6a070578225914c3502cc0687a454dfbbbb370c76a14234cb546",
    "sha512": "1c834a1f6a377d4473971387b065cb38e2ad6c4869ba77b7b53e207a344e87ba"
    "04b456dfc697b371a2d1ce476d01dafd4394aa97525eff23badad39d2389a710",
}
ANIMALS = {"timestamp": "2100", "b": "bananas", "a": "alphabet"}


def test_the_documented_signature_is_made() -> None:
    fields = {"param1": "value1", "param2": "value2", "timestamp": "1234567890"}
    expected = "280c4320703dbc98bfa22db676655ed2acfbfe8792b062ff7622e67f1183c287"
    assert sign(fields, "signature_secret", "sha256") == expected


@pytest.mark.parametrize("method", METHODS)
def test_every_method_signs_as_the_library_for_java_does(method: str) -> None:
    assert sign(ANIMALS, "abcde", method) == OF_ANIMALS[method]


def test_ampersands_and_equals_signs_in_values_are_underscores() -> None:
    fields = {"param1": "value&1", "param2": "value=2", "timestamp": "1234567890"}
    assert sign(fields, "signature_secret", "md5") == "2bbf0abafb2c55e5af6231513896a2ac"


def test_the_order_in_which_fields_come_does_not_matter() -> None:
    assert sign(dict(reversed(ANIMALS.items())), "abcde", "sha256") == sign(ANIMALS, "abcde", "sha256")


@pytest.mark.parametrize("method", METHODS)
def test_a_signature_is_known_in_either_case(method: str) -> None:
    for written in (OF_ANIMALS[method], OF_ANIMALS[method].upper()):
        assert signed({**ANIMALS, "sig": written}, "abcde", method) is not None


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("given", [{}, {"sig": ""}, {"sig": "0" * 32}, {"sig": "å" * 64}, {"sig": "\ud800"}])
def test_no_signature_or_a_wrong_one_is_none(method: str, given: dict[str, str]) -> None:
    assert signed({**ANIMALS, **given}, "abcde", method) is None


def test_a_signature_by_another_method_or_another_secret_is_none() -> None:
    fields = {**ANIMALS, "sig": OF_ANIMALS["md5hash"]}
    assert signed(fields, "abcde", "md5hash") is not None
    assert signed(fields, "abcde", "md5") is None
    assert signed(fields, "abcdef", "md5hash") is None


def test_empty_fields_may_be_left_out_of_what_is_signed_and_then_are_not_there() -> None:
    # the library for Java leaves them out, also those of blanks only
    fields = {
        "a": "alphabet",
        "b": "",
        "c": "  ",
        "timestamp": "2100",
        "sig": "a3368bf718ba104dcb392d8877e8eb2b",
    }
    found = signed(fields, "abcde", "md5hash")
    assert found is not None
    assert found.keys() == {"a", "timestamp", "sig"}


def test_empty_fields_may_be_signed_and_then_are_there() -> None:
    fields = {**ANIMALS, "c": ""}
    found = signed({**fields, "sig": sign(fields, "abcde", "sha1")}, "abcde", "sha1")
    assert found is not None
    assert found["c"] == ""


def test_half_a_surrogate_pair_is_a_question_mark_to_the_signature() -> None:
    assert sign({"text": "\ud83d"}, "abcde", "sha1") == sign({"text": "?"}, "abcde", "sha1")
