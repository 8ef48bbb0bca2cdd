"""A process put together from its settings tells events by itself: woken at once, or by its sweeper."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from messa_platform.core.clock import SystemClock
from messa_platform.core.settings import WrongSettings
from messa_platform.messaging.outward import deliveries
from messa_platform.messaging.outward.endpoints import Made, Wish
from messa_platform.providers.base import IncomingText
from messa_platform.runtime.building import build
from messa_platform.runtime.parts import Runtime
from messa_platform.runtime.settings import read_settings
from messa_platform.serve import start_workers
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.outside import Outside
from tests.support.receiver import Receiver
from tests.support.world import World


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """A process of its own, at work."""
    values = {"security.key_file": str(tmp_path / "keys"), "outbound.allow_private": "true"}
    with contextlib.ExitStack() as stack:
        built = build(read_settings(values, {"MESSA_DATABASE_URL": database_url}), reads_queue=True)
        stack.callback(built.close)
        start_workers(built, stack)
        yield built


def test_what_comes_in_is_told_at_once_and_a_test_that_nobody_was_woken_for_within_seconds(
    runtime: Runtime, world: World, network: Network, master: Group, outside: Outside, receiver: Receiver
) -> None:
    anna = world.account(master, "anna@kommun.example")
    world.words(anna, ["+46701740605"])
    network.accept()
    local = world.value("SELECT local FROM message")
    author, place = world.author(master), outside.place(master)
    with runtime.database.unit_of_work() as session:
        made = runtime.endpoints.create(session, world.clock.now(), author, place, Wish(receiver.url()))
    assert isinstance(made, Made)
    # the process's own way in, whose mails go another
    sink = replace(runtime.sink, listener=network)
    begun = time.monotonic()
    with runtime.database.unit_of_work() as session:
        sink.take(
            session,
            SystemClock().now(),
            network.channel_id,
            [IncomingText("r1", "+46701740605", local, "Ja")],
        )
    receiver.wait_for(1, 5)
    assert time.monotonic() - begun < 1
    assert receiver.received[0].verified_by(made.secret)
    with runtime.database.unit_of_work() as session:
        deliveries.send_test(session, SystemClock().now(), author, place, made.endpoint.id)
    runtime.sweeper.start()
    receiver.wait_for(2, 5)
    assert receiver.types == ["message.incoming", "webhook.test"]


@pytest.mark.parametrize("wrong", [{"push.threads": "7"}, {"push.timeout": "11"}, {"push.timeout": "0"}])
def test_settings_that_would_let_one_hold_up_all_stop_the_start(wrong: dict[str, str]) -> None:
    with pytest.raises(WrongSettings, match=next(iter(wrong))):
        read_settings(wrong, {})
