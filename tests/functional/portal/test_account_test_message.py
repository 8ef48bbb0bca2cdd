"""The test message to one's own mobile: to where, what, and how often (spec U1)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from messa_platform.core.clock import FixedClock
from messa_platform.runtime import Runtime
from messa_platform.tenants.models import Group
from tests.support.portal import seen
from tests.support.visitors import KARIN, Visitor, path_of, signed_in
from tests.support.world import World

MOBILE = "+46703456789"


@pytest.fixture
def visitor(runtime: Runtime, karin: UUID) -> Visitor:
    """Karin, signed in."""
    return signed_in(runtime, KARIN)


@pytest.fixture
def reachable(world: World, karin: UUID) -> None:
    """There is a channel, and Karin has a mobile."""
    world.channel()
    world.run("UPDATE account SET mobile = :mobile WHERE id = :id", mobile=MOBILE, id=karin)


def test_without_a_mobile_there_is_no_test_message(visitor: Visitor, world: World) -> None:
    assert "test-sms" not in visitor.get("/account").text
    page = visitor.send("/account", {}, to="/account/test-sms")
    assert page.status_int == 422 and page.html.find(id="mobile-error") is not None
    assert world.value("SELECT count(*) FROM message") == 0


def test_the_test_message_goes_to_the_owners_mobile_with_the_signature(
    visitor: Visitor, world: World, karin: UUID, reachable: None
) -> None:
    world.run("UPDATE account SET signature = :signature", signature="/ Karin")
    answer = visitor.send("/account", {}, to="/account/test-sms")
    assert path_of(answer) == "/account?said=test-sent"
    assert "on its way" in seen(visitor.follow(answer))
    [message] = world.rows("SELECT account_id, remote, text, status, door, parts FROM message")
    assert (message.account_id, message.remote, message.status, message.door) == (
        karin,
        MOBILE,
        "QUEUED",
        "portal",
    )
    assert message.text.startswith("Test message from messa.") and message.text.endswith("\n/ Karin")


def test_the_test_message_goes_to_the_mobile_that_is_saved_whatever_is_posted(
    visitor: Visitor, world: World, reachable: None
) -> None:
    visitor.send("/account", {"mobile": "+46701740605", "to": "+46701740605"}, to="/account/test-sms")
    assert [row.remote for row in world.rows("SELECT remote FROM message")] == [MOBILE]


def test_one_test_message_a_minute_is_enough(
    visitor: Visitor, world: World, reachable: None, clock: FixedClock
) -> None:
    clock.move(timedelta(seconds=59))  # the minute by which the text is called ends soon
    assert visitor.send("/account", {}, to="/account/test-sms").status_int == 303
    for step in (0, 1, 58):
        clock.move(timedelta(seconds=step))
        answer = visitor.send("/account", {}, to="/account/test-sms")
        assert answer.status_int == 429 and answer.headers["Retry-After"] == "60"
        assert "Wait a minute" in seen(answer)
    clock.move(timedelta(seconds=1))
    assert visitor.send("/account", {}, to="/account/test-sms").status_int == 303
    assert world.value("SELECT count(*) FROM message") == 2


def test_the_same_test_message_is_sent_again_within_24_hours(
    visitor: Visitor, world: World, reachable: None, clock: FixedClock
) -> None:
    for _ in range(3):
        assert visitor.send("/account", {}, to="/account/test-sms").status_int == 303
        clock.move(timedelta(minutes=5))
    assert world.value("SELECT count(*) FROM message WHERE status = 'QUEUED'") == 3


def test_a_test_message_that_is_not_sent_says_why(
    visitor: Visitor, world: World, master: Group, reachable: None
) -> None:
    world.account_quota(master, 0)
    page = visitor.send("/account", {}, to="/account/test-sms")
    assert page.status_int == 422
    assert "not allowed to send" in seen(page)
    assert path_of(visitor.get("/account/test-sms")) == "/account", "where the browser stands now leads back"
