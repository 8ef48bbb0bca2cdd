"""The states of a message: the words of spec S6 and the ways of spec S7."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messa_platform.messaging.statuses import FINAL, NAMES_GROUP, NEXT, Status, may_follow, status_word

S = Status
SENDING = (S.QUEUED, S.UNCONFIRMED, S.SENT, S.BUFFERED)
"""The way of a text that leaves, in its order."""

SPELT = {
    "SCHEDULED", "CANCELLED", "QUEUED", "UNCONFIRMED", "SENT", "BUFFERED", "DELIVERED", "UNDELIVERED", "UNSENT", "INCOMING",
    "no_route", "destination_not_allowed", "tenant_suspended", "sms_already_sent_24H", "Personal", "Group",
    "no_sms_left:Personal", "no_sms_left:Group", "too_many_parts", "sender_not_verified", "invalid_number", "blocked",
}  # fmt: skip


def test_the_words_are_exactly_those_of_the_specification() -> None:
    assert {status.value for status in Status} == SPELT


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (S.NOT_ALLOWED_PERSONAL, "Personal:Skolan"),
        (S.NOT_ALLOWED_GROUP, "Group:Skolan"),
        (S.USED_UP_PERSONAL, "no_sms_left:Personal:Skolan"),
        (S.USED_UP_GROUP, "no_sms_left:Group:Skolan"),
    ],
)
def test_a_struck_limit_is_shown_with_the_name_of_its_group(status: Status, word: str) -> None:
    assert status_word(status, "Skolan") == word


@pytest.mark.parametrize("status", sorted(set(Status) - NAMES_GROUP))
def test_every_other_status_is_shown_as_it_is(status: Status) -> None:
    assert status_word(status, None) == status_word(status, "Skolan") == status.value


@pytest.mark.parametrize("old", SENDING)
@pytest.mark.parametrize("new", [*SENDING, S.DELIVERED, S.UNDELIVERED])
def test_a_text_that_leaves_only_goes_forward_and_may_skip(old: Status, new: Status) -> None:
    order = (*SENDING, S.DELIVERED, S.UNDELIVERED)
    assert may_follow(old, new) == (order.index(old) < order.index(new))


@pytest.mark.parametrize("old", [s for s in Status if s is not S.QUEUED])
def test_only_what_is_queued_can_end_as_unsent(old: Status) -> None:
    assert may_follow(S.QUEUED, S.UNSENT)
    assert not may_follow(old, S.UNSENT)


def test_what_is_scheduled_is_queued_or_cancelled() -> None:
    assert {new for new in Status if may_follow(S.SCHEDULED, new)} == {S.QUEUED, S.CANCELLED}


def test_a_final_status_is_left_for_nothing() -> None:
    assert {s for s in Status if not any(may_follow(s, new) for new in Status)} == FINAL
    assert {S.DELIVERED, S.UNDELIVERED, S.UNSENT, S.CANCELLED, S.INCOMING, S.NO_ROUTE} <= FINAL
    assert not FINAL & set(SENDING)


@given(st.lists(st.sampled_from(Status)))
def test_no_sequence_of_words_ever_comes_back_to_a_status_it_left(words: list[Status]) -> None:
    seen = [S.QUEUED]
    for word in words:
        if may_follow(seen[-1], word):
            seen.append(word)
    assert len(seen) == len(set(seen))
    assert seen[-1] in FINAL or seen[-1] in NEXT
