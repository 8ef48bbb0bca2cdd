"""What Infobip answers to texts and questions, and what settings change in what it is asked."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from messa_platform.core.ids import new_id, new_id_at
from messa_platform.core.outbound import Answer, Fault, NoAnswer
from messa_platform.providers.base import (
    Absent,
    Accepted,
    Found,
    Outcome,
    Provider,
    Reconciles,
    Rejected,
    State,
    Surroundings,
    Unknown,
    Verdict,
)
from messa_platform.providers.infobip.fake import API_KEY, InfobipFake
from messa_platform.providers.infobip.plugin import InfobipProvider
from messa_platform.providers.kit.desk import Desk, a_text
from messa_platform.providers.kit.fake import CALLBACKS
from messa_platform.providers.registry import checked_settings
from tests.support.one_answer import OneAnswer, answer

MALFORMED = Unknown("malformed_answer")
SETTINGS = {"url": "x1y2z3.api.infobip.com/", "api_key": API_KEY, "callback_key": "a-key-in-addresses"}


def provider(told: OneAnswer, **changed: Any) -> InfobipProvider:
    settings = checked_settings(InfobipProvider, {**SETTINGS, **changed})
    return InfobipProvider(settings, Surroundings("kit", told, CALLBACKS))


def sent(told: Answer | NoAnswer) -> Outcome:
    return asyncio.run(provider(OneAnswer(told)).send(a_text()))


def replied(group: str, number: int | None = None, name: str | None = None) -> Outcome:
    status = {"groupName": group, "id": number, "name": name}
    return sent(answer({"messages": [{"messageId": "m-1", "status": status}]}))


def checked(told: Answer | NoAnswer) -> Verdict:
    return asyncio.run(provider(OneAnswer(told)).check())


def found(told: Answer | NoAnswer, message_id: UUID | None = None) -> Found:
    return asyncio.run(provider(OneAnswer(told)).find(message_id or new_id()))


def logged(message_id: UUID, *statuses: tuple[str, int, str], **more: Any) -> Answer:
    entries = [
        {"messageId": str(message_id), "status": {"groupName": group, "id": number, "name": name}, **more}
        for group, number, name in statuses
    ]
    return answer({"results": entries})


PENDING = ("PENDING", 7, "PENDING_ENROUTE")
NO_CREDIT = ("REJECTED", 12, "REJECTED_NOT_ENOUGH_CREDITS")
DUPLICATE = ("REJECTED", 23, "REJECTED_DUPLICATE_MESSAGE_ID")


# Replies to a text


@pytest.mark.parametrize("group", ["ACCEPTED", "PENDING", "DELIVERED", "OK", "pending"])
def test_a_text_is_accepted_in_any_group_that_means_so(group: str) -> None:
    assert replied(group, 26, f"{group}_X") == Accepted("m-1")


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (12, "REJECTED_NOT_ENOUGH_CREDITS"),
        (17, "REJECTED_PREPAID_PACKAGE_EXPIRED"),
        (18, "REJECTED_DESTINATION_NOT_REGISTERED"),
        (19, "REJECTED_ROUTE_NOT_AVAILABLE"),
        (20, "REJECTED_FLOODING_FILTER"),
        (21, "REJECTED_SYSTEM_ERROR"),
        (100, "UNDELIVERABLE_REJECTED_PLATFORM"),
        (999, "REJECTED_FOR_A_NEW_REASON"),
    ],
)
def test_a_refusal_for_a_reason_that_may_pass_keeps_the_text(number: int, name: str) -> None:
    assert replied("REJECTED", number, name) == Rejected(permanent=False, code=name)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (6, "REJECTED_NETWORK"),
        (8, "REJECTED_PREFIX_MISSING"),
        (10, "REJECTED_DND"),
        (11, "REJECTED_SOURCE"),
        (13, "REJECTED_SENDER"),
        (14, "REJECTED_DESTINATION_BLOCKLISTED"),
        (14, "REJECTED_DESTINATION_AS_IT_WAS_CALLED_BEFORE"),
        (25, "REJECTED_MESSAGE_TOO_LONG"),
        (52, "REJECTED_DESTINATION"),
        (None, "REJECTED_DESTINATION"),
    ],
)
def test_a_refusal_of_this_very_text_is_for_good(number: int | None, name: str) -> None:
    assert replied("REJECTED", number, name) == Rejected(permanent=True, code=name)


def test_a_refusal_is_known_in_lower_case_and_without_a_name() -> None:
    assert replied("rejected", 52, "rejected_destination") == Rejected(True, "REJECTED_DESTINATION")
    assert replied("REJECTED", 14) == Rejected(True, "REJECTED")
    assert replied("REJECTED", None, "<b>no word</b>") == Rejected(False, "REJECTED")


@pytest.mark.parametrize(
    ("group", "number", "name"),
    [("UNDELIVERABLE", 4, "UNDELIVERABLE_REJECTED_OPERATOR"), ("EXPIRED", 15, "EXPIRED_EXPIRED")],
)
def test_undeliverable_and_expired_in_the_reply_are_refusals(group: str, number: int, name: str) -> None:
    assert replied(group, number, name) == Rejected(permanent=False, code=name)


def test_a_refusal_that_leaves_a_doubt_is_asked_about_and_not_sent_again() -> None:
    assert replied(*DUPLICATE) == Unknown("REJECTED_DUPLICATE_MESSAGE_ID")
    assert replied("EXPIRED", 29, "EXPIRED_DLR_UNKNOWN") == Unknown("EXPIRED_DLR_UNKNOWN")


@pytest.mark.parametrize(
    "told",
    [
        {},
        [],
        {"messages": []},
        {"messages": "m-1"},
        {"messages": [None]},
        {"messages": [{"messageId": "m-1"}]},
        {"messages": [{"messageId": "m-1", "status": "PENDING"}]},
        {"messages": [{"messageId": "m-1", "status": {"groupName": 1}}]},
        {"messages": [{"messageId": "m-1", "status": {"groupName": "UNHEARD_OF"}}]},
        {"messages": [{"messageId": "", "status": {"groupName": "PENDING"}}]},
        {"messages": [{"status": {"groupName": "PENDING"}}]},
        {"messages": [{"messageId": m, "status": {"groupName": "PENDING"}} for m in "12"]},
        b"{",
    ],
)
def test_a_reply_that_does_not_say_what_came_of_the_text_leaves_a_doubt(told: Any) -> None:
    assert sent(answer(told)) == MALFORMED


@pytest.mark.parametrize(("count", "parts"), [(3, 3), (0, None), (True, None), ("3", None), (None, None)])
def test_the_reply_tells_the_parts(count: Any, parts: int | None) -> None:
    entry = {"messageId": "m-1", "status": {"groupName": "PENDING"}, "details": {"messageCount": count}}
    assert sent(answer({"messages": [entry]})) == Accepted("m-1", parts)


def test_an_error_is_told_by_its_own_word_in_either_form() -> None:
    older = {"requestError": {"serviceException": {"messageId": "BAD_REQUEST", "text": "Bad Request"}}}
    assert sent(answer(older, 400)) == Rejected(permanent=True, code="BAD_REQUEST")
    assert sent(answer({"errorCode": "E400", "description": "?"}, 400)) == Rejected(True, "E400")
    assert sent(answer({"errorCode": "E429"}, 429)) == Rejected(permanent=False, code="E429")
    assert sent(answer({"errorCode": "E403"}, 403)) == Rejected(permanent=False, code="E403")
    assert sent(answer(b"Bad Request", 400)) == Rejected(permanent=True, code="http_400")
    assert sent(answer({"errorCode": "as you\nlike it"}, 500)) == Rejected(False, "http_500")


@pytest.mark.parametrize("status", [502, 504])
def test_what_a_gateway_before_infobip_gave_up_leaves_a_doubt(status: int) -> None:
    assert sent(answer(b"<html>", status)) == Unknown(f"http_{status}")


@pytest.mark.parametrize("status", [404, 405])
def test_a_wrong_base_url_costs_no_text(status: int) -> None:
    assert sent(answer(b"not here", status)) == Rejected(permanent=False, code=f"http_{status}")


# Asked for by our id


def test_a_text_in_the_log_is_accepted_with_its_parts_and_what_all_of_them_cost() -> None:
    ours = new_id()
    price = {"pricePerMessage": 0.35, "currency": "SEK"}
    told = logged(ours, PENDING, messageCount=3, price=price)
    assert found(told, ours) == Accepted(str(ours), 3, Decimal("1.05"))


@pytest.mark.parametrize(
    "price",
    [
        {"pricePerMessage": 0.35, "currency": "EUR"},
        {"pricePerMessage": "0.35", "currency": "SEK"},
        {"pricePerMessage": float("nan"), "currency": "SEK"},
        None,
    ],
)
def test_a_price_that_is_not_in_our_currency_or_none_is_left_out(price: Any) -> None:
    ours = new_id()
    assert found(logged(ours, PENDING, messageCount=1, price=price), ours) == Accepted(str(ours), 1)


@pytest.mark.parametrize(
    "status",
    [("UNDELIVERABLE", 9, "UNDELIVERABLE_NOT_DELIVERED"), ("EXPIRED", 15, "EXPIRED_EXPIRED"), PENDING],
)
def test_what_came_of_a_text_later_does_not_make_it_refused(status: tuple[str, int, str]) -> None:
    ours = new_id()
    assert found(logged(ours, status), ours) == Accepted(str(ours))


def test_a_refusal_in_the_log_is_told_as_the_reply_would_have() -> None:
    ours = new_id()
    assert found(logged(ours, NO_CREDIT), ours) == Rejected(False, "REJECTED_NOT_ENOUGH_CREDITS")
    destination = ("REJECTED", 52, "REJECTED_DESTINATION")
    assert found(logged(ours, destination), ours) == Rejected(True, "REJECTED_DESTINATION")


def test_a_repeat_that_was_refused_does_not_hide_the_text() -> None:
    ours = new_id()
    assert found(logged(ours, DUPLICATE, PENDING), ours) == Accepted(str(ours))
    assert found(logged(ours, NO_CREDIT, DUPLICATE), ours) == Rejected(False, "REJECTED_NOT_ENOUGH_CREDITS")
    assert found(logged(ours, DUPLICATE), ours) == Unknown("REJECTED_DUPLICATE_MESSAGE_ID")


def test_an_empty_log_means_absent_only_as_long_as_the_log_is_kept() -> None:
    now, nothing = datetime.now(UTC), answer({"results": []})
    assert found(nothing, new_id_at(now - timedelta(hours=46))) == Absent()
    assert found(nothing, new_id_at(now - timedelta(hours=48))) == Unknown("no_longer_logged")


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"results": None},
        {"results": ["m-1"]},
        {"results": [{"messageId": "another's", "status": {"groupName": "PENDING"}}]},
        b"<html>",
    ],
)
def test_a_log_that_says_nothing_of_our_id_is_not_taken_for_absence(told: Any) -> None:
    assert found(answer(told)) == MALFORMED


def test_a_log_that_cannot_be_asked_now_leaves_the_doubt() -> None:
    assert found(answer({"errorCode": "E429"}, 429)) == Unknown("E429")
    assert found(answer(b"", 404)) == Unknown("http_404")
    assert found(NoAnswer(Fault.TOO_SLOW, sent=True)) == Unknown("too_slow")


def test_a_text_that_infobip_takes_for_a_repeat_is_found_and_sent_once() -> None:
    fake, text = InfobipFake(), a_text()
    with fake.running():
        desk = Desk(InfobipProvider, fake)
        first, second = desk.send_one(text), desk.send_one(text)

        async def ask(provider: Provider) -> Found:
            assert isinstance(provider, Reconciles)
            return await provider.find(text.message_id)

        third = desk.using(ask)
    assert first == Accepted(str(text.message_id), 1)
    assert second == Unknown("REJECTED_DUPLICATE_MESSAGE_ID")
    assert third == Accepted(str(text.message_id), 1, Decimal("0.35"))
    assert len(fake.taken) == 1
    assert fake.wrong == []


def test_a_text_that_was_refused_is_found_as_refused() -> None:
    fake, text = InfobipFake(), a_text()
    fake.says = NO_CREDIT
    with fake.running():
        desk = Desk(InfobipProvider, fake)
        refused = desk.send_one(text)

        async def ask(provider: Provider) -> Found:
            assert isinstance(provider, Reconciles)
            return await provider.find(text.message_id)

        assert desk.using(ask) == refused == Rejected(False, "REJECTED_NOT_ENOUGH_CREDITS")
    assert fake.taken == []


# The test of a channel


def test_the_balance_is_told_to_the_last_decimal() -> None:
    fake = InfobipFake()
    with fake.running():
        verdict = Desk(InfobipProvider, fake).using(lambda provider: provider.check())
    assert verdict == Verdict(State.WELL, "", Decimal("12.3"), "SEK")


@pytest.mark.parametrize(
    "told", [{}, {"balance": "much"}, {"balance": True}, {"balance": float("inf")}, b"x"]
)
def test_a_balance_that_is_none_is_not_told(told: Any) -> None:
    assert checked(answer(told)) == Verdict(State.WELL)


def test_a_channel_that_does_not_work_has_no_balance() -> None:
    assert checked(answer({"balance": 5, "currency": "SEK"}, 401)) == Verdict(State.WRONG_KEY, "http_401")
    assert checked(NoAnswer(Fault.UNKNOWN_HOST)) == Verdict(State.UNREACHABLE, "unknown_host")


# Settings


@pytest.mark.parametrize(
    "written",
    ["x1y2z3.api.infobip.com", " https://x1y2z3.api.infobip.com/ ", "https://x1y2z3.api.infobip.com"],
)
def test_the_base_url_may_be_written_as_the_portal_shows_it(written: str) -> None:
    told = OneAnswer(answer({}))
    asyncio.run(provider(told, url=written).check())
    assert [url for _, url, _ in told.asked] == ["https://x1y2z3.api.infobip.com/account/1/balance"]


def test_the_validity_and_the_scheme_change_what_is_asked() -> None:
    fake = InfobipFake()
    fake.scheme = "IBSSO"
    with fake.running():
        desk = Desk(InfobipProvider, fake)
        settings = desk.settings(validity="90", scheme="IBSSO")
        assert isinstance(desk.send_one(settings=settings), Accepted)
    assert fake.validity == [(90, "MINUTES")]
    assert fake.wrong == []


def test_no_validity_is_asked_for_unless_it_is_set() -> None:
    fake = InfobipFake()
    with fake.running():
        assert isinstance(Desk(InfobipProvider, fake).send_one(), Accepted)
    assert fake.validity == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"validity": 0},
        {"validity": 2881},
        {"scheme": "App x"},
        {"api_key": "a\r\nb"},
        {"callback_key": "short"},
    ],
)
def test_settings_that_infobip_could_not_take_are_refused_without_saying_them(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))) as refused:
        checked_settings(InfobipProvider, {**SETTINGS, **wrong})
    assert API_KEY not in str(refused.value)


def test_the_address_for_receipts_has_the_key_whatever_is_in_it() -> None:
    told = OneAnswer(answer({}))
    asyncio.run(provider(told, callback_key="a key & more = 17").send(a_text()))
    [(_, _, more)] = told.asked
    url = more["json"]["messages"][0]["webhooks"]["delivery"]["url"]
    assert url == f"{CALLBACKS}/receipts?key=a+key+%26+more+%3D+17"


def test_what_is_told_most_often_is_put_into_words() -> None:
    words = InfobipProvider.codes
    assert (
        words["UNDELIVERABLE_NOT_DELIVERED EC_ABSENT_SUBSCRIBER"]
        == words["EXPIRED_EXPIRED EC_ABSENT_SUBSCRIBER"]
    )
    assert {"UNAUTHORIZED", "http_401", "REJECTED_DESTINATION", "REJECTED_NOT_ENOUGH_CREDITS"} <= set(words)
