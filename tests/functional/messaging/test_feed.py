"""What is told of changes, and what a process may believe because it has heard nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import count
from uuid import UUID

import psycopg
import pytest

from messa_platform.core.clock import FixedClock, SystemClock
from messa_platform.core.ids import new_id
from messa_platform.core.listen import Listener
from messa_platform.messaging import conversation, feed
from messa_platform.messaging.feed import CHANNEL, MARGIN, MEMORY, Changes
from messa_platform.providers.base import IncomingText
from messa_platform.tenants.models import Group
from tests.support.network import Network
from tests.support.observe import statements
from tests.support.processes import wait_for
from tests.support.world import World

PHONE, OTHER_PHONE = "+46701740605", "+46701740606"
OURS = "+467301214000000"
SECOND = timedelta(seconds=1)

_references = count()


def incoming(sender: str = PHONE, to: str = OURS) -> IncomingText:
    return IncomingText(f"in-{next(_references)}", sender, to, "Ja")


@pytest.fixture
def anna(world: World, master: Group) -> UUID:
    """An account."""
    return world.account(master, "anna@kommun.example")


@pytest.fixture
def bo(world: World, master: Group) -> UUID:
    """Another."""
    return world.account(master, "bo@kommun.example")


class Told:
    """The accounts that were told, by their ids."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def since_last(self) -> list[UUID]:
        """Since this was last asked."""
        self._connection.execute("SELECT 1")
        return [UUID(said.payload) for said in self._connection.notifies(timeout=0.05)]


@pytest.fixture
def told(database_url: str) -> Iterator[Told]:
    """Hears what is told from now on."""
    plain = database_url.replace("postgresql+psycopg", "postgresql")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}".encode())
        yield Told(connection)


def test_a_text_that_is_handed_in_tells_its_account(world: World, told: Told, anna: UUID, bo: UUID) -> None:
    world.submit(anna, [PHONE, OTHER_PHONE])
    assert told.since_last() == [anna]


def test_a_text_that_is_refused_is_told_too(world: World, told: Told, anna: UUID, bo: UUID) -> None:
    world.submit(anna, [PHONE])
    told.since_last()
    assert world.words(anna, [PHONE]) == ["sms_already_sent_24H"]
    assert told.since_last() == [anna]


def test_a_status_that_moves_tells_the_account(
    world: World, network: Network, told: Told, anna: UUID, bo: UUID
) -> None:
    world.submit(anna, [PHONE])
    world.submit(bo, [PHONE])
    told.since_last()
    sent = network.accept()
    assert sorted(told.since_last()) == sorted([anna, bo])
    network.says((sent[0], "DELIVERED"))
    assert told.since_last() == [anna]


def test_a_receipt_that_changes_nothing_tells_nobody(
    world: World, network: Network, told: Told, anna: UUID
) -> None:
    world.submit(anna, [PHONE])
    [sent] = network.accept()
    network.says((sent, "DELIVERED"))
    told.since_last()
    network.says((sent, "BUFFERED"))
    assert told.since_last() == []


def test_a_reply_tells_the_account_that_holds_the_number(
    world: World, network: Network, told: Told, anna: UUID, bo: UUID
) -> None:
    world.submit(anna, [PHONE])
    told.since_last()
    network.brings(incoming(), incoming(to="+467301214999998"))
    assert told.since_last() == [anna]


def test_reading_and_renaming_a_thread_tell_the_owners_other_windows(
    world: World, network: Network, told: Told, anna: UUID
) -> None:
    world.submit(anna, [PHONE])
    network.brings(incoming())
    told.since_last()
    with world.database.unit_of_work() as session:
        thread = conversation.find_thread(session, anna, PHONE)
        assert thread
        conversation.mark_read(session, anna, thread)
    assert told.since_last() == [anna]
    with world.database.unit_of_work() as session:
        conversation.mark_read(session, anna, thread)
    assert told.since_last() == []  # nothing was unread any more
    with world.database.unit_of_work() as session:
        conversation.rename(session, anna, thread, "Görans jobbmobil")
    assert told.since_last() == [anna]


def test_what_is_rolled_back_is_never_told(world: World, told: Told, anna: UUID) -> None:
    session = world.database.sessions()
    feed.tell(session, [anna])
    session.rollback()
    session.close()
    assert told.since_last() == []


def test_many_accounts_are_told_in_one_statement(world: World, told: Told) -> None:
    accounts = [new_id() for _ in range(300)]
    with statements(world.database.engine) as seen, world.database.unit_of_work() as session:
        feed.tell(session, [*accounts, *accounts])
    assert len(seen) == 1
    assert sorted(told.since_last()) == accounts


def test_telling_nobody_asks_the_database_nothing(world: World) -> None:
    with statements(world.database.engine) as seen, world.database.unit_of_work() as session:
        feed.tell(session, [])
    assert seen == []


class Ear:
    """A listener in a test's hand."""

    def __init__(self, since: datetime | None) -> None:
        self.listening_since = since
        self._callbacks: list[Callable[[str], None]] = []

    def subscribe(self, channel: str, callback: Callable[[str], None]) -> None:
        assert channel == CHANNEL
        self._callbacks.append(callback)

    def hear(self, word: object) -> None:
        """Something is said."""
        for callback in self._callbacks:
            callback(str(word))


@pytest.fixture
def ear(clock: FixedClock) -> Ear:
    """Has listened for a day."""
    return Ear(clock.now() - timedelta(days=1))


@pytest.fixture
def changes(ear: Ear, clock: FixedClock) -> Changes:
    """What was heard by the ear."""
    return Changes(ear, clock)


ANNA, BO = new_id(), new_id()


def test_an_account_of_which_nothing_was_heard_is_quiet(changes: Changes, clock: FixedClock) -> None:
    assert changes.quiet_since(ANNA, clock.now() - 10 * SECOND)


def test_an_account_that_was_told_of_is_not_quiet_since_before_then(
    changes: Changes, ear: Ear, clock: FixedClock
) -> None:
    rendered = clock.now()
    clock.move(10 * SECOND)
    ear.hear(ANNA)
    clock.move(10 * SECOND)
    assert not changes.quiet_since(ANNA, rendered)
    assert changes.quiet_since(BO, rendered)
    assert changes.quiet_since(ANNA, clock.now())


@pytest.mark.parametrize(("late", "quiet"), [(-SECOND, False), (MARGIN, False), (MARGIN + SECOND, True)])
def test_what_is_told_at_about_the_same_time_counts_as_later(
    changes: Changes, ear: Ear, clock: FixedClock, late: timedelta, quiet: bool
) -> None:
    told_at = clock.now()
    ear.hear(ANNA)
    clock.move(MARGIN * 2)
    assert changes.quiet_since(ANNA, told_at + late) is quiet


def test_told_twice_the_later_time_counts(changes: Changes, ear: Ear, clock: FixedClock) -> None:
    for _ in range(2):
        rendered = clock.now()
        clock.move(5 * SECOND)
        ear.hear(ANNA)
    clock.move(5 * SECOND)
    assert not changes.quiet_since(ANNA, rendered)


def test_who_does_not_listen_knows_nothing(changes: Changes, ear: Ear, clock: FixedClock) -> None:
    ear.listening_since = None
    assert not changes.quiet_since(ANNA, clock.now())


def test_what_was_before_the_listening_began_is_not_known(
    changes: Changes, ear: Ear, clock: FixedClock
) -> None:
    began = ear.listening_since = clock.now()
    clock.move(60 * SECOND)
    assert not changes.quiet_since(ANNA, began - SECOND)
    assert not changes.quiet_since(
        ANNA, began + SECOND
    )  # its page may have been read from before by another machine's clock
    assert changes.quiet_since(ANNA, began + MARGIN)


def test_a_page_is_rendered_again_after_an_hour(changes: Changes, clock: FixedClock) -> None:
    rendered = clock.now()
    clock.move(MEMORY - MARGIN)
    assert changes.quiet_since(ANNA, rendered)
    clock.move(SECOND)
    assert not changes.quiet_since(ANNA, rendered)


def test_a_page_from_the_future_is_rendered_again(changes: Changes, clock: FixedClock) -> None:
    assert changes.quiet_since(ANNA, clock.now() + MARGIN)
    assert not changes.quiet_since(ANNA, clock.now() + MARGIN + SECOND)


def held(changes: Changes) -> int:
    return len(changes._told)


def test_the_memory_holds_no_more_than_the_last_hour(changes: Changes, ear: Ear, clock: FixedClock) -> None:
    for _ in range(100):
        ear.hear(new_id())
    clock.move(MEMORY)
    ear.hear(ANNA)
    assert held(changes) == 101
    clock.move(SECOND)
    ear.hear(ANNA)
    assert held(changes) == 1


def test_the_memory_is_bounded_and_what_was_forgotten_is_not_called_quiet(
    changes: Changes, ear: Ear, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed, "MOST_ACCOUNTS", 10)
    rendered = clock.now()
    clock.move(10 * SECOND)
    ear.hear(ANNA)
    for _ in range(10):
        clock.move(10 * SECOND)
        ear.hear(new_id())
    assert held(changes) == 10
    assert not changes.quiet_since(ANNA, rendered)
    assert not changes.quiet_since(BO, rendered)
    assert changes.quiet_since(BO, rendered + 30 * SECOND)


def test_a_word_that_names_no_account_changes_nothing(changes: Changes, ear: Ear, clock: FixedClock) -> None:
    ear.hear("inget konto")
    clock.move(10 * SECOND)
    assert held(changes) == 0
    assert changes.quiet_since(ANNA, clock.now())


@contextmanager
def listening(world: World) -> Iterator[tuple[Changes, Listener]]:
    """What a process knows that listens to the test's database by the machine's clock."""
    url = world.database.engine.url.render_as_string(hide_password=False)
    listener = Listener(url, SystemClock())
    changes = Changes(listener, SystemClock())
    listener.start()
    try:
        wait_for(lambda: listener.listening_since)
        yield changes, listener
    finally:
        listener.close()


def test_a_commit_is_known_to_a_listening_process(world: World, anna: UUID, bo: UUID) -> None:
    with listening(world) as (changes, listener):
        wait_for(lambda: changes.quiet_since(anna, SystemClock().now()))
        rendered = SystemClock().now()
        world.submit(anna, [PHONE])
        wait_for(lambda: not changes.quiet_since(anna, rendered))
        assert changes.quiet_since(bo, rendered)
        assert listener.listening_since
