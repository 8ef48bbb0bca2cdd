"""Mails as they come, each with what its SMS should say beside it (`NNN-name.eml`, `NNN-name.expected.json`).

In the expectation `sms` is the text's lines, `unreadable` a reason in its place, `envelope_sender` the MAIL FROM; every other key is
a field of the reading. What is left out has its ordinary value: nothing dropped, nothing automatic, nothing left out.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from messa_platform.mail.reading import Reading, Unreadable, read

CORPUS = Path(__file__).parent / "corpus"
MAILS = sorted(CORPUS.glob("*.eml"))
ORDINARY = {"drop": None, "automatic": False, "left_out": 0, "answers_ours": False, "language": None}


def expectation_of(mail: Path) -> dict[str, Any]:
    text = mail.with_name(f"{mail.stem}.expected.json").read_text(encoding="utf-8")
    expected: dict[str, Any] = json.loads(text)
    return expected


def read_with(mail: Path, expected: dict[str, Any]) -> Reading | Unreadable:
    envelope_sender = expected.pop("envelope_sender", "anna.berg@demo.example")
    return read(mail.read_bytes(), envelope_sender=envelope_sender, our_domain="messa.example")


def plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("mail", MAILS, ids=lambda mail: mail.stem)
def test_a_mail_becomes_the_sms_that_stands_beside_it(mail: Path) -> None:
    expected = expectation_of(mail)
    result = read_with(mail, expected)
    if isinstance(result, Unreadable):
        assert result.reason == expected.pop("unreadable")
    else:
        assert result.sms_text.split("\n") == expected.pop("sms", [""])
        expected = {**ORDINARY, **expected}
    assert {key: plain(getattr(result, key)) for key in expected} == expected


def test_there_are_at_least_sixty_five_mails_and_each_has_its_expectation() -> None:
    assert len(MAILS) >= 65
    assert {mail.stem for mail in MAILS} == {
        path.name.removesuffix(".expected.json") for path in CORPUS.glob("*.json")
    }
