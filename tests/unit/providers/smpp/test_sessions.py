"""Sessions of a channel by SMPP: the window, answers that come late or never, silence, and the other side's good-bye."""

from __future__ import annotations

import asyncio
import struct
from typing import Any

import pytest

from messa_platform.core.smpp.pdus import LAST_SEQUENCE
from messa_platform.providers.base import Accepted, Outcome, Rejected, State, Unknown, Verdict
from messa_platform.providers.kit.desk import a_text
from messa_platform.providers.smpp.plugin import SmppProvider
from messa_platform.providers.smpp.session import Login, Mode, Session
from tests.support.smpp_centre import (
    DELIVER_ANSWER,
    ENQUIRE,
    ENQUIRE_ANSWER,
    NACK,
    SUBMIT,
    SUBMIT_ANSWER,
    UNBIND,
    UNBIND_ANSWER,
    Events,
    Heard,
    Line,
    bound,
    deliver,
    in_loop,
    into,
    keep,
    provider_at,
    small_centre,
    until,
)

pytestmark = pytest.mark.timeout(40)  # a loop that is blocked knows no time limit of its own


def sending(provider: SmppProvider, *words: str) -> list[asyncio.Future[Outcome]]:
    return [asyncio.ensure_future(provider.send(a_text(each))) for each in words]


def words_of(asked: Heard) -> str:
    """What a submit_sm says that fits into one."""
    body, at = asked.body, asked.body.index(b"\0") + 1
    for _ in range(2):  # the addresses
        at = body.index(b"\0", at + 2) + 1
    at += 3
    for _ in range(2):  # the times
        at = body.index(b"\0", at) + 1
    return body[at + 5 : at + 5 + body[at + 4]].decode("latin-1")


def test_the_window_is_used_up_and_never_exceeded_and_the_order_of_asking_is_kept() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, window=3, answer_seconds=5) as provider:
            await bound(provider)
            centre.does[SUBMIT] = keep
            tasks = sending(provider, *(f"{n:02d}" for n in range(10)))
            [line] = centre.lines
            await until(lambda: len(line.waiting) == 3)
            await asyncio.sleep(0.05)
            assert len(line.waiting) == 3
            while not all(task.done() for task in tasks):
                if line.waiting:
                    line.take(line.waiting[0])
                await asyncio.sleep(0.005)
            assert centre.most == 3
            assert [words_of(asked) for asked in line.of(SUBMIT)] == [f"{n:02d}" for n in range(10)]
            assert [task.result() for task in tasks] == [Accepted(str(n)) for n in range(1, 11)]

    in_loop(work)


def test_answers_in_any_order_find_who_asked() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            centre.does[SUBMIT] = keep
            tasks = sending(provider, "a", "b", "c")
            [line] = centre.lines
            await until(lambda: len(line.waiting) == 3)
            for asked in reversed(line.waiting[:]):
                line.answer(asked, words_of(asked).upper().encode() + b"\0")
            assert await asyncio.gather(*tasks) == [Accepted("A"), Accepted("B"), Accepted("C")]

    in_loop(work)


def test_an_answer_that_comes_too_late_has_nobody_waiting_and_is_not_taken_for_another_s() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            centre.does[SUBMIT] = keep
            assert await provider.send(a_text("late")) == Unknown("timeout")
            [line] = centre.lines
            [task] = sending(provider, "next")
            await until(lambda: len(line.waiting) == 2)
            line.answer(line.waiting[0], b"late\0")
            line.answer(line.waiting[1], b"next\0")
            assert await task == Accepted("next")
            assert len(centre.lines) == 1

    in_loop(work)


def test_a_service_centre_that_is_silent_gets_no_more_than_a_window_s_texts_into_doubt() -> None:
    async def work() -> None:
        settings: dict[str, Any] = {"window": 2, "silence_seconds": 600}
        async with small_centre() as centre, provider_at(centre, **settings) as provider:
            await bound(provider)
            centre.does |= {SUBMIT: keep, ENQUIRE: keep}
            outcomes = await asyncio.gather(*sending(provider, *"abcdef"))
            assert outcomes[:2] == [Unknown("timeout")] * 2
            assert outcomes[2:] == [Rejected(permanent=False, code="not_bound")] * 4
            assert len(centre.of(SUBMIT)) == 2

    in_loop(work)


def test_one_answer_that_stays_out_stops_nobody_else() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, window=1, silence_seconds=600) as provider:
            await bound(provider)
            centre.does[SUBMIT] = keep
            assert await provider.send(a_text("lost")) == Unknown("timeout")
            del centre.does[SUBMIT]
            centre.lines[0].waiting.clear()
            assert await provider.send(a_text("next")) == Accepted("1")
            assert len(centre.lines) == 1

    in_loop(work)


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (0x03, Rejected(permanent=False, code="ESME_RINVCMDID")),
        (0x02, Rejected(permanent=False, code="ESME_RINVCMDLEN")),
        (0x00, Unknown("malformed_answer")),
    ],
)
def test_a_nack_is_no_acceptance(status: int, outcome: Outcome) -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            centre.does[SUBMIT] = lambda line, asked: line.say(NACK, asked.sequence, status=status)
            assert await provider.send(a_text()) == outcome

    in_loop(work)


def test_a_vendor_s_status_neither_cuts_nor_loses_anything() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            centre.does[SUBMIT] = lambda line, asked: line.answer(asked, status=0x0000_0401)
            assert await provider.send(a_text()) == Rejected(permanent=False, code="0x00000401")
            del centre.does[SUBMIT]
            assert await provider.send(a_text()) == Accepted("1")
            assert len(centre.lines) == 1

    in_loop(work)


@pytest.mark.parametrize("body", [b"", b"\0"])
def test_an_acceptance_without_an_id_leaves_a_doubt(body: bytes) -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            centre.does[SUBMIT] = lambda line, asked: line.answer(asked, body)
            assert await provider.send(a_text()) == Unknown("malformed_answer")

    in_loop(work)


def test_whoever_asks_whether_we_are_there_is_answered_and_nonsense_is_nacked() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            [line] = centre.lines
            line.say(ENQUIRE, 77)
            line.say(0x0000_0103, 78, b"data_sm is not spoken here")
            await until(lambda: line.of(ENQUIRE_ANSWER) and line.of(NACK))
            assert line.of(ENQUIRE_ANSWER) == [Heard(ENQUIRE_ANSWER, 0, 77, b"")]
            assert line.of(NACK) == [Heard(NACK, 0x03, 78, b"")]
            assert provider.bound.up == 1

    in_loop(work)


def test_after_silence_it_is_asked_whether_anybody_is_there_and_who_answers_stays() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, silence_seconds=1) as provider:
            await bound(provider)
            assert centre.of(ENQUIRE) == []
            await until(lambda: len(centre.of(ENQUIRE)) == 2)
            assert len(centre.lines) == 1

    in_loop(work)


def test_who_does_not_answer_is_cut_and_bound_again_and_stops_nobody_meanwhile() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, silence_seconds=1) as provider:
            await bound(provider)
            centre.does[ENQUIRE] = keep
            await until(lambda: len(centre.lines) == 2)
            await bound(provider)
            assert centre.lines[0].is_over

    in_loop(work)


def test_octets_that_are_no_pdus_end_the_session_and_what_waits_leaves_by_the_next() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, window=1) as provider:
            await bound(provider)
            centre.does[SUBMIT] = lambda line, _asked: line.writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            first, *rest = sending(provider, "a", "b", "c")
            assert await first == Unknown("connection_lost")
            del centre.does[SUBMIT]
            assert await asyncio.gather(*rest) == [Accepted("1"), Accepted("2")]
            assert len(centre.lines) == 2

    in_loop(work)


def test_when_the_other_side_says_good_bye_it_is_answered_and_we_come_again() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            [line] = centre.lines
            line.say(UNBIND, 5)
            await until(lambda: line.is_over)
            assert line.of(UNBIND_ANSWER) == [Heard(UNBIND_ANSWER, 0, 5, b"")]
            assert await provider.send(a_text()) == Accepted("1")
            assert len(centre.lines) == 2

    in_loop(work)


def test_answers_that_come_between_the_other_side_s_good_bye_and_ours_are_heard() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            centre.does[SUBMIT] = keep
            [task] = sending(provider, "a")
            [line] = centre.lines
            await until(lambda: line.waiting)
            line.say(UNBIND, 5)
            await asyncio.sleep(0.1)
            line.take_all()
            assert await task == Accepted("1")
            await until(lambda: line.is_over)
            assert len(line.of(UNBIND_ANSWER)) == 1

    in_loop(work)


def test_a_request_that_was_cut_off_is_in_doubt_and_one_that_has_not_left_is_not() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, window=2, answer_seconds=5) as provider:
            await bound(provider)
            centre.does[SUBMIT] = keep
            tasks = sending(provider, "a", "b", "c")
            await until(lambda: len(centre.lines[0].waiting) == 2)
            del centre.does[SUBMIT]
            centre.lines[0].cut()
            assert await asyncio.gather(*tasks) == [
                Unknown("connection_lost"),
                Unknown("connection_lost"),
                Accepted("1"),
            ]

    in_loop(work)


def test_sequence_numbers_begin_again_after_the_last() -> None:
    async def work() -> list[int]:
        async with small_centre() as centre:
            session = Session(Mode.TRANSCEIVER, lambda _session, _pdu: None, 1, 30)
            await asyncio.get_running_loop().create_connection(lambda: session, "127.0.0.1", centre.port)
            session._sequence = LAST_SEQUENCE - 2
            assert await session.bind(Login("kommunen", "hemligt", "", "")) == 0
            found = [await session.is_answered() for _ in range(3)]
            await session.end()
            assert found == [True] * 3
            return [heard.sequence for heard in centre.lines[0].heard]

    assert in_loop(work) == [0x7FFF_FFFE, 0x7FFF_FFFF, 1, 2, 3]


def test_a_password_is_in_no_error_s_words() -> None:
    assert "hemligt" not in repr(Login("kommunen", "hemligt", "", ""))


def test_a_check_asks_by_the_session_that_is_there_else_by_one_of_its_own_that_ends() -> None:
    async def work() -> None:
        async with small_centre() as centre:
            async with provider_at(centre) as provider:
                await bound(provider)
                assert await provider.check() == Verdict(State.WELL)
                assert len(centre.lines) == 1
                assert len(centre.of(ENQUIRE)) == 1
            async with provider_at(centre, inbox=None) as provider:
                assert await provider.check() == Verdict(State.WELL)
                await until(lambda: not centre.open)
                assert [heard.command for heard in centre.lines[1].heard] == [0x09, ENQUIRE, UNBIND]

    in_loop(work)


def test_a_check_that_is_given_up_leaves_no_session_behind() -> None:
    async def work() -> None:
        async with small_centre() as centre, provider_at(centre, inbox=None, answer_seconds=20) as provider:
            centre.does[ENQUIRE] = keep
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await provider.check()
            await until(lambda: not centre.open, 2)

    in_loop(work)


def test_a_message_id_of_a_deliver_sm_s_answer_is_empty() -> None:
    async def work() -> None:
        events: Events = []
        async with small_centre() as centre, provider_at(centre, inbox=into(events)) as provider:
            await bound(provider)
            [line] = centre.lines
            line.say(0x05, 9, deliver(b"Hej"))
            await until(lambda: line.of(DELIVER_ANSWER))
            assert line.of(DELIVER_ANSWER) == [Heard(DELIVER_ANSWER, 0, 9, b"\0")]
            assert len(events) == 1

    in_loop(work)


def test_what_comes_in_one_piece_with_the_answer_is_heard_too() -> None:
    def answer_and_deliver(line: Line, asked: Heard) -> None:
        whole = struct.pack("!IIII", 16 + 2, SUBMIT_ANSWER, 0, asked.sequence) + b"7\0"
        receipt = deliver(b"id:7 stat:DELIVRD err:000", esm_class=4)
        line.writer.write(whole + struct.pack("!IIII", 16 + len(receipt), 0x05, 0, 1) + receipt)

    async def work() -> None:
        events: Events = []
        async with small_centre() as centre, provider_at(centre, inbox=into(events)) as provider:
            await bound(provider)
            centre.does[SUBMIT] = answer_and_deliver
            assert await provider.send(a_text()) == Accepted("7")
            await until(lambda: events)

    in_loop(work)
