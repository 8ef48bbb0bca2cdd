"""Which channel calls is known without asking the database each time, and what was changed about it counts within the second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from messa_platform.core.crypto import Keys
from messa_platform.providers.callback_channels import FRESH, CallbackChannels, OutOfOrder, Ready
from messa_platform.providers.elks.fake import KEY, ElksFake
from messa_platform.providers.elks.plugin import ElksProvider
from messa_platform.providers.secrets import divide
from messa_platform.runtime import Runtime
from tests.support.observe import statements, together
from tests.support.visitors import a_runtime
from tests.support.world import World


class Seconds:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def runtime(database_url: str, tmp_path: Path) -> Iterator[Runtime]:
    with a_runtime(database_url, tmp_path / "key") as runtime:
        yield runtime


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def channels(world: World, runtime: Runtime, seconds: Seconds) -> CallbackChannels:
    return CallbackChannels(world.database, runtime.providers, runtime.keys, seconds)


@pytest.fixture
def elks(world: World, runtime: Runtime) -> UUID:
    kept = divide(runtime.keys, ElksProvider, ElksFake().settings())
    return world.channel("elks", plugin="elks", settings=kept.plain, sealed=kept.sealed)


def key_of(channels: CallbackChannels, name: object) -> str:
    found = channels.find(str(name))
    assert isinstance(found, Ready)
    key: str = found.settings["callback_key"]
    return key


def set_key(world: World, keys: Keys, channel_id: UUID, key: str) -> None:
    kept = divide(keys, ElksProvider, {**ElksFake().settings(), "callback_key": key})
    world.run("UPDATE channel SET sealed = :sealed WHERE id = :id", sealed=kept.sealed, id=channel_id)


def test_a_channel_is_read_once_a_second_however_often_it_calls(
    world: World, channels: CallbackChannels, seconds: Seconds, elks: UUID
) -> None:
    assert key_of(channels, elks) == KEY
    with statements(world.database.engine) as seen:
        for _ in range(50):
            channels.find(str(elks))
            # an id may be written in many ways, and is one
            channels.find(str(elks).upper().replace("-", ""))
    assert seen == []
    seconds.now += FRESH
    with statements(world.database.engine) as seen:
        channels.find(str(elks))
        channels.find(str(elks))
    assert len(seen) == 1


def test_a_changed_secret_counts_within_the_second(
    world: World, runtime: Runtime, channels: CallbackChannels, seconds: Seconds, elks: UUID
) -> None:
    key_of(channels, elks)
    set_key(world, runtime.keys, elks, "another-callback-key-78")
    seconds.now += FRESH
    assert key_of(channels, elks) == "another-callback-key-78"


def test_what_did_not_change_is_not_opened_again(
    channels: CallbackChannels, seconds: Seconds, elks: UUID
) -> None:
    before = channels.find(str(elks))
    seconds.now += FRESH
    assert channels.find(str(elks)) is before


def test_a_channel_that_was_removed_is_not_there_any_more(
    world: World, channels: CallbackChannels, seconds: Seconds, elks: UUID
) -> None:
    key_of(channels, elks)
    world.run("DELETE FROM channel")
    seconds.now += FRESH
    assert channels.find(str(elks)) is None
    assert channels._kept == {}


def test_names_that_nobody_bears_are_not_kept(channels: CallbackChannels, elks: UUID) -> None:
    for n in range(100):
        assert channels.find(str(UUID(int=n))) is None
        assert channels.find(f"nobody-{n}") is None
    assert channels._kept == {}
    assert key_of(channels, elks) == key_of(channels, "elks")


def test_many_that_ask_at_once_are_read_together(
    world: World, channels: CallbackChannels, elks: UUID
) -> None:
    with statements(world.database.engine) as seen:
        found = together([lambda: channels.find(str(elks)) for _ in range(16)])
    assert len({id(each) for each in found}) == 1
    assert len(seen) <= 3


@pytest.mark.parametrize(
    "change",
    [
        "plugin = 'gone'",
        "settings = settings - 'username'",
        "sealed = 'sealed with a key that nobody has'",
    ],
)
def test_a_channel_that_cannot_be_used_now_is_told_to_call_again(
    world: World, channels: CallbackChannels, elks: UUID, change: str
) -> None:
    world.run(f"UPDATE channel SET {change}")
    assert channels.find(str(elks)) == OutOfOrder()
