"""Channels' secrets: sealed where they are kept, opened for the plugin alone, sealed anew after a rotation (providers/secrets.py)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import LargeBinary
from sqlalchemy.orm import Session

from messa_platform.core.crypto import Keys
from messa_platform.core.db import Base
from messa_platform.messaging.dispatch import Dispatcher, queue
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.providers.elks.fake import KEY, PASSWORD, USER, ElksFake
from messa_platform.providers.elks.plugin import ElksProvider
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.registry import NoProvider, WrongChannelSettings, checked_settings
from messa_platform.providers.secrets import divide, seal_all, whole
from messa_platform.runtime.sealed import COLUMNS, reseal
from tests.support.providers import KEYS, a_pool
from tests.support.world import World

GIVEN = {"username": USER, "password": PASSWORD, "callback_key": KEY, "url": "https://api.46elks.com"}


def dump(world: World) -> str:
    """All that the database holds, as text."""
    tables = world.rows("SELECT format('%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public'")
    return "\n".join(
        str(world.value(f"SELECT coalesce(json_agg(t)::text, '') FROM {table.name} t")) for table in tables
    )


def test_what_is_secret_is_apart_and_sealed_and_comes_together_again() -> None:
    divided = divide(KEYS, ElksProvider, GIVEN)
    assert divided.plain == {"username": USER, "url": "https://api.46elks.com"}
    assert divided.sealed is not None
    assert PASSWORD.encode() not in divided.sealed
    assert whole(KEYS, divided.plain, divided.sealed) == GIVEN


def test_what_another_key_has_sealed_is_no_provider() -> None:
    divided = divide(Keys([Fernet.generate_key().decode()]), ElksProvider, GIVEN)
    with pytest.raises(NoProvider, match=r"security\.keys"):
        whole(KEYS, divided.plain, divided.sealed)


def test_what_is_wrong_with_settings_is_told_without_the_secret() -> None:
    with pytest.raises(WrongChannelSettings) as caught:
        checked_settings(ElksProvider, {**GIVEN, "callback_key": "for-short", "url": 7})
    assert "for-short" not in str(caught.value)
    assert "callback_key" in str(caught.value)
    assert "url" in str(caught.value)


def test_secrets_that_stand_in_the_clear_are_sealed_and_the_channel_still_sends(world: World) -> None:
    fake, pool = ElksFake(), a_pool({"elks": ElksProvider}, 5)
    with fake.running():
        channel = world.channel("elks", plugin="elks", settings=fake.settings())
        assert PASSWORD in dump(world)
        for expected in (1, 0):
            with world.database.unit_of_work() as session:
                assert seal_all(session, pool, KEYS) == expected
        assert PASSWORD not in dump(world)
        assert KEY not in dump(world)
        row = world.rows("SELECT settings, sealed FROM channel")[0]
        assert set(row.settings) == {"username", "url"}
        send(world, pool, channel)
        assert [taken.text for taken in fake.taken] == ["Hej"]
    pool.close()


class Nobody:
    """Is told of what ends as UNSENT."""

    def unsent(self, session: Session, now: datetime, message_ids: Sequence[UUID]) -> None:
        """Nothing."""


def send(world: World, pool: ProviderPool, channel: UUID) -> None:
    """Hand a text in, and dispatch it by the channel."""
    world.submit(world.account(world.tenant(), "anna@kommun.example"), ["0701740605"], "Hej")
    outcomes = Outcomes(queue(timedelta(seconds=90)), Nobody())
    Dispatcher(world.database, world.clock, pool, outcomes, threading.Event()).run(channel, lambda: False)


def test_a_secret_that_changes_is_used_at_once(world: World) -> None:
    fake, pool = ElksFake(), a_pool({"elks": ElksProvider}, 5)
    with fake.running():
        wrong = divide(KEYS, ElksProvider, {**fake.settings(), "password": "not-the-password"})
        channel = world.channel("elks", plugin="elks", settings=wrong.plain, sealed=wrong.sealed)
        send(world, pool, channel)
        assert fake.taken == []
        right = divide(KEYS, ElksProvider, fake.settings())
        world.run("UPDATE channel SET sealed = :sealed", sealed=right.sealed)
        world.clock.move(timedelta(hours=1))
        outcomes = Outcomes(queue(timedelta(seconds=90)), Nobody())
        Dispatcher(world.database, world.clock, pool, outcomes, threading.Event()).run(channel, lambda: False)
        assert [taken.text for taken in fake.taken] == ["Hej"]
    pool.close()


NOT_SEALED = {"raw", "digest", "csrf", "binding", "key", "data"}
"""Digests, mails and files: what is kept of a secret so that it cannot be had again, or no secret."""


def test_every_column_that_is_sealed_is_sealed_anew() -> None:
    known = {f"{table}.{column}" for table, column in COLUMNS}
    found = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary) and column.name not in NOT_SEALED
    }
    assert found == known


def test_after_a_rotation_the_new_key_alone_opens_all_that_any_of_them_opened(world: World) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    sealed = divide(Keys([old]), ElksProvider, GIVEN)
    lost = Keys([Fernet.generate_key().decode()]).seal(b"{}")
    world.channel("elks", plugin="elks", settings=sealed.plain, sealed=sealed.sealed)
    world.channel("lost", plugin="elks", settings={}, sealed=lost)
    anna = world.account(world.tenant(), "anna@kommun.example")
    secret = Keys([old]).seal(b"TOTP")
    world.run("UPDATE account SET totp_secret = :secret WHERE id = :id", secret=secret, id=anna)
    assert reseal(world.database, Keys([new, old])) == {
        "channel.sealed": 1,
        "channel.sealed, lost": 1,
        "account.totp_secret": 1,
    }
    only = Keys([new])
    row = world.rows("SELECT settings, sealed FROM channel WHERE name = 'elks'")[0]
    assert whole(only, row.settings, bytes(row.sealed)) == GIVEN
    totp = world.value("SELECT totp_secret FROM account WHERE id = :id", id=anna)
    assert only.unseal(bytes(totp)) == b"TOTP"
    assert bytes(world.value("SELECT sealed FROM channel WHERE name = 'lost'")) == lost
