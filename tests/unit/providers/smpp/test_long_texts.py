"""What becomes of a text of several parts when not all of them are taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from messa_platform.providers.base import Accepted, Outcome, Rejected, Unknown
from messa_platform.providers.kit.desk import a_text
from messa_platform.providers.smpp import plugin
from tests.support.smpp_centre import (
    SUBMIT,
    Heard,
    Line,
    SmallCentre,
    bound,
    in_loop,
    provider_at,
    small_centre,
    until,
)

pytestmark = pytest.mark.timeout(40)

LONG = "a" * 153 + "b" * 153 + "c" * 10
Answer = Callable[[Line, Heard, int, int], None]


def number_of(asked: Heard) -> int:
    """Which part it is, by its header."""
    at = asked.body.index(b"\5\0\3")
    return asked.body[at + 5]


def sent(answer: Answer) -> tuple[Outcome, list[int]]:
    """What becomes of a text in three parts, and the parts that came; `answer` is told a part's number, and how often it came before."""

    def does(line: Line, asked: Heard) -> None:
        number = number_of(asked)
        came.append(number)
        answer(line, asked, number, came.count(number) - 1)

    async def work() -> Outcome:
        async with small_centre() as centre, provider_at(centre) as provider:
            await bound(provider)
            centre.does[SUBMIT] = does
            return await provider.send(a_text(LONG))

    came: list[int] = []
    return in_loop(work), came


def test_when_all_are_taken_each_has_its_reference() -> None:
    outcome, came = sent(lambda line, asked, _number, _before: line.take(asked))
    assert outcome == Accepted("1", 3, more=("2", "3"))
    assert came == [1, 2, 3]


@pytest.mark.parametrize(("status", "permanent"), [(0x0B, True), (0x58, False)])
def test_when_the_first_is_refused_nothing_else_leaves(status: int, permanent: bool) -> None:
    outcome, came = sent(lambda line, asked, _number, _before: line.answer(asked, status=status))
    assert isinstance(outcome, Rejected)
    assert outcome.permanent is permanent
    assert came == [1]


def test_a_later_part_that_is_refused_for_good_spoils_the_text() -> None:
    def answer(line: Line, asked: Heard, number: int, _before: int) -> None:
        if number == 2:
            line.answer(asked, status=0x0A)
        else:
            line.take(asked)

    outcome, came = sent(answer)
    assert outcome == Rejected(permanent=True, code="ESME_RINVSRCADR")
    assert came == [1, 2, 3]


def test_a_later_part_that_finds_no_room_for_a_while_is_tried_again_alone() -> None:
    def answer(line: Line, asked: Heard, number: int, before: int) -> None:
        if number == 3 and before < 2:
            line.answer(asked, status=0x58)
        else:
            line.take(asked)

    outcome, came = sent(answer)
    assert outcome == Accepted("1", 3, more=("2", "3"))
    assert came == [1, 2, 3, 3, 3]


def test_a_later_part_that_never_finds_room_leaves_a_doubt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugin, "REST_PAUSES", (0.01, 0.01))

    def answer(line: Line, asked: Heard, number: int, _before: int) -> None:
        if number == 3:
            line.answer(asked, status=0x58)
        else:
            line.take(asked)

    assert sent(answer) == (Unknown("sent_in_part"), [1, 2, 3, 3, 3])


def test_what_is_cut_after_the_first_part_is_in_doubt_and_no_part_is_sent_twice() -> None:
    def answer(line: Line, asked: Heard, number: int, _before: int) -> None:
        if number == 1:
            line.take(asked)
        else:
            line.cut()

    outcome, came = sent(answer)
    assert outcome == Unknown("sent_in_part")
    assert sorted(came) == sorted(set(came))


def test_parts_that_have_not_left_yet_when_the_session_is_cut_leave_by_the_next() -> None:
    def answer(line: Line, asked: Heard, number: int, _before: int) -> None:
        line.take(asked)
        if number == 1:
            asyncio.get_running_loop().call_soon(line.writer.close)

    outcome, came = sent(answer)
    assert came[0] == 1
    assert len(came) == len(set(came))
    assert isinstance(outcome, Accepted | Unknown)


def test_a_text_of_which_the_first_part_was_taken_is_whole_before_the_sessions_end() -> None:
    async def work(centre: SmallCentre) -> Outcome:
        async with provider_at(centre) as provider:
            await bound(provider)
            centre.does[SUBMIT] = lambda _line, _asked: None
            task = asyncio.ensure_future(provider.send(a_text(LONG)))
            await until(lambda: centre.lines[0].waiting)
            closing = asyncio.ensure_future(provider.close())
            await asyncio.sleep(0.1)
            del centre.does[SUBMIT]
            centre.lines[0].take_all()
            await closing
            return await task

    async def all_of_it() -> tuple[Outcome, int]:
        async with small_centre() as centre:
            return await work(centre), len(centre.of(SUBMIT))

    assert in_loop(all_of_it) == (Accepted("1", 3, more=("2", "3")), 3)


def test_references_of_texts_differ_and_begin_again_after_the_last() -> None:
    async def work() -> list[bytes]:
        async with small_centre() as centre, provider_at(centre, long_texts="udh16") as provider:
            provider._reference = 0xFFFE
            for _ in range(3):
                await provider.send(a_text("a" * 161))
            bodies = [asked.body for asked in centre.of(SUBMIT)]
            return [body[body.index(b"\6\x08\4") + 3 :][:2] for body in bodies]

    assert in_loop(work) == [b"\xff\xff", b"\xff\xff", b"\0\0", b"\0\0", b"\0\1", b"\0\1"]
