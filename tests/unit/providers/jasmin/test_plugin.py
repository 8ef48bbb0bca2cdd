"""Jasmin beyond the kit: its many refusals, the balance, and what came from a phone in whatever alphabet."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest

from messa_platform.providers.base import (
    Accepted,
    CallbackRefused,
    IncomingText,
    Receipt,
    ReceiptStatus,
    Rejected,
    State,
    Unknown,
    Verdict,
)
from messa_platform.providers.jasmin.fake import KEY, PASSWORD, JasminFake, called
from messa_platform.providers.jasmin.plugin import JasminProvider
from messa_platform.providers.kit.desk import Desk, a_text
from messa_platform.providers.kit.fake import CALLBACKS
from messa_platform.providers.registry import WrongChannelSettings, checked_settings

ADDRESS = f"{CALLBACKS}/{{}}?key={KEY.replace('&', '%26').replace('=', '%3D').replace('+', '%2B')}"
ID = "16fd2706-8baf-433b-82eb-8c7fada847da"


@pytest.fixture
def fake() -> Iterator[JasminFake]:
    """Jasmin, there and well."""
    fake = JasminFake()
    with fake.running():
        yield fake


@pytest.fixture
def desk(fake: JasminFake) -> Desk:
    """The plugin, with a way to the fake."""
    return Desk(JasminProvider, fake)


# What travels


def test_a_text_of_the_gsm_alphabet_is_content_and_any_other_is_hexadecimal(
    desk: Desk, fake: JasminFake
) -> None:
    desk.send_one(a_text("Åsa: 45 €"))
    desk.send_one(a_text("Жå\U0001f600"))
    plain, hexadecimal = fake.forms
    assert (plain["content"], plain["coding"]) == ("Åsa: 45 €", "0")
    assert (hexadecimal["hex-content"].lower(), hexadecimal["coding"]) == ("041600e5d83dde00", "8")
    assert not {"content"} & set(hexadecimal)


def test_receipts_are_asked_for_at_the_channel_s_address(desk: Desk, fake: JasminFake) -> None:
    desk.send_one()
    assert fake.forms[0]["dlr-url"] == ADDRESS.format("receipts")


# Its refusals


@pytest.mark.parametrize(
    ("status", "sentence", "permanent"),
    [
        (400, "Argument [to] has an invalid value: [nobody].", True),
        (400, "Argument to has an invalid value: nobody.", True),
        (400, f"Argument [password] has an invalid value: [{PASSWORD}].", False),
        (400, "Argument [dlr] is unknown.", False),
        (400, "Mandatory argument [username] is not found.", False),
        (400, "Value filter failed for user [messa] (destination_address filter mismatch).", True),
        (400, "Value filter failed for user [messa] (source_address filter mismatch).", True),
        (400, "Value filter failed for user [messa] (priority filter mismatch).", False),
        (400, "Authorization failed for user [messa] (Setting hex content not authorized).", False),
        (403, "Authentication failure for username:messa", False),
        (403, "Cannot charge submit_sm, check RouterPB log file for details", False),
        (500, "Unknown error: Argument [to] has an invalid value", False),
        (412, "No route found", False),
        (412, "Failover route has no bound connectors", False),
        (429, "User throughput exceeded", False),
        (500, "Cannot send submit_sm, check SMPPClientManagerPB log file for details", False),
        (503, "InterceptorPB not connected !", False),
    ],
)
def test_only_what_is_the_text_s_own_fault_is_refused_for_good(
    desk: Desk, fake: JasminFake, status: int, sentence: str, permanent: bool
) -> None:
    fake.refusal = (status, sentence)
    assert desk.send_one() == Rejected(permanent, f"http_{status}")


def test_an_error_that_is_answered_well_leaves_a_doubt(desk: Desk, fake: JasminFake) -> None:
    fake.refusal = (200, "None")
    assert desk.send_one() == Unknown("malformed_answer")


def test_the_id_is_what_stands_in_the_answer(desk: Desk, fake: JasminFake) -> None:
    outcome = desk.send_one()
    assert outcome == Accepted(fake.taken[0].references[0])


# The balance


@pytest.mark.parametrize(
    ("status", "body", "verdict"),
    [
        (
            200,
            '{"balance": 10.25, "sms_count": "ND"}',
            Verdict(State.WELL, balance=Decimal("10.25")),
        ),
        (200, '{"balance": 7, "sms_count": 1}', Verdict(State.WELL, balance=Decimal(7))),
        (200, '{"balance": "ND", "sms_count": "ND"}', Verdict(State.WELL)),
        (200, '{"balance": true}', Verdict(State.WELL)),
        (200, '{"hello": 1}', Verdict(State.STRANGE, "malformed_answer")),
        (200, "<html>", Verdict(State.STRANGE, "malformed_answer")),
        (400, '"Authorization failed for user [messa] (Cannot check balance)."', Verdict(State.WELL)),
        (400, '"Argument [username] has an invalid value: [x]."', Verdict(State.STRANGE, "http_400")),
        (403, '"Authentication failure for username:messa"', Verdict(State.WRONG_KEY, "http_403")),
    ],
)
def test_the_balance_is_told_where_there_is_one(
    desk: Desk, fake: JasminFake, status: int, body: str, verdict: Verdict
) -> None:
    fake.balance = (status, body)
    assert desk.using(lambda provider: provider.check()) == verdict


# Receipts


def _receipt(**fields: str) -> Receipt:
    desk = Desk(JasminProvider, JasminFake())
    [event] = desk.read(called(ADDRESS.format("receipts"), {"id": ID, **fields})).events
    assert isinstance(event, Receipt)
    return event


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        ("UNDELIV", "045", "UNDELIV 045"),
        ("Undeliv", "45A", "Undeliv 45A"),
        ("DELIVRD", "000", "DELIVRD"),
        ("DELIVRD", "", "DELIVRD"),
        ("EXPIRED", "ND", "EXPIRED"),
        ("EXPIRED", "<script>", "EXPIRED"),
    ],
)
def test_a_receipt_s_code_is_the_status_and_the_error_if_there_is_one(
    status: str, error: str, code: str
) -> None:
    assert _receipt(message_status=status, err=error).code == code


def test_the_centre_s_answer_says_sent_or_undelivered() -> None:
    assert _receipt(message_status="ESME_ROK", level="1").status is ReceiptStatus.SENT
    assert _receipt(message_status="ESME_RSYSERR", level="1").status is ReceiptStatus.UNDELIVERED
    assert _receipt(message_status="ESM", level="1").status is None


def test_a_time_without_a_zone_is_not_believed() -> None:
    assert _receipt(message_status="DELIVRD", donedate="2611271012").at is None


# Incoming texts


def _incoming(alphabet: str = "gsm", **fields: str | bytes) -> IncomingText:
    said = {"id": "in-1", "from": "46701740605", "to": "72456", "origin-connector": "operator", **fields}
    settings = checked_settings(JasminProvider, {**JasminFake().settings(), "alphabet": alphabet})
    [event] = JasminProvider.read_callback(settings, called(ADDRESS.format("incoming"), said)).events
    assert isinstance(event, IncomingText)
    return event


GSM_HALLA = b"Hall\x0f {|"
"""Hallå äö, in septets: in ASCII it would be something else."""


@pytest.mark.parametrize(
    ("coding", "octets", "alphabet"),
    [
        ("8", "Hallå äö".encode("utf-16-be"), "gsm"),
        ("3", "Hallå äö".encode("latin-1"), "gsm"),
        ("0", GSM_HALLA, "gsm"),
        ("0", "Hallå äö".encode("latin-1"), "gsm"),
        ("0", "Hallå äö".encode(), "gsm"),
        ("0", "Hallå äö".encode("latin-1"), "latin-1"),
        ("0", "Hallå äö".encode(), "utf-8"),
        ("0", "Hallå äö".encode("latin-1"), "utf-8"),
        ("1", "Hallå äö".encode(), "gsm"),
    ],
)
def test_a_text_is_read_by_its_coding_and_the_operator_s_alphabet(
    coding: str, octets: bytes, alphabet: str
) -> None:
    assert _incoming(alphabet, coding=coding, content=octets, binary=octets.hex()).text == "Hallå äö"
    assert _incoming(alphabet, coding=coding, content=octets).text == "Hallå äö"


def test_septets_and_ascii_are_told_apart_by_the_setting_and_the_coding() -> None:
    assert _incoming(coding="0", content=b"a@b {1}").text == "a¡b ä1ñ"
    assert _incoming(content=b"a@b {1}").text == "a¡b ä1ñ"
    assert _incoming("utf-8", coding="0", content=b"a@b {1}").text == "a@b {1}"
    assert _incoming("latin-1", coding="0", content="Ã¥".encode("latin-1")).text == "Ã¥"
    assert _incoming(coding="1", content=b"a@b {1}").text == "a@b {1}"
    assert _incoming(coding="3", content="Ã¥ {".encode("latin-1")).text == "Ã¥ {"


def test_the_octets_count_where_the_content_was_spoilt_on_the_way() -> None:
    text = _incoming(coding="8", content=b"??", binary="041600E5")
    assert (text.text, text.sender, text.recipient) == ("Жå", "+46701740605", "72456")


def test_a_text_may_be_empty() -> None:
    assert _incoming(coding="0", content=b"", binary="").text == ""


def test_octets_that_are_not_hexadecimal_are_refused() -> None:
    for binary in ("zz", "041", "\u0416"):
        with pytest.raises(CallbackRefused, match="hexadecimal"):
            _incoming(coding="8", content=b"?", binary=binary)


def test_what_lacks_something_is_refused() -> None:
    desk = Desk(JasminProvider, JasminFake())
    for path, fields in (
        ("receipts", {"id": ID}),
        ("receipts", {"message_status": "DELIVRD"}),
        ("incoming", {"id": ID, "from": "1", "to": "2"}),
        ("elsewhere", {"id": ID, "message_status": "DELIVRD"}),
    ):
        with pytest.raises(CallbackRefused):
            desk.read(called(ADDRESS.format(path), fields))


def test_an_alphabet_that_nobody_knows_is_refused() -> None:
    with pytest.raises(WrongChannelSettings, match="alphabet"):
        checked_settings(JasminProvider, {**JasminFake().settings(), "alphabet": "ebcdic"})
