"""Every plugin all the way: a text leaves for the provider's fake, and what the fake calls us with comes in by the web, is checked, stored, and
safe to repeat (spec X5)."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from sqlalchemy.orm import Session
from webtest import TestApp, TestResponse

from messa_platform.core.clock import FixedClock, SystemClock
from messa_platform.core.outbound import Outbound, OutboundSettings
from messa_platform.messaging.dispatch import Dispatcher, queue
from messa_platform.messaging.outcomes import Outcomes
from messa_platform.providers.base import Callback, Provider, ReceiptStatus
from messa_platform.providers.elks.fake import ElksFake
from messa_platform.providers.elks.plugin import ElksProvider
from messa_platform.providers.gatewayapi.fake import GatewayApiFake
from messa_platform.providers.gatewayapi.plugin import GatewayApiProvider
from messa_platform.providers.infobip.fake import InfobipFake
from messa_platform.providers.infobip.plugin import InfobipProvider
from messa_platform.providers.jasmin.fake import JasminFake
from messa_platform.providers.jasmin.plugin import JasminProvider
from messa_platform.providers.kannel.fake import KannelFake
from messa_platform.providers.kannel.plugin import KannelProvider
from messa_platform.providers.kit import Fake
from messa_platform.providers.kit.fake import CALLBACKS
from messa_platform.providers.pool import ProviderPool
from messa_platform.providers.registry import load_plugins
from messa_platform.providers.secrets import divide
from messa_platform.providers.sinch.fake import SinchFake
from messa_platform.providers.sinch.plugin import SinchProvider
from messa_platform.providers.twilio.fake import TwilioFake
from messa_platform.providers.twilio.plugin import TwilioProvider
from messa_platform.providers.vonage.fake import VonageFake
from messa_platform.providers.vonage.plugin import VonageProvider
from messa_platform.runtime import Runtime
from messa_platform.tenants.group_settings import Key
from tests.support.visitors import a_runtime, web
from tests.support.world import World

PUBLIC, CHANNEL = "https://sms.kommun.example", UUID(CALLBACKS.rpartition("/")[2])
PHONE = "+46701740605"

PAIRS: tuple[tuple[type[Any], type[Fake]], ...] = (
    (ElksProvider, ElksFake),
    (GatewayApiProvider, GatewayApiFake),
    (InfobipProvider, InfobipFake),
    (JasminProvider, JasminFake),
    (KannelProvider, KannelFake),
    (SinchProvider, SinchFake),
    (TwilioProvider, TwilioFake),
    (VonageProvider, VonageFake),
)


@dataclass
class Line:
    """A channel of a plugin's, with the provider's fake at its other end."""

    world: World
    runtime: Runtime
    app: TestApp
    fake: Fake
    dispatcher: Dispatcher
    number: str
    account_id: UUID

    def send(self, text: str = "Hej") -> UUID:
        """Send a text; gives the message."""
        self.world.submit(self.account_id, [PHONE], text)
        self.dispatcher.run(CHANNEL, lambda: False)
        identifier: UUID = self.world.value("SELECT id FROM message WHERE text = :text", text=text)
        return identifier

    def call(self, callback: Callback) -> TestResponse:
        """Call us as the provider does, behind a proxy that has another name."""
        parts = urlsplit(callback.url)
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {**callback.headers, "Host": "10.0.0.7:6543"}
        return self.app.request(
            path, method=callback.method, headers=headers, body=callback.body, expect_errors=True
        )

    def status(self, message_id: UUID) -> str:
        """Where a message stands."""
        status: str = self.world.value("SELECT status FROM message WHERE id = :id", id=message_id)
        return status


class Nobody:
    """Is told of what ends as UNSENT."""

    def unsent(self, session: Session, now: datetime, message_ids: Sequence[UUID]) -> None:
        """Nothing."""


@pytest.fixture(params=PAIRS, ids=lambda pair: pair[0].name)
def line(
    request: pytest.FixtureRequest, world: World, database_url: str, clock: FixedClock, tmp_path: Path
) -> Iterator[Line]:
    plugin, fake = request.param[0], request.param[1]()
    clock.move(SystemClock().now() - clock.now())  # fakes sign with the real time
    settings = {"messa.public_url": PUBLIC}
    with fake.running(), a_runtime(database_url, tmp_path / "key", clock, **settings) as runtime:
        way = Outbound(OutboundSettings(allow_private=True))
        pool = ProviderPool(load_plugins(), 20, (way, way), PUBLIC, runtime.keys)
        yield _line(world, runtime, plugin, fake, pool)
        pool.close()


def _line(world: World, runtime: Runtime, plugin: type[Provider], fake: Fake, pool: ProviderPool) -> Line:
    kept = divide(runtime.keys, plugin, fake.settings())
    world.channel("own", id=CHANNEL, plugin=plugin.name, settings=kept.plain, sealed=kept.sealed)
    world.numbers()
    group = world.tenant()
    world.set(group, Key.MAY_RECEIVE, True)
    anna = world.account(group, "anna@kommun.example")
    outcomes = Outcomes(queue(timedelta(seconds=90)), Nobody())
    dispatcher = Dispatcher(world.database, world.clock, pool, outcomes, threading.Event())
    line = Line(world, runtime, TestApp(web(runtime)), fake, dispatcher, "", anna)
    line.send("Den första, som lånar ett nummer")
    line.number = world.value("SELECT msisdn FROM number")
    return line


def word_for(fake: Fake, status: ReceiptStatus) -> str:
    return next(word for word, meant in fake.words.items() if meant is status)


def test_a_text_goes_out_and_its_receipts_come_in_however_often(line: Line) -> None:
    message = line.send("Hej från kommunen")
    taken = line.fake.taken[-1]
    assert (taken.text, taken.recipient, taken.sender) == ("Hej från kommunen", PHONE, line.number)
    assert line.status(message) == "SENT"
    delivered = line.fake.receipts(taken, word_for(line.fake, ReceiptStatus.DELIVERED))
    for callback in [*delivered, *delivered]:
        answer = line.call(callback)
        assert (answer.status_int, answer.body) == line.fake.wants()
    assert line.status(message) == "DELIVERED"
    for callback in line.fake.receipts(taken, word_for(line.fake, ReceiptStatus.UNDELIVERED)):
        line.call(callback)
    assert line.status(message) == "DELIVERED"  # the first end holds
    assert line.fake.wrong == []


def test_a_long_text_is_delivered_when_all_of_it_is(line: Line) -> None:
    message = line.send("Ett långt meddelande. " * 20)
    receipts = line.fake.receipts(line.fake.taken[-1], word_for(line.fake, ReceiptStatus.DELIVERED))
    for callback in receipts[:-1]:
        line.call(callback)
        assert line.status(message) == "SENT"
    line.call(receipts[-1])
    assert line.status(message) == "DELIVERED"


def test_a_text_from_a_phone_comes_to_who_holds_the_number_once(line: Line) -> None:
    written = "Tack för ert meddelande! " * 12 + "\U0001f600"
    callbacks = line.fake.incoming("in-1", PHONE, line.number, written)
    for callback in [*callbacks, *reversed(callbacks)]:
        answer = line.call(callback)
        assert (answer.status_int, answer.body) == line.fake.wants()
    rows = line.world.rows("SELECT text, account_id, remote FROM message WHERE direction = 'in'")
    assert [tuple(row) for row in rows] == [(written, line.account_id, PHONE)]


def test_what_is_forged_is_refused_and_stored_nowhere(line: Line) -> None:
    message = line.send("Hej")
    word = word_for(line.fake, ReceiptStatus.DELIVERED)
    callbacks = line.fake.receipts(line.fake.taken[-1], word) + line.fake.incoming(
        "in-1", PHONE, line.number, "Bluff"
    )
    for callback in callbacks:
        for forged in line.fake.forged(callback):
            line.world.clock.move(
                forged.at - line.world.clock.now()
            )  # one is genuine, and comes again much later
            # a key in the address is in the query, which the fake leaves out or spoils
            url = (
                urlsplit(forged.url)
                ._replace(query="&".join(f"{k}={v}" for k, v in forged.query.items()))
                .geturl()
            )
            answer = line.call(
                Callback(
                    forged.method, forged.path, forged.query, forged.headers, forged.body, url, forged.at
                )
            )
            assert 400 <= answer.status_int < 500, forged
    assert line.status(message) == "SENT"
    assert line.world.value("SELECT count(*) FROM message WHERE direction = 'in'") == 0


def test_no_secret_is_in_what_the_database_holds(line: Line) -> None:
    line.send("Hej")
    schema = load_plugins()[line.world.value("SELECT plugin FROM channel")].settings_schema  # type: ignore[union-attr]
    secrets = [
        str(value)
        for name, value in line.fake.settings().items()
        if schema[name].get("meta", {}).get("secret")
    ]
    assert secrets
    tables = line.world.rows(
        "SELECT format('%I', tablename) AS name FROM pg_tables WHERE schemaname = 'public'"
    )
    for table in tables:
        told = str(line.world.value(f"SELECT coalesce(json_agg(t)::text, '') FROM {table.name} t"))
        assert not any(secret in told for secret in secrets), table.name


def test_a_channel_is_found_by_its_id_and_a_tenant_s_by_nothing_else(line: Line) -> None:
    line.world.run(
        "UPDATE channel SET tenant_id = (SELECT tenant_id FROM account WHERE id = :id)", id=line.account_id
    )
    assert line.app.post(f"/providers/{CHANNEL}/receipts", b"", expect_errors=True).status_int in (
        400,
        401,
        403,
    )
    assert line.app.post("/providers/own/receipts", b"", expect_errors=True).status_int == 404
    assert line.app.post(f"/providers/{UUID(int=1)}/receipts", b"", expect_errors=True).status_int == 404
