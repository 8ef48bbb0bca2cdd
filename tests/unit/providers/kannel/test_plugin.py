"""Kannel beyond the kit: what travels byte by byte, its answers, and the addresses that it fills in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote_from_bytes, urlencode, urlsplit

import pytest
from aiohttp import web

from messa_platform.providers.base import (
    Accepted,
    CallbackRefused,
    IncomingText,
    Outcome,
    Receipt,
    ReceiptStatus,
    Rejected,
    State,
    Unknown,
)
from messa_platform.providers.kannel.fake import KEY, PATH, KannelFake, called
from messa_platform.providers.kannel.plugin import KannelProvider
from messa_platform.providers.kit.desk import Desk, a_text
from messa_platform.providers.kit.fake import CALLBACKS
from messa_platform.providers.registry import WrongChannelSettings, checked_settings

LOWS = "".join(chr(0x0400 + low) for low in range(256))
HIGHS = "".join(chr(high << 8 | 0xE5) for high in range(256) if not 0xD8 <= high <= 0xDF)
ID = "0195a0c0-0000-7000-8000-000000000001"


@pytest.fixture
def fake() -> Iterator[KannelFake]:
    """Kannel, there and well."""
    fake = KannelFake()
    with fake.running():
        yield fake


@pytest.fixture
def desk(fake: KannelFake) -> Desk:
    """The plugin, with a way to the fake."""
    return Desk(KannelProvider, fake)


# What travels


@pytest.mark.parametrize("text", [LOWS, HIGHS], ids=["lower bytes", "upper bytes"])
def test_every_byte_of_ucs_2_arrives_as_it_is(desk: Desk, fake: KannelFake, text: str) -> None:
    assert isinstance(desk.send_one(a_text(text)), Accepted)
    [given] = fake.requests
    assert given["text"] == text.encode("utf-16-be")
    assert given["coding"] == b"2"
    assert "charset" not in given
    assert fake.wrong == []


def test_a_text_of_the_gsm_alphabet_travels_as_utf_8(desk: Desk, fake: KannelFake) -> None:
    desk.send_one(a_text("Åsa: 45 €"))
    [given] = fake.requests
    assert (given["text"], given["charset"], given["coding"]) == ("Åsa: 45 €".encode(), b"UTF-8", b"0")


def test_a_text_that_no_address_can_hold_is_left_to_kannel_to_make_ucs_2_of(
    desk: Desk, fake: KannelFake
) -> None:
    text = "Ещё один длинный текст \U0001f600. " * 20
    assert isinstance(desk.send_one(a_text(text, parts=9)), Accepted)
    [given] = fake.requests
    assert (given["text"], given["charset"], given["coding"]) == (text.encode(), b"UTF-8", b"2")
    assert fake.taken[0].text == text


def test_validity_and_priority_are_named_where_they_are_set(desk: Desk, fake: KannelFake) -> None:
    desk.send_one()
    desk.send_one(settings=desk.settings(validity="90", priority=0))
    plain, wishful = fake.requests
    assert not {"validity", "priority"} & set(plain)
    assert (wishful["validity"], wishful["priority"]) == (b"90", b"0")


@pytest.mark.parametrize("changed", [{"validity": 0}, {"priority": 4}, {"path": "sendsms"}])
def test_settings_that_kannel_would_refuse_are_refused(changed: dict[str, object]) -> None:
    with pytest.raises(WrongChannelSettings, match=next(iter(changed))):
        checked_settings(KannelProvider, {**KannelFake().settings(), **changed})


def test_the_address_of_receipts_leaves_kannel_only_its_own_codes_to_fill_in(
    desk: Desk, fake: KannelFake
) -> None:
    message = a_text()
    desk.send_one(message)
    pattern = fake.requests[0]["dlr-url"].decode()
    assert pattern.startswith(f"{CALLBACKS}/receipts?")
    assert pattern.endswith("&status=%d&answer=%A")
    filled = pattern.removesuffix("&status=%d&answer=%A").replace("%%", "%")
    assert filled.count("%") * 2 == pattern.count("%") - 2
    assert dict(parse_qsl(urlsplit(filled).query)) == {"key": KEY, "id": str(message.message_id)}


# Its answers


@contextmanager
def _answering(status: int, text: str) -> Iterator[Desk]:
    """A server that always says the same."""

    class Parrot(KannelFake):
        def routes(self) -> list[web.RouteDef]:
            return [web.get(PATH, self._say)]

        async def _say(self, _request: web.Request) -> web.Response:
            return web.Response(status=status, text=text)

    fake = Parrot()
    with fake.running():
        yield Desk(KannelProvider, fake)


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        (202, "3: Queued for later delivery", Accepted("id")),
        (202, "Sent.", Accepted("id")),
        (202, "Sent. Message splits: 3", Accepted("id", 3)),
        (202, "welcome", Unknown("malformed_answer")),
        (200, "0: Accepted for delivery", Unknown("malformed_answer")),
        (400, "Charset or body misformed, rejected", Rejected(True, "http_400")),
        (403, "Authorization failed for sendsms", Rejected(False, "http_403")),
        (403, "Not routable. Do not try again.", Rejected(True, "not_routable")),
        (404, "Unknown request.", Rejected(False, "http_404")),
        (500, "Sending failed.", Rejected(False, "http_500")),
        (503, "Temporal failure, try again later.", Rejected(False, "http_503")),
    ],
)
def test_its_answers_mean_what_its_guide_says(status: int, text: str, outcome: Outcome) -> None:
    message = a_text()
    if isinstance(outcome, Accepted):
        outcome = Accepted(str(message.message_id), outcome.parts)
    with _answering(status, text) as desk:
        assert desk.send_one(message) == outcome


@pytest.mark.parametrize(
    ("status", "text", "state"),
    [
        (400, "Missing receiver number, rejected", State.WELL),
        (400, "<html>400 Bad Request</html>", State.STRANGE),
        (202, "0: Accepted for delivery", State.STRANGE),
        (200, "<html>It works!</html>", State.STRANGE),
        (404, "Unknown request.", State.STRANGE),
        (403, "Authorization failed for sendsms", State.WRONG_KEY),
    ],
)
def test_only_kannel_misses_the_number(status: int, text: str, state: State) -> None:
    with _answering(status, text) as desk:
        assert desk.using(lambda provider: provider.check()).state is state


# Receipts


def _receipt(status: str, answer: str) -> Receipt:
    url = f"{CALLBACKS}/receipts?{urlencode({'key': KEY, 'id': ID, 'status': status, 'answer': answer})}"
    [event] = Desk(KannelProvider, KannelFake()).read(called(url)).events
    assert isinstance(event, Receipt)
    return event


SMPP = "id:6ab sub:001 dlvrd:000 submit date:2611271011 done date:2611271012 stat:{} err:{} text:stat:X err:9"


@pytest.mark.parametrize(
    ("status", "answer", "code"),
    [
        ("2", "", "2"),
        ("2", SMPP.format("UNDELIV", "045"), "2 UNDELIV 045"),
        ("1", SMPP.format("DELIVRD", "000"), "1 DELIVRD"),
        ("2", "text:Hej, stat:DELIVRD err:007", "2"),
        ("8", "ACK/", "8"),
        ("16", "NACK/0x0000000b/Invalid Destination Address", "16 NACK 0x0000000b"),
        ("16", "NACK/", "16 NACK"),
    ],
)
def test_a_receipt_s_code_is_its_bit_and_what_the_centre_said_but_never_the_text(
    status: str, answer: str, code: str
) -> None:
    receipt = _receipt(status, answer)
    assert (receipt.reference, receipt.code, receipt.at) == (ID, code, None)


def test_bits_that_are_no_receipt_s_change_nothing() -> None:
    assert _receipt("3", "").status is None
    assert _receipt("16", "").status is ReceiptStatus.UNDELIVERED


# Incoming texts


def _incoming(text: bytes, **changed: str) -> IncomingText:
    fields = {"from": "46701740605", "to": "72456", "id": "in-1", **changed}
    url = f"{CALLBACKS}/incoming?{urlencode({'key': KEY, **fields})}&text={quote_from_bytes(text, safe='')}"
    [event] = Desk(KannelProvider, KannelFake()).read(called(url)).events
    assert isinstance(event, IncomingText)
    return event


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Hallå".encode(), {"charset": "UTF-8", "coding": "0"}),
        ("Hallå".encode(), {}),
        ("Hallå".encode(), {"charset": "gsm", "coding": "0"}),
        ("Hallå".encode(), {"charset": "UTF-8", "coding": "2"}),
        ("Hallå".encode("utf-16-be"), {"charset": "UTF-16BE", "coding": "2"}),
        ("Hallå".encode("utf-16-be"), {"charset": "UTF16-BE", "coding": "3"}),
        ("Hallå".encode("utf-16-be"), {"coding": "2"}),
        ("Hallå".encode("latin-1"), {"charset": "ISO-8859-1", "coding": "0"}),
        ("Hallå".encode("cp1252"), {"charset": "WINDOWS-1252"}),
        ("Hallå".encode("latin-1"), {"charset": "8-BIT", "coding": "1"}),
    ],
)
def test_a_text_is_read_in_the_charset_that_kannel_names(text: bytes, told: dict[str, str]) -> None:
    assert _incoming(text, **told).text == "Hallå"


def test_a_text_with_spoilt_bytes_is_taken_all_the_same() -> None:
    assert _incoming(b"Hall\xe5 d\xe4r", charset="UTF-8").text == "Hall\N{REPLACEMENT CHARACTER} d\ufffdr"
    assert _incoming(b"\0H\0", charset="UTF-16BE").text == "H\N{REPLACEMENT CHARACTER}"


def test_an_incoming_text_s_time_is_utc_where_it_is_told() -> None:
    assert _incoming(b"Hej", time="2026-11-27 10:11:12").at == datetime(2026, 11, 27, 10, 11, 12, tzinfo=UTC)
    assert _incoming(b"Hej", time="%t").at is None
    assert _incoming(b"Hej").at is None


def test_a_text_may_be_empty_and_a_short_code_stays_as_it_is() -> None:
    text = _incoming(b"")
    assert (text.text, text.sender, text.recipient) == ("", "+46701740605", "72456")


@pytest.mark.parametrize(
    "rest",
    [
        "receipts?id=1",
        "receipts?status=1",
        "incoming?from=1&to=2&id=3",
        "incoming?text=Hej&to=2&id=3",
        "incoming?text=\u0416&from=1&to=2&id=3",
        "incoming?" + "&".join("a=b" for _ in range(300)),
        "elsewhere?id=1&status=1",
    ],
)
def test_what_lacks_something_is_refused(rest: str) -> None:
    desk = Desk(KannelProvider, KannelFake())
    with pytest.raises(CallbackRefused):
        desk.read(called(f"{CALLBACKS}/{rest}&{urlencode({'key': KEY})}"))
